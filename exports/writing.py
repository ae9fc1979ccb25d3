"""The engine: rows in a format's bytes, piece by piece."""

from collections.abc import Iterable, Iterator

import polars as pl

from exports.base import BaseFormat
from exports.facts import Facts
from exports.layouts import LAYOUTS


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
    yield from LAYOUTS[form.layout].write(form, pieces, facts)
