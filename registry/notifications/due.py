"""When digests and reports are due, in the utility's zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from registry.notifications.rules import Frequency

_DAY = timedelta(days=1)
_LONGEST = 63
"""Days within which every frequency is due: two months."""


def latest_due(frequency: Frequency, zone: ZoneInfo, now: datetime) -> datetime:
    """When it was due last, once per local day at most.

    Args:
        frequency: When it is made.
        zone: The utility's zone.
        now: The present, UTC.

    Returns:
        The latest such instant up to now, UTC.
    """
    today = now.astimezone(zone).date()
    days = (today - back * _DAY for back in range(_LONGEST))
    due = (instant(day, frequency, zone) for day in days if is_on(frequency, day))
    return next(at for at in due if at <= now)


def instant(day: date, frequency: Frequency, zone: ZoneInfo) -> datetime:
    """The instant of a local day at which it is due, UTC."""
    return datetime.combine(day, frequency.at, zone).astimezone(UTC)


def is_on(frequency: Frequency, day: date) -> bool:
    """Whether it is due on a local day."""
    if frequency.day is not None:
        return day.day == min(frequency.day, monthrange(day.year, day.month)[1])
    return not frequency.weekdays or day.isoweekday() in frequency.weekdays


def days_before(frequency: Frequency, day: date) -> tuple[date, date]:
    """What a report that is due on a local day is about.

    Returns:
        First and last day, inclusive: the day before; of weekly reports seven days; of monthly ones the month before.
    """
    last = day - _DAY
    if frequency.day is not None:
        last = day.replace(day=1) - _DAY
        return last.replace(day=1), last
    return (last - 6 * _DAY if len(set(frequency.weekdays)) == 1 else last), last
