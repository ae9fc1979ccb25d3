"""Periods of jobs: when a job is due, and which time its file is about.

Everything counts in the utility's zone. A period is ``[start, end)`` between local midnights as
:mod:`warehouse.transforms.calendar` has them, so that days have 23, 24 or 25 hours; hours are its hours, steps of an
hour in UTC from the start of a local day. Periods of the same schedule follow one another without gap or overlap, but
for those that look back: the last 24 hours, and the current month so far.

A run is due once per local hour, day, week or month. A local time that clocks leave out is when they go on; of one that
they show twice it is the second, as the orchestrator has it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

from exports.jobs import Schedule
from warehouse.transforms import calendar

MOST_MISSED = 31
"""Periods of a job that are asked for at once after a stop; older ones are asked for by hand."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_REACH = {"hourly": 2, "daily": 4, "weekly": 10, "monthly": 64}
"""Local days within which a run is due, with those that clocks may leave out."""
_SPAN = {
    "hourly": timedelta(hours=2),
    "daily": timedelta(days=2),
    "weekly": timedelta(days=8),
    "monthly": timedelta(days=32),
}
"""More than a period."""


@dataclass(frozen=True, slots=True)
class Period:
    """What a file is about.

    Attributes:
        start: Begin, UTC.
        end: End, exclusive, UTC.
    """

    start: datetime
    end: datetime


Due = tuple[datetime, Period]
"""When a run is due, UTC, and its period."""


