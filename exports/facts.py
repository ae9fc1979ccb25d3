"""What a file may say beside its rows."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


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
