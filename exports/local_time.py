"""A zone's daylight saving as ESPI writes it: when it begins and ends each year, in 32 bits.

From the highest bit: month (4), rule (3), day of the month (5), day of the week (3), hour (5), second of the hour
(12). Rules 2 to 6 are the first to the fifth such weekday of the month, 7 the last, 0 the day of the month itself.
The hour is that which clocks show before they change: US Eastern begins at ``360E2000`` and ends at ``B40E2000``.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_NEVER = "00000000"
_YEARS = 8
_DAY_OF_MONTH, _FIRST, _LAST = 0, 2, 7


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Parameters of a zone.

    Attributes:
        offset_s: Standard time minus UTC [s].
        saving_s: What daylight saving adds [s]; 0 where there is none.
        begins: When it begins.
        ends: When it ends.
    """

    offset_s: int
    saving_s: int
    begins: str = _NEVER
    ends: str = _NEVER


def local_time(zone: ZoneInfo, year: int) -> LocalTime:
    """Parameters that hold in a year.

    Args:
        zone: The zone.
        year: The year. A rule that the following years keep, too, is preferred to one that they do not; a year whose
            clocks change on a day that fits no weekday's rule has the day of the month.
    """
    changes = _changes(zone, year)
    offsets = {int(offset) for change in changes for offset in (change.before_s, change.after_s)}
    if len(changes) != 2 or len(offsets) != 2:
        return LocalTime(_offset(zone, datetime(year, 12, 31, tzinfo=UTC)), 0)
    coming = [change for later in range(year + 1, year + _YEARS) for change in _changes(zone, later)]
    rules = {change.after_s > change.before_s: _rule(change, coming) for change in changes}
    return LocalTime(min(offsets), max(offsets) - min(offsets), rules[True], rules[False])


@dataclass(frozen=True, slots=True)
class _Change:
    """Clocks change: ``wall`` is what they show when they do."""

    wall: datetime
    before_s: int
    after_s: int

    @property
    def rules(self) -> set[int]:
        """Weekday rules that the day fits."""
        days = monthrange(self.wall.year, self.wall.month)[1]
        return {_FIRST + (self.wall.day - 1) // 7} | ({_LAST} if self.wall.day + 7 > days else set())


def _rule(change: _Change, coming: list[_Change]) -> str:
    """The change's rule, which those of the same kind in later years fit, too."""
    like = [other for other in coming if (other.before_s, other.after_s) == (change.before_s, change.after_s)]
    fixed = (change.wall.month, change.wall.isoweekday(), change.wall.time())
    steady = all((other.wall.month, other.wall.isoweekday(), other.wall.time()) == fixed for other in like)
    common = change.rules.intersection(*(other.rules for other in like)) if steady else set()
    rule = min(common, default=_DAY_OF_MONTH)
    day, weekday = (0, change.wall.isoweekday()) if rule else (change.wall.day, 0)
    second = change.wall.minute * 60 + change.wall.second
    bits = change.wall.month << 28 | rule << 25 | day << 20 | weekday << 17 | change.wall.hour << 12 | second
    return f"{bits:08X}"


def _changes(zone: ZoneInfo, year: int) -> list[_Change]:
    """When clocks change in a year, by looking at each day and then at each minute of the day they do."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    days = [first + timedelta(days=day) for day in range(366)]
    return [
        _change(zone, day)
        for day in days
        if _offset(zone, day) != _offset(zone, day + timedelta(days=1)) and day.year == year
    ]


def _change(zone: ZoneInfo, day: datetime) -> _Change:
    before = _offset(zone, day)
    minutes = (day + timedelta(minutes=minute) for minute in range(1, 1441))
    instant = next(minute for minute in minutes if _offset(zone, minute) != before)
    wall = instant.replace(tzinfo=None) + timedelta(seconds=before)
    return _Change(wall, before, _offset(zone, instant))


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - the zone gives one
    return int(offset.total_seconds())
