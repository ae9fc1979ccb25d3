"""Periods of jobs in local time: they tile it, each is due once, whatever clocks do."""

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from exports.jobs import Schedule
from exports.periods import MOST_MISSED, Period, cron, latest, missed, next_due, of_days, running
from warehouse.transforms import calendar

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
ODD = ("Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Pacific/Apia", "Africa/Cairo", "Pacific/Chatham")
"""Half an hour of summer time, changes at midnight, a date left out, an offset of three quarters."""
ZONES = sorted({*ODD, "UTC", *random.Random(7).sample(sorted(available_timezones()), 50)})
SCHEDULES = {
    "hourly": Schedule(interval="hourly", minute=20),
    "daily": Schedule(at=time(2, 30)),
    "weekly": Schedule(interval="weekly", weekday=3, first_day_of_week=7, at=time(0, 30)),
    "monthly": Schedule(interval="monthly", day=31, day_of_month=15, at=time(23, 30)),
}
SPANS = {"hourly": 1, "daily": 25, "weekly": 200, "monthly": 900}
"""Days of :data:`exports.periods.MOST_MISSED` periods, or fewer."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(text: str, zone: ZoneInfo = COPENHAGEN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def walked(schedule: Schedule, zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[datetime, Period]]:
    """Every run between two instants, from one to the next."""
    found, at = [], start
    while (at := next_due(schedule, zone, at)) <= end:
        found.append(latest(schedule, zone, at))
        assert found[-1][0] == at, "what was due next is the latest when it is due"
    return found


@pytest.mark.parametrize("interval", SCHEDULES)
def test_periods_tile_time(interval: str) -> None:
    schedule = SCHEDULES[interval]
    for zone in map(ZoneInfo, ZONES):
        for end in (
            datetime(2025, 4, 1, tzinfo=UTC),
            datetime(2025, 11, 3, tzinfo=UTC),
            datetime(2012, 1, 5, tzinfo=UTC),
        ):
            runs = missed(schedule, zone, end - timedelta(days=SPANS[interval]), end)
            assert len(runs) > 20
            for (due, period), (later, following) in pairwise(runs):
                assert period.end == following.start, zone
                assert period.start < period.end <= due < later, zone


@pytest.mark.parametrize("name", ["Europe/Copenhagen", *ODD])
def test_a_daily_job_runs_once_per_local_day(name: str) -> None:
    zone = ZoneInfo(name)
    year = 2011 if name == "Pacific/Apia" else 2025
    days = calendar.local_days(date(year, 1, 1), date(year, 12, 31), zone)
    assert days.height == (364 if year == 2011 else 365)
    months = calendar.local_months(date(year, 1, 1), date(year, 12, 31), zone)
    for at in (time(0), time(0, 30), time(2, 30), time(23, 30)):
        runs = []
        for start, end in months.select("start", "end").iter_rows():
            runs += missed(Schedule(at=at), zone, start, end - timedelta(microseconds=1))
        assert len(runs) == days.height
        assert [period.end for _, period in runs] == days["start"].to_list()
        assert all(begun <= due < over for (due, _), (_, begun, over) in zip(runs, days.rows(), strict=True))


def test_days_of_23_and_25_hours() -> None:
    daily = Schedule(at=time(6))
    _, spring = latest(daily, COPENHAGEN, local("2026-03-30T06:00"))
    _, autumn = latest(daily, COPENHAGEN, local("2026-10-26T06:00"))
    assert spring == Period(utc("2026-03-28T23:00Z"), utc("2026-03-29T22:00Z"))
    assert autumn.end - autumn.start == timedelta(hours=25)
    before, period = latest(daily, COPENHAGEN, local("2026-03-30T05:59"))
    assert (before, period.end) == (local("2026-03-29T06:00"), local("2026-03-29T00:00"))


def test_a_time_that_clocks_leave_out_or_show_twice() -> None:
    daily = Schedule(at=time(2, 30))
    assert next_due(daily, COPENHAGEN, local("2026-03-29T00:00")) == utc("2026-03-29T01:00Z"), "when clocks go on"
    assert next_due(daily, COPENHAGEN, utc("2026-03-29T01:00Z")) == utc("2026-03-30T00:30Z")
    assert next_due(daily, COPENHAGEN, local("2026-10-25T00:00")) == utc("2026-10-25T01:30Z"), "the second of two"
    assert next_due(daily, COPENHAGEN, utc("2026-10-25T01:30Z")) == utc("2026-10-26T01:30Z"), "and once"
    beirut = ZoneInfo("Asia/Beirut")
    assert next_due(Schedule(at=time(0, 30)), beirut, local("2025-03-29T12:00", beirut)) == utc("2025-03-29T22:00Z")
    apia = ZoneInfo("Pacific/Apia")
    due, period = latest(Schedule(at=time(6)), apia, local("2011-12-31T06:00", apia))
    assert due == local("2011-12-31T06:00", apia)
    assert period == Period(local("2011-12-29T00:00", apia), local("2011-12-31T00:00", apia)), "there is no 30th"


def test_the_doubled_hour_is_two_hours() -> None:
    hourly = Schedule(interval="hourly", minute=5)
    runs = walked(hourly, COPENHAGEN, utc("2026-10-24T23:30Z"), utc("2026-10-25T03:30Z"))
    assert [f"{due:%H:%M}" for due, _ in runs] == ["00:05", "01:05", "02:05", "03:05"]
    assert [period.end - period.start for _, period in runs] == [timedelta(hours=1)] * 4
    spring = walked(hourly, COPENHAGEN, utc("2026-03-28T23:30Z"), utc("2026-03-29T03:30Z"))
    assert [f"{due.astimezone(COPENHAGEN):%H:%M}" for due, _ in spring] == ["01:05", "03:05", "04:05", "05:05"]


def test_the_last_24_hours() -> None:
    hourly = Schedule(interval="hourly", minute=10, last_24_hours=True)
    due, period = latest(hourly, COPENHAGEN, local("2026-01-15T12:34"))
    assert due == local("2026-01-15T12:10")
    assert period == Period(local("2026-01-14T12:00"), local("2026-01-15T12:00"))


def test_weeks_begin_when_they_are_told_to() -> None:
    monday = Schedule(interval="weekly", weekday=1, at=time(6))
    _, week = latest(monday, COPENHAGEN, local("2026-01-12T06:00"))  # a Monday
    assert week == Period(local("2026-01-05T00:00"), local("2026-01-12T00:00"))
    sunday = monday.model_copy(update={"first_day_of_week": 7})
    assert latest(sunday, COPENHAGEN, local("2026-01-12T06:00"))[1] == Period(
        local("2026-01-04T00:00"), local("2026-01-11T00:00")
    )


@pytest.mark.parametrize(
    ("now", "changes", "start", "end"),
    [
        ("2026-03-01T06:00", {}, "2026-02-01", "2026-03-01"),
        ("2024-03-01T06:00", {}, "2024-02-01", "2024-03-01"),
        ("2026-02-28T06:00", {"day": 31}, "2026-01-01", "2026-02-01"),
        ("2026-04-30T06:00", {"day": 31}, "2026-03-01", "2026-04-01"),
        ("2026-01-20T06:00", {"day": 20, "day_of_month": 15}, "2025-12-15", "2026-01-15"),
        ("2026-01-10T06:00", {"day": 10, "day_of_month": 15}, "2025-11-15", "2025-12-15"),
        ("2026-01-20T06:00", {"day": 20, "month_to_date": True}, "2026-01-01", "2026-01-20"),
        ("2026-01-01T06:00", {"day": 1, "month_to_date": True}, "2025-12-01", "2026-01-01"),
        ("2026-01-10T06:00", {"day": 10, "day_of_month": 15, "month_to_date": True}, "2025-12-15", "2026-01-10"),
    ],
)
def test_months(now: str, changes: dict[str, object], start: str, end: str) -> None:
    schedule = Schedule(interval="monthly", at=time(6), **changes)
    due, period = latest(schedule, COPENHAGEN, local(now))
    assert due == local(now)
    assert period == Period(local(f"{start}T00:00"), local(f"{end}T00:00"))


def test_a_stop_of_days_is_caught_up() -> None:
    daily, now = Schedule(at=time(6)), local("2026-03-02T12:00")
    runs = missed(daily, COPENHAGEN, local("2026-02-26T06:00"), now)
    assert [due for due, _ in runs] == [local(f"{day}T06:00") for day in ("2026-02-26", "2026-02-27", "2026-02-28")] + [
        local("2026-03-01T06:00"),
        local("2026-03-02T06:00"),
    ]
    assert missed(daily, COPENHAGEN, local("2026-03-02T06:01"), now) == []
    assert len(missed(daily, COPENHAGEN, local("2020-01-01T00:00"), now)) == MOST_MISSED
    hourly = Schedule(interval="hourly")
    assert len(missed(hourly, COPENHAGEN, local("2020-01-01T00:00"), now)) == MOST_MISSED
    back = hourly.model_copy(update={"last_24_hours": True})
    assert missed(back, COPENHAGEN, local("2020-01-01T00:00"), now) == [latest(back, COPENHAGEN, now)]


def test_the_time_since_the_last_run() -> None:
    daily, now = Schedule(at=time(6)), local("2026-03-02T12:00")
    assert running(daily, COPENHAGEN, now) == Period(local("2026-03-02T00:00"), now)
    hourly, whole = Schedule(interval="hourly"), local("2026-03-02T12:00")
    assert running(hourly, COPENHAGEN, whole) == Period(local("2026-03-02T11:00"), whole)


def test_local_days_given_by_hand() -> None:
    assert of_days(date(2026, 3, 29), date(2026, 3, 29), COPENHAGEN) == Period(
        utc("2026-03-28T23:00Z"), utc("2026-03-29T22:00Z")
    )


@pytest.mark.parametrize(
    "schedule",
    [*SCHEDULES.values(), Schedule(at=time(6)), Schedule(interval="monthly", day=3), Schedule(interval="weekly")],
    ids=str,
)
def test_the_orchestrator_looks_whenever_something_is_due(schedule: Schedule) -> None:
    """Also where clocks change; of zones in which they change at midnight the sensor makes up for a tick."""
    for zone in (COPENHAGEN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")):
        for end in (utc("2026-03-30T12:00Z"), utc("2026-10-26T12:00Z"), utc("2026-11-02T12:00Z")):
            begin = end - timedelta(days=SPANS[schedule.interval])
            ticks = schedule_execution_time_iterator(begin.timestamp(), cron(schedule), zone.key, ascending=True)
            looked = set()
            while (tick := next(ticks).astimezone(UTC)) <= end:
                looked.add(tick)
            runs = {due for due, _ in missed(schedule, zone, begin, end)}
            assert runs <= looked, zone
            if schedule.interval != "monthly":
                assert runs == looked


@pytest.mark.parametrize("at", [990, "06:00:30", "06:00+02:00", 6.5])
def test_a_time_that_is_no_local_minute_is_refused(at: object) -> None:
    with pytest.raises(ValueError, match="such as '16:30'"):
        Schedule.model_validate({"at": at})
