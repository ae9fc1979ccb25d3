"""Local days as instants, in milliseconds since 1970."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

HOUR_MS = 3_600_000


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an instant with offset."""
    return round(moment.timestamp() * 1000)


def local_ms(day: date, clock: time, zone: ZoneInfo) -> int:
    """The first instant of a local wall time; a skipped time counts as if the clock had not been changed yet."""
    return to_ms(datetime.combine(day, clock, zone).astimezone(UTC))


def midnights(start: date, days: int, zone: ZoneInfo) -> list[int]:
    """Starts of ``days`` local days and the end of the last."""
    return [local_ms(start + timedelta(days=number), time.min, zone) for number in range(days + 1)]


def local_hours(first_ms: int, count: int, zone: ZoneInfo) -> NDArray[np.int64]:
    """Local hour of the day of ``count`` UTC hours that follow each other, shape (count,)."""
    starts = (first_ms / 1000 + 3600 * np.arange(count)).tolist()
    return np.array([datetime.fromtimestamp(start, zone).hour for start in starts], dtype=np.int64)


def month_starts(first_ms: int, last_ms: int, zone: ZoneInfo) -> list[tuple[int, date]]:
    """Local month starts, from the last one at or before ``first_ms`` to the last at or before ``last_ms``."""
    day = datetime.fromtimestamp(first_ms / 1000, zone).date().replace(day=1)
    starts = []
    while (instant := local_ms(day, time.min, zone)) <= last_ms:
        starts.append((instant, day))
        day = (day + timedelta(days=32)).replace(day=1)
    return starts


def standard_offset_ms(day: date, zone: ZoneInfo) -> int:
    """Offset of the zone without summer time, which meters' clocks keep all year."""
    moment = datetime.combine(day, time(12), zone)
    offset, summer = moment.utcoffset(), moment.dst()
    if offset is None or summer is None:
        raise ValueError(f"time zone {zone} has no offset on {day}")
    return round((offset - summer) / timedelta(milliseconds=1))
