from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.schemas import INSTANT, READING_PERFORMANCE_DAILY
from warehouse.transforms.calendar import hours, local_days
from warehouse.transforms.performance import Expectation, Performance, billing_performance, reading_performance
from warehouse.transforms.schedules import configured
from warehouse.transforms.slots import Schedule, calendar_of

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MUCH_LATER = datetime(2030, 1, 1, tzinfo=UTC)
OCTOBER = (date(2025, 10, 1), date(2025, 10, 31))
DAY = date(2025, 6, 10)
MIDNIGHT = datetime(2025, 6, 9, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
READINGS = pl.Schema(
    {
        "organisation": pl.String(),
        "meter_id": pl.String(),
        "measured_at": INSTANT,
        "landed_at": INSTANT,
        "quality": pl.String(),
    }
)
UNREAD = pl.DataFrame(
    schema={
        "meter_id": pl.String,
        "received_at": INSTANT,
        "landed_at": INSTANT,
        "outcome": pl.String,
        "collector": pl.String,
    }
)
ACTIVE = pl.Schema(
    {"organisation": pl.String(), "meter_id": pl.String(), "installed_at": INSTANT, "removed_at": INSTANT}
)


def readings(*rows: tuple[datetime, datetime] | tuple[datetime, datetime, str], meter: str = "m") -> pl.DataFrame:
    return pl.DataFrame([("o", meter, *row, "M")[:5] for row in rows], schema=READINGS, orient="row")


def prompt(*instants: datetime) -> pl.DataFrame:
    return readings(*((instant, instant) for instant in instants))


def active(*rows: tuple[datetime, datetime | None], meter: str = "m") -> pl.DataFrame:
    return pl.DataFrame([("o", meter, *row) for row in rows], schema=ACTIVE, orient="row")


def count(
    heard: pl.DataFrame,
    in_use: pl.DataFrame,
    days: tuple[date, date] = (DAY, DAY),
    zone: ZoneInfo = COPENHAGEN,
    as_of: datetime = MUCH_LATER,
    **options: Any,
) -> pl.DataFrame:
    expectation = Expectation(**options)
    return reading_performance(heard, UNREAD, in_use, *days, zone=zone, as_of=as_of, expectation=expectation).daily


def one(figures: pl.DataFrame, criterion: str) -> tuple[Any, ...]:
    """Expected, received, received on time and performance of the only day."""
    row = figures.filter(pl.col("criterion") == criterion)
    return row.select("expected", "received", "received_on_time", "performance").row(0)


def test_october_has_745_hours_and_31_days() -> None:
    grid = hours(local_days(*OCTOBER, COPENHAGEN))["start"]
    figures = count(prompt(*grid), active((LONG_AGO, None)), OCTOBER)
    totals = figures.group_by("criterion").agg(pl.col("expected", "received").sum()).sort("criterion")
    assert totals.rows() == [("daily", 31, 31), ("hourly", 745, 745)]
    change = figures.filter(pl.col("day") == date(2025, 10, 26), pl.col("criterion") == "hourly")
    assert change.select("expected", "received", "performance").row(0) == (25, 25, 100.0)


def test_a_spring_day_has_23_hours() -> None:
    day = date(2025, 3, 30)
    assert one(count(prompt(), active((LONG_AGO, None)), (day, day)), "hourly") == (23, 0, 0, 0.0)


def test_the_last_slot_of_a_half_hour_change_counts() -> None:
    day = date(2025, 4, 6)  # Lord Howe sets its clocks back by half an hour: 24.5 h
    start, end = local_days(day, day, ZoneInfo("Australia/Lord_Howe")).select("start", "end").row(0)
    heard = prompt(start, end - timedelta(minutes=1))
    figures = count(heard, active((LONG_AGO, None)), (day, day), ZoneInfo("Australia/Lord_Howe"))
    assert one(figures, "hourly")[:2] == (25, 2)


def test_a_slot_counts_once_and_only_measured_values_count() -> None:
    at = MIDNIGHT + timedelta(hours=3, minutes=5)
    heard = readings(
        (at, at),
        (at + timedelta(minutes=30), at),
        (at + 2 * HOUR, at, "I"),
        (at + 3 * HOUR, at, "R"),
        (at + 4 * HOUR, at),
    )
    figures = count(heard, active((LONG_AGO, None)))
    assert one(figures, "hourly") == (24, 2, 2, 8.33)
    assert one(figures, "daily") == (1, 1, 1, 100.0)
    assert figures.columns == [name for name in READING_PERFORMANCE_DAILY.schema if name != "known_from"]
    assert figures["month"].unique().to_list() == ["2025-06"]


def test_a_meter_installed_in_mid_period_is_judged_on_its_part() -> None:
    installed = MIDNIGHT + timedelta(hours=10, minutes=20)
    heard = prompt(
        installed - HOUR,  # still in stock
        installed + timedelta(minutes=1),  # in the hour of the installation, which is not expected
        *(MIDNIGHT + i * HOUR for i in range(11, 24)),
        *(MIDNIGHT + i * HOUR for i in range(24, 48, 2)),
    )
    figures = count(heard, active((installed, None)), (DAY - timedelta(days=1), DAY + timedelta(days=1)))
    assert figures.select("day", "criterion", "expected", "received", "performance").rows() == [
        (DAY, "daily", 0, 0, None),
        (DAY, "hourly", 13, 13, 100.0),
        (DAY + timedelta(days=1), "daily", 1, 1, 100.0),
        (DAY + timedelta(days=1), "hourly", 24, 12, 50.0),
    ]


def test_a_removed_meter_is_expected_until_then() -> None:
    removed = MIDNIGHT + timedelta(hours=5, minutes=59)
    figures = count(prompt(removed + HOUR), active((LONG_AGO, removed)), (DAY, DAY + timedelta(days=1)))
    assert figures.select("day", "expected", "received").unique(maintain_order=True).rows() == [
        (DAY, 0, 0),
        (DAY, 5, 0),
    ]


def test_stock_meters_have_no_figures() -> None:
    assert count(prompt(MIDNIGHT), active()).is_empty()
    other = active((LONG_AGO, None), meter="n")
    assert count(prompt(MIDNIGHT), other)["meter_id"].unique().to_list() == ["n"]


def test_a_move_within_an_hour_loses_no_slot() -> None:
    moved = MIDNIGHT + timedelta(hours=7, minutes=30)
    figures = count(prompt(moved), active((moved, None), (LONG_AGO, moved)))
    assert one(figures, "hourly")[:2] == (24, 1)
    assert one(figures, "daily")[:2] == (1, 1)
    pause = active((LONG_AGO, moved), (moved + timedelta(minutes=45), None))
    assert one(count(prompt(moved), pause), "hourly")[:2] == (22, 0)


def test_a_running_day_expects_the_slots_that_have_ended() -> None:
    as_of = MIDNIGHT + timedelta(hours=3, minutes=30)
    heard = prompt(MIDNIGHT, MIDNIGHT + 2 * HOUR, MIDNIGHT + timedelta(hours=3, minutes=10))
    figures = count(heard, active((LONG_AGO, None)), (DAY, DAY + timedelta(days=3)), as_of=as_of)
    assert figures["day"].unique().to_list() == [DAY]
    assert one(figures, "hourly") == (3, 2, 2, 66.67)
    assert one(figures, "daily") == (0, 0, 0, None)


@pytest.mark.parametrize(("late", "on_time"), [(timedelta(), 1), (timedelta(microseconds=1), 0)])
def test_on_time_ends_at_the_deadline_of_the_next_day(late: timedelta, on_time: int) -> None:
    deadline = MIDNIGHT + timedelta(hours=31)
    heard = readings((MIDNIGHT + HOUR, deadline + late))
    assert one(count(heard, active((LONG_AGO, None))), "daily") == (1, 1, on_time, 100.0)
    assert one(count(heard, active((LONG_AGO, None))), "hourly")[:3] == (24, 1, on_time)
    assert one(count(heard, active((LONG_AGO, None)), deadline=time(8, 30)), "daily")[2] == 1


def test_the_deadline_is_a_local_time() -> None:
    before_change = date(2025, 10, 25)  # its deadline lies behind the change to winter time: 06:00 UTC
    heard = readings((datetime(2025, 10, 25, 10, tzinfo=UTC), datetime(2025, 10, 26, 6, tzinfo=UTC)))
    assert one(count(heard, active((LONG_AGO, None)), (before_change, before_change)), "daily")[2] == 1


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2025, 10, 25), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),  # 02:30 comes twice: the later one
        (date(2025, 3, 29), datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),  # 02:30 is left out: as long after midnight
    ],
)
def test_a_deadline_at_the_change_of_clocks(day: date, due: datetime) -> None:
    at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    for late, on_time in ((timedelta(), 1), (timedelta(seconds=1), 0)):
        figures = count(readings((at, due + late)), active((LONG_AGO, None)), (day, day), deadline=time(2, 30))
        assert one(figures, "daily")[1:3] == (1, on_time)