def latest(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Due:
    """The run that was due last.

    Args:
        schedule: The job's schedule.
        zone: The utility's zone.
        now: Instant, UTC; a run that is due at it counts.
    """
    today = now.astimezone(zone).date()
    reach = timedelta(days=_REACH[schedule.interval])
    return [one for one in _runs(schedule, zone, today - reach, today + _DAY) if one[0] <= now][-1]


def next_due(schedule: Schedule, zone: ZoneInfo, now: datetime) -> datetime:
    """When the next run is due, after an instant (UTC)."""
    today = now.astimezone(zone).date()
    reach = timedelta(days=_REACH[schedule.interval])
    return next(due for due, _ in _runs(schedule, zone, today - _DAY, today + reach) if due > now)


def missed(schedule: Schedule, zone: ZoneInfo, after: datetime, now: datetime) -> list[Due]:
    """The runs that were due in a time, oldest first.

    Args:
        schedule: The job's schedule.
        zone: The utility's zone.
        after: Runs that were due before it do not count, UTC.
        now: End of the time, included.

    Returns:
        The newest :data:`MOST_MISSED`. Of schedules that look back only the newest: what it is about holds the others'.
    """
    most = 1 if looks_back(schedule) else MOST_MISSED
    first = max(after.astimezone(zone).date(), now.astimezone(zone).date() - most * _SPAN[schedule.interval])
    runs = _runs(schedule, zone, first - _DAY, now.astimezone(zone).date() + _DAY)
    return [one for one in runs if after <= one[0] <= now][-most:]


def looks_back(schedule: Schedule) -> bool:
    """Whether periods of a schedule overlap."""
    return {"hourly": schedule.last_24_hours, "monthly": schedule.month_to_date}.get(schedule.interval, False)


def running(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Period:
    """What has passed since the period of the last run: for files about what became known since the last one."""
    _, period = latest(schedule, zone, now)
    return Period(period.end, now) if period.end < now else period


def of_days(first: date, last: date, zone: ZoneInfo) -> Period:
    """From the first to the last local day, both included."""
    start, end = (_start(calendar.local_days(day, day + _DAY, zone).rows(), day) for day in (first, last + _DAY))
    return Period(start, end)


def cron(schedule: Schedule) -> str:
    """When the orchestrator looks, in the utility's zone: at each run that is due, and on some days more.

    There is no cron for "on the 31st, or the last of the month": such a job is looked at on each of the last days.
    """
    if schedule.interval == "hourly":
        return f"{schedule.minute} * * * *"
    at = f"{schedule.at.minute} {schedule.at.hour}"
    if schedule.interval == "daily":
        return f"{at} * * *"
    if schedule.interval == "weekly":
        return f"{at} * * {schedule.weekday % 7}"
    return f"{at} {schedule.day} * *" if schedule.day <= 28 else f"{at} 28-31 * *"


_Day = tuple[date, datetime, datetime]
"""A local day, its start and its end."""


def _runs(schedule: Schedule, zone: ZoneInfo, first: date, last: date) -> Iterator[Due]:
    """Runs that are due on local days, in order; of hourly jobs perhaps some more."""
    if schedule.interval == "hourly":
        return _hourly(schedule, zone, first, last)
    if schedule.interval == "daily":
        return _daily(schedule, zone, first, last)
    return _by_date(schedule, zone, first, last)


def _hourly(schedule: Schedule, zone: ZoneInfo, first: date, last: date) -> Iterator[Due]:
    late = timedelta(minutes=schedule.minute)
    for _, start, end in calendar.hours(calendar.local_days(first - _DAY, last, zone)).iter_rows():
        yield end + late, Period(end - _DAY if schedule.last_24_hours else start, end)


def _daily(schedule: Schedule, zone: ZoneInfo, first: date, last: date) -> Iterator[Due]:
    """One per local day that there is; the day before is the last one that there was."""
    days: list[_Day] = calendar.local_days(first - 3 * _DAY, last, zone).rows()
    for (_, start, end), (day, *_) in pairwise(days):
        if day >= first:
            yield _instant(day, schedule.at, zone), Period(start, end)


def _by_date(schedule: Schedule, zone: ZoneInfo, first: date, last: date) -> Iterator[Due]:
    days: list[_Day] = calendar.local_days(first - 70 * _DAY, last + _DAY, zone).rows()
    for day in (first + count * _DAY for count in range((last - first).days + 1)):
        if not _is_due_on(schedule, day):
            continue
        from_, to = _week(schedule, day) if schedule.interval == "weekly" else _month(schedule, day)
        yield _instant(day, schedule.at, zone), Period(_start(days, from_), _start(days, to))


def _is_due_on(schedule: Schedule, day: date) -> bool:
    if schedule.interval == "weekly":
        return day.isoweekday() == schedule.weekday
    is_last = (day + _DAY).day == 1
    return day.day == schedule.day or (is_last and day.day < schedule.day)


def _week(schedule: Schedule, day: date) -> tuple[date, date]:
    """The last whole week before a day."""
    end = day - (day.isoweekday() - schedule.first_day_of_week) % 7 * _DAY
    return end - 7 * _DAY, end


def _month(schedule: Schedule, day: date) -> tuple[date, date]:
    """The last whole month before a day, or the current one so far where a day of it is over."""
    begun = day if day.day >= schedule.day_of_month else day.replace(day=1) - _DAY
    end = begun.replace(day=schedule.day_of_month)
    if schedule.month_to_date and end < day:
        return end, day
    return (end.replace(day=1) - _DAY).replace(day=schedule.day_of_month), end


def _start(days: list[_Day], day: date) -> datetime:
    """Start of a local day; of a date that the zone skipped, of the next one."""
    return days[bisect_left(days, day, key=itemgetter(0))][1]


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When clocks show a local time for the last time, or go on after they left it out."""
    wall = datetime.combine(day, at, zone).replace(second=0, microsecond=0)
    earlier, later = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier <= later:
        return later
    earlier, later = later, earlier  # left out: each was reckoned with the offset of the other side
    offset = earlier.astimezone(zone).utcoffset()
    while later - earlier > _SECOND:
        middle = earlier + (later - earlier) // _SECOND // 2 * _SECOND
        earlier, later = (middle, later) if middle.astimezone(zone).utcoffset() == offset else (earlier, middle)
    return later
