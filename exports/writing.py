"""The engine: rows in a format's bytes, piece by piece."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from exports.formats import BaseFormat


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file may say beside its rows. The same facts, rows and format give the same bytes.

    Attributes:
        job: Name of the job.
        organisation: Name of the organisation that sends.
        zone: The utility's zone.
        period_from: Start of the period, UTC.
        period_to: End of the period, exclusive, UTC.
        as_of: Instant at which the rows were known, UTC; also what files call the time of their making.
        seq: Number of the job's file, from 1: the same for every try of the same run.
        revision: Number of the delivery of this period, from 1.
        version: Version of the program.
    """

    job: str
    organisation: str
    zone: ZoneInfo
    period_from: datetime
    period_to: datetime
    as_of: datetime
    seq: int
    revision: int
    version: str


def write(form: BaseFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows (:data:`exports.variables.SCHEMA` and the utility's own fields), in their order, in pieces
            that hold whole metering points.
        facts: What else the file may say.

    Yields:
        The file's bytes from begin to end; no more than one piece is held.

    Raises:
        ExportError: A row does not fit the format; nothing that was yielded before may be kept.
    """
    raise NotImplementedError