def test_overlapping_installations_count_once() -> None:
    spans = [(0, 20), (2, 4), (10, 24)]
    in_use = active(*((MIDNIGHT + a * HOUR, MIDNIGHT + b * HOUR) for a, b in spans))
    assert one(count(prompt(MIDNIGHT), in_use), "hourly")[:2] == (24, 1)


def test_an_installation_without_length_gives_no_figures() -> None:
    at = MIDNIGHT + HOUR
    assert count(prompt(at), active((at, at), (at + HOUR, at))).is_empty()


def test_an_earlier_version_of_a_reading_keeps_it_on_time() -> None:
    at = MIDNIGHT + HOUR
    heard = readings((at, at + timedelta(days=5)), (at + timedelta(minutes=1), at))
    assert one(count(heard, active((LONG_AGO, None))), "hourly")[:3] == (24, 1, 1)


def test_what_landed_after_the_count_is_not_known() -> None:
    as_of = MIDNIGHT + timedelta(days=2)
    heard = readings((MIDNIGHT, as_of + HOUR))
    assert one(count(heard, active((LONG_AGO, None)), as_of=as_of), "daily") == (1, 0, 0, 0.0)


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Europe/Copenhagen", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut"]),
    first=st.dates(date(2025, 1, 1), date(2025, 12, 28)),
    minutes=st.lists(st.integers(0, 4 * 1440), max_size=8),
    span=st.tuples(st.integers(-600, 5000), st.integers(-600, 5000)),
    as_of=st.integers(0, 6000),
)
def test_counts_are_those_of_a_hand_count(
    zone: str, first: date, minutes: list[int], span: tuple[int, int], as_of: int
) -> None:
    days = local_days(first, first + timedelta(days=2), ZoneInfo(zone))
    start = days["start"][0]
    installed, removed = (start + timedelta(minutes=m) for m in sorted(span))
    now = start + timedelta(minutes=as_of)
    heard = [start + timedelta(minutes=m) for m in minutes]
    figures = count(
        readings(*((at, start) for at in heard)),
        active((installed, removed)),
        (first, first + timedelta(days=2)),
        ZoneInfo(zone),
        as_of=now,
    )
    for criterion, slots in (("hourly", hours(days)), ("daily", days)):
        expected = [(s, e) for _, s, e in slots.iter_rows() if installed <= s and e <= removed and e <= now]
        received = [s for s, e in expected if start <= now and any(s <= at < e for at in heard)]
        row = figures.filter(pl.col("criterion") == criterion).select(pl.col("expected", "received").sum()).row(0)
        assert row == (len(expected), len(received))


