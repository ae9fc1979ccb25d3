"""Consumption against a plain restatement of its rules, and the sums that must always hold."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.warehouse.transforms.metering import (
    LONG_AGO,
    METER,
    NEXT_METER,
    REVERSIBLE_METER,
    exchanged,
    figures,
    installed,
    readings,
)
from warehouse.transforms.consumption import CONTEXT_READINGS, Figures, roll_up

HOUR = timedelta(hours=1)
RANDOM = st.randoms(use_true_random=True)
Reading = tuple[datetime, int]  # counts of 0.001 m³

# Zones with the day their clocks change on.
CHANGES = [
    ("Europe/Copenhagen", date(2025, 3, 30)),
    ("Europe/Copenhagen", date(2025, 10, 26)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2019, 2, 16)),
    ("Asia/Beirut", date(2022, 3, 27)),
    ("Australia/Lord_Howe", date(2025, 4, 6)),
    ("Australia/Lord_Howe", date(2025, 10, 5)),
    ("Asia/Kolkata", date(2025, 6, 1)),
]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def register(series: list[Reading], boundary: datetime) -> tuple[int | None, str]:
    """Register at a boundary in counts, and its quality."""
    for time, value in series:
        if time == boundary:
            return value, "M"
    for (t0, v0), (t1, v1) in pairwise(series):
        if t0 < boundary < t1:
            if t1 - t0 > timedelta(days=35):
                return None, "N"
            share = Fraction((boundary - t0) // timedelta(microseconds=1), (t1 - t0) // timedelta(microseconds=1))
            quality = "A" if t1 - t0 <= 1.5 * HOUR else "I"
            return floor(v0 + (v1 - v0) * share + Fraction(1, 2)), quality
    return None, "N"


def hours_of(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    steps = []
    while start < end:
        steps.append((start, min(start + HOUR, end)))
        start += HOUR
    return steps


def restated(series: list[Reading], periods: list[tuple[datetime, datetime]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for start, end in periods:
        (before, first), (after, last) = register(series, start), register(series, end)
        known = before is not None and after is not None
        consumption = Decimal(after - before) / 1000 if before is not None and after is not None else None
        rows.append((start, end, consumption, max(first, last, key="MAIN".index) if known else "N"))
    return rows


def rows_of(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select("period_start", "period_end", "consumption", "quality").rows()


def series(random: Random, first: datetime, last: datetime, longest: timedelta) -> list[Reading]:
    """Readings of a rising register, from before ``first`` to after ``last``, some of them on the hour."""
    time, value = first - timedelta(minutes=random.randint(0, 200)), random.randint(0, 10**7)
    rows = [(time, value)]
    while time <= last:
        if random.random() < 0.5:
            time = time.replace(minute=0, second=0) + HOUR * random.randint(1, 3)
        else:
            time += timedelta(seconds=random.randint(1, int(longest.total_seconds())))
        value += random.randint(0, 2000)
        rows.append((time, value))
    return rows


def shuffled(random: Random, rows: list[Reading]) -> list[Reading]:
    return random.sample(rows, len(rows))


def frame_of(rows: list[Reading], meter: str = METER) -> pl.DataFrame:
    return readings([(time, Decimal(value) / 1000) for time, value in rows], meter)


@settings(max_examples=60, deadline=None)
@given(random=RANDOM, change=st.sampled_from(CHANGES))
def test_hours_and_days_as_restated(random: Random, change: tuple[str, date]) -> None:
    zone, day = ZoneInfo(change[0]), change[1]
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    rows = series(random, start, end, timedelta(hours=5))
    result = figures(frame_of(shuffled(random, rows)), day, zone=zone.key)
    assert rows_of(result.hourly) == restated(rows, hours_of(day, zone))
    assert rows_of(result.daily) == restated(rows, [(start, end)])
    assert result.events.is_empty()
    assert set(result.hourly["unit"]) == set(result.daily["unit"]) == {"m3"}


@settings(max_examples=20, deadline=None)
@given(random=RANDOM, change=st.sampled_from(CHANGES))
def test_hours_days_and_the_month_add_up(random: Random, change: tuple[str, date]) -> None:
    zone = ZoneInfo(change[0])
    first = change[1].replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    rows = series(random, midnight(first, zone), midnight(last + timedelta(days=1), zone), timedelta(days=3))
    result = figures(frame_of(rows), first, last, zone=zone.key)
    hours = result.hourly.group_by("day", maintain_order=True).agg(pl.col("consumption").sum())
    assert hours["consumption"].to_list() == result.daily["consumption"].to_list()
    assert (result.hourly["consumption"] >= 0).all(ignore_nulls=False)
    months, years = roll_up(result.daily, result.events, zone=zone)
    assert months["consumption"].to_list() == [sum(result.daily["consumption"])]
    assert rows_of(months) == restated(rows, [(midnight(first, zone), midnight(last + timedelta(days=1), zone))])
    assert years["quality"].to_list() == ["N"]
    assert set(months["unit"]) == {"m3"}


@settings(max_examples=30, deadline=None)
@given(
    random=RANDOM,
    minutes=st.integers(30, 23 * 60),
    final=st.integers(0, 900),
    initial=st.integers(0, 5000),
)
def test_an_exchange_conserves_what_both_meters_counted(random: Random, minutes: int, final: int, initial: int) -> None:
    zone, day = ZoneInfo("Europe/Copenhagen"), date(2025, 10, 26)
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    when = start + timedelta(minutes=minutes)
    old = [row for row in series(random, start, when, timedelta(hours=2)) if row[0] < when]
    new = [(time, value + initial) for time, value in series(random, when + 4 * HOUR, end, timedelta(hours=2))]
    old_final, new_initial = old[-1][1] + final, min(new[0][1], initial)
    result = figures(
        pl.concat([frame_of(old), frame_of(new, NEXT_METER)]),
        day,
        zone=zone.key,
        installations=installed((METER, LONG_AGO, when), (NEXT_METER, when, None)),
        exchanges=exchanged(when, f"{Decimal(old_final) / 1000}", f"{Decimal(new_initial) / 1000}"),
    )
    before, _ = register([*old, (when, old_final)], start)
    after, _ = register([(when, new_initial), *new], end)
    assert before is not None
    assert after is not None
    expected = Decimal(old_final - before + after - new_initial) / 1000
    assert result.daily["consumption"].to_list() == [expected]
    assert sum(result.hourly["consumption"]) == expected


def disturbed(random: Random, rows: list[Reading]) -> list[Reading]:
    """The readings with some dips, peaks, resets and stretches of reverse flow."""
    changed = list(rows)
    for _ in range(random.randint(1, 6)):
        place, width = random.randrange(len(rows)), random.choice([1, 1, 1, 2, 3, len(rows)])
        change = random.choice([-5000, -1000, 1000, 5000, 400_000, -(10**7)])
        changed[place : place + width] = [(t, max(0, v + change)) for t, v in changed[place : place + width]]
    return changed


def same(one: Figures, other: Figures) -> bool:
    return one.hourly.equals(other.hourly) and one.daily.equals(other.daily) and one.events.equals(other.events)


@settings(max_examples=30, deadline=None)
@given(random=RANDOM, meter=st.sampled_from([METER, REVERSIBLE_METER]))
def test_falls_never_make_sums_disagree(random: Random, meter: str) -> None:
    zone, day = ZoneInfo("Europe/Copenhagen"), date(2025, 10, 26)
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    rows = disturbed(random, series(random, start, end, timedelta(hours=2)))
    result = figures(frame_of(rows, meter), day, zone=zone.key)
    hours, total = result.hourly["consumption"], result.daily["consumption"][0]
    if meter == METER:
        assert (hours.drop_nulls() >= 0).all()
    if hours.null_count() == 0:
        assert total == sum(hours)
    assert same(figures(frame_of(shuffled(random, rows), meter), day, zone=zone.key), result)


@settings(max_examples=40, deadline=None)
@given(random=RANDOM, meter=st.sampled_from([METER, REVERSIBLE_METER]))
def test_readings_beyond_the_context_do_not_matter(random: Random, meter: str) -> None:
    day = date(2025, 6, 10)
    start, end = midnight(day, ZoneInfo("UTC")), midnight(day + timedelta(days=1), ZoneInfo("UTC"))
    around = timedelta(hours=30)
    rows = disturbed(random, series(random, start - around, end + around, timedelta(hours=9)))
    before = [row for row in rows if row[0] <= start][-CONTEXT_READINGS:]
    inside = [row for row in rows if start < row[0] <= end]
    after = [row for row in rows if row[0] > end][:CONTEXT_READINGS]
    assert same(figures(frame_of(before + inside + after, meter), day), figures(frame_of(rows, meter), day))


@settings(max_examples=30, deadline=None)
@given(random=RANDOM, meter=st.sampled_from([METER, REVERSIBLE_METER]))
def test_a_late_reading_changes_no_figure_beyond_its_context(random: Random, meter: str) -> None:
    first, last = date(2025, 6, 1), date(2025, 6, 4)
    zone = ZoneInfo("UTC")
    rows = disturbed(
        random, series(random, midnight(first, zone), midnight(last + timedelta(days=1), zone), timedelta(hours=3))
    )
    place = random.randrange(len(rows))
    without = [*rows[:place], *rows[place + 1 :]]
    low, high = rows[max(0, place - CONTEXT_READINGS)][0], rows[min(len(rows) - 1, place + CONTEXT_READINGS)][0]
    beyond = (pl.col("period_end") < low) | (pl.col("period_start") > high)
    early, late = figures(frame_of(without, meter), first, last), figures(frame_of(rows, meter), first, last)
    assert early.hourly.filter(beyond).equals(late.hourly.filter(beyond))
    outside = (pl.col("at") < low) | (pl.col("at") > high)
    assert early.events.filter(outside).equals(late.events.filter(outside))