def unread(*rows: tuple[datetime, str, str | None]) -> pl.DataFrame:
    frames = [("m", at, at, outcome, collector) for at, outcome, collector in rows]
    return pl.DataFrame(frames, schema=UNREAD.schema, orient="row")


def judged(heard: pl.DataFrame, frames: pl.DataFrame, **options: Any) -> Performance:
    known = Expectation(**options)
    in_use = active((LONG_AGO, None))
    return reading_performance(heard, frames, in_use, DAY, DAY, zone=COPENHAGEN, as_of=MUCH_LATER, expectation=known)


def test_missing_slots_have_the_cause_nearest_to_a_reading() -> None:
    heard = prompt(*(MIDNIGHT + number * HOUR for number in range(4, 24)))
    frames = unread(
        (MIDNIGHT, "corrupt", "c1"),
        (MIDNIGHT, "no_key", "c2"),
        (MIDNIGHT + HOUR, "foreign", None),
        (MIDNIGHT + 2 * HOUR, "wrong_key", "c1"),
        (MIDNIGHT + 5 * HOUR, "corrupt", "c1"),  # another copy gave the reading
    )
    found = judged(heard, frames)
    hourly = found.causes.filter(pl.col("criterion") == "hourly").select("cause", "collector", "slots")
    assert sorted(hourly.rows()) == [
        ("no_frame", "", 1),
        ("no_key", "c2", 1),
        ("rejected", "", 1),
        ("wrong_key", "c1", 1),
    ]
    day = found.daily.filter(pl.col("criterion") == "hourly").row(0, named=True)
    assert day["expected"] - day["received"] == hourly["slots"].sum() == 4
    assert day["last_missing"] == MIDNIGHT + 3 * HOUR
    assert found.daily.filter(pl.col("criterion") == "daily")["last_missing"].to_list() == [None]


def stretch(name: str, since: datetime = LONG_AGO, until: datetime | None = None) -> pl.DataFrame:
    return active((since, until)).with_columns(schedule=pl.lit(name))


def test_a_schedule_expects_its_polls() -> None:
    schedules = {"north": Schedule(at=(time(6), time(18)), within=timedelta(minutes=90))}
    options = {"schedules": schedules, "scheduled": stretch("north")}
    heard = prompt(datetime(2025, 6, 10, 5, 29, tzinfo=UTC), datetime(2025, 6, 10, 17, 30, tzinfo=UTC))  # 07:29, 19:30
    assert one(judged(heard, UNREAD, **options).daily, "schedule") == (2, 1, 1, 50.0)
    assert one(judged(heard, UNREAD, **options).daily, "daily")[:2] == (1, 1)


def test_a_point_to_point_meter_is_expected_every_quarter_of_an_hour() -> None:
    options = {"schedules": {"p2p": Schedule(every=timedelta(minutes=15))}, "scheduled": stretch("p2p")}
    found = judged(prompt(MIDNIGHT, MIDNIGHT + timedelta(minutes=15)), UNREAD, **options)
    assert one(found.daily, "schedule")[:2] == (96, 2)


def test_a_schedule_holds_while_the_meter_belongs_to_it() -> None:
    options = {
        "schedules": {"p2p": Schedule(every=timedelta(minutes=15)), "hours": Schedule(every=HOUR)},
        "scheduled": pl.concat([stretch("p2p", until=MIDNIGHT + HOUR), stretch("hours", since=MIDNIGHT + HOUR)]),
    }
    assert one(judged(prompt(MIDNIGHT), UNREAD, **options).daily, "schedule")[:2] == (4 + 23, 1)


def test_polls_at_the_changes_of_clocks() -> None:
    schedule = Schedule(at=(time(2, 30),))
    for day, starts in ((date(2025, 3, 30), []), (date(2025, 10, 26), [datetime(2025, 10, 26, 0, 30, tzinfo=UTC)])):
        slots = schedule.slots(calendar_of(day, day, COPENHAGEN, time(7)), COPENHAGEN)
        assert slots["start"].to_list() == starts


def test_nothing_is_expected_of_meters_that_somebody_drives_by() -> None:
    found = judged(prompt(MIDNIGHT), UNREAD, unscheduled=active((MIDNIGHT + timedelta(minutes=90), None)))
    assert one(found.daily, "hourly") == (1, 1, 1, 100.0)
    assert one(found.daily, "daily") == (0, 0, 0, None)


def test_billing_days_are_measured_around_their_start() -> None:
    start = datetime(2025, 5, 31, 22, tzinfo=UTC)  # 1 June, 00:00
    in_use = active((LONG_AGO, None))

    def billed(at: datetime, as_of: datetime = MUCH_LATER) -> list[tuple[Any, ...]]:
        days = (date(2025, 5, 31), date(2025, 6, 2))
        within = timedelta(hours=12)
        zone = COPENHAGEN
        found = billing_performance(
            prompt(at), UNREAD, in_use, *days, zone=zone, as_of=as_of, day_of_month=1, within=within
        )
        return found.daily.select("day", "criterion", "expected", "received").rows()

    first = date(2025, 6, 1)
    assert billed(start - timedelta(hours=12)) == [(first, "billing", 1, 1)]
    assert billed(start + timedelta(hours=12)) == [(first, "billing", 1, 0)]
    assert billed(start, as_of=start + timedelta(hours=1)) == [(first, "billing", 0, 0)]


def own_interval(seconds: int, since: datetime, until: datetime | None = None) -> pl.DataFrame:
    return active((since, until)).select(pl.lit(seconds, pl.Int64).alias("interval_s"), pl.all())


def test_a_meter_with_an_interval_of_its_own_is_read_by_it_in_place_of_a_schedule() -> None:
    use, noon = active((LONG_AGO, None)), MIDNIGHT + 12 * HOUR
    heard = prompt(*(MIDNIGHT + number * HOUR / 4 for number in range(96)))
    schedule = {"schedules": {"s": Schedule(every=HOUR)}, "scheduled": use.with_columns(schedule=pl.lit("s"))}
    figures = count(heard, use, **schedule, configured=own_interval(900, noon))
    assert one(figures, "schedule")[:2] == (12 + 48, 12 + 48)
    assert one(figures, "hourly")[:2] == (24, 24)
    slow = count(heard, use, **schedule, configured=own_interval(86_400, MIDNIGHT))
    assert [one(slow, name)[:2] for name in ("schedule", "hourly", "daily")] == [(1, 1), (0, 0), (1, 1)]
    until = count(heard, use, configured=own_interval(7200, MIDNIGHT, noon))
    assert [one(until, name)[:2] for name in ("schedule", "hourly")] == [(6, 6), (12, 12)]


def test_an_interval_counts_while_its_meter_is_installed() -> None:
    installations = active((MIDNIGHT, MIDNIGHT + 6 * HOUR), (MIDNIGHT + 9 * HOUR, None)).with_columns(
        metering_point=pl.lit("P")
    )
    rows = [("m", 900, MIDNIGHT + HOUR, MIDNIGHT + 10 * HOUR), ("m", None, MIDNIGHT + 10 * HOUR, None)]
    schema = {"meter_id": pl.String, "interval_s": pl.Int64, "valid_from": INSTANT, "valid_to": INSTANT}
    found = configured(pl.DataFrame(rows, schema=schema, orient="row"), installations).sort("installed_at")
    assert found.select("interval_s", "installed_at", "removed_at").rows() == [
        (900, MIDNIGHT + HOUR, MIDNIGHT + 6 * HOUR),
        (900, MIDNIGHT + 9 * HOUR, MIDNIGHT + 10 * HOUR),
    ]
