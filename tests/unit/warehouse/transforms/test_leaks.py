"""Leaks and bursts from consumption (ALGORITHMS §9)."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.schemas import FLOW_DAILY, INSTANT, LEAK_EVENTS, REGISTER
from warehouse.transforms.calendar import local_day
from warehouse.transforms.leaks.bursts import burst_events, hourly_bursts, quick_bursts, step_events
from warehouse.transforms.leaks.continuous import continuous_flow
from warehouse.transforms.leaks.days import flow_daily
from warehouse.transforms.leaks.hours import flows
from warehouse.transforms.leaks.limits import Limits
from warehouse.transforms.leaks.slow import periodic_draws, slow_leaks

ZONE = ZoneInfo("Europe/Copenhagen")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 6, 1, 22, tzinfo=UTC)  # midnight
LIMITS = Limits()
NONE = pl.DataFrame(
    schema={"organisation": pl.String, "metering_point": pl.String, "first_seen": INSTANT, "last_seen": INSTANT}
)
BEFORE = FLOW_DAILY.empty().drop("known_from")


def hours(
    litres: Iterable[float | None], start: datetime = START, point: str = "p", quality: str = "M", count: float = 0.001
) -> pl.DataFrame:
    """Measured hours as flows; ``None`` is an hour that was not measured."""
    given = list(litres)
    begins = pl.Series([start + i * HOUR for i in range(len(given))], dtype=INSTANT)
    rows = pl.DataFrame({"period_start": begins}).with_columns(
        organisation=pl.lit("o"),
        metering_point=pl.lit(point),
        meter_id=pl.lit(f"m-{point}"),
        period_end=pl.col("period_start") + HOUR,
        day=local_day(pl.col("period_start"), ZONE),
        consumption=pl.Series([0.0 if value is None else value / 1000 for value in given]).cast(REGISTER),
        quality=pl.Series(["I" if value is None else quality for value in given]),
    )
    resolutions = pl.DataFrame({"organisation": ["o"], "meter_id": [f"m-{point}"], "resolution": [count]})
    return flows(rows, resolutions)


def episodes(measured: pl.DataFrame, earlier: pl.DataFrame = NONE, limits: Limits = LIMITS) -> list[dict[str, Any]]:
    since = measured.group_by("organisation", "metering_point").agg(since=pl.col("start").min())
    found = continuous_flow(measured, since, earlier, limits)
    assert set(found.columns) == set(LEAK_EVENTS.schema) - {"known_from", "rate_low_lh", "rate_high_lh", "period_h"}
    return found.sort("metering_point", "first_seen").rows(named=True)


def test_a_day_without_a_dry_hour_is_suspected_three_are_confirmed() -> None:
    assert episodes(hours([0, *[5] * 23, 0])) == []
    (one,) = episodes(hours([0, *[5] * 24, 0]))
    assert (one["state"], one["first_seen"], one["last_seen"]) == ("suspected", START + HOUR, START + 25 * HOUR)
    (three,) = episodes(hours([0, *[5] * 72, 0]))
    assert (three["state"], three["evidence_hours"]) == ("confirmed", 72)


def test_the_rate_is_the_second_smallest_and_what_is_lost_is_capped_by_it() -> None:
    (found,) = episodes(hours([0, *[30, 40] * 11, 7, 9, 0]))
    assert found["rate_lh"] == 9
    assert found["lost_l"] == 23 * 9 + 7


def test_a_dry_hour_ends_it_and_the_next_one_begins_anew() -> None:
    found = episodes(hours([*[5] * 30, 0, *[6] * 30]))
    assert [(e["last_seen"], e["rate_lh"]) for e in found] == [(START + 30 * HOUR, 5), (START + 61 * HOUR, 6)]
    assert found[1]["first_seen"] == START + 31 * HOUR


def test_an_hour_below_one_count_of_the_register_is_dry() -> None:
    assert episodes(hours([9.9] * 30, count=0.01)) == []
    assert len(episodes(hours([10] * 30, count=0.01))) == 1
    assert episodes(hours([5] * 30), limits=Limits(least_rate_lh=6)) == []


def test_twenty_measured_hours_of_twenty_four_are_enough_nineteen_are_not() -> None:
    assert len(episodes(hours([*[5] * 10, *[None] * 4, *[5] * 10]))) == 1
    assert episodes(hours([*[5] * 10, *[None] * 5, *[5] * 9])) == []


@pytest.mark.parametrize("quality", ["I", "E", "F", "N", "R"])
def test_hours_that_were_not_measured_are_no_evidence(quality: str) -> None:
    assert episodes(hours([5] * 72, quality=quality)) == []
    assert len(episodes(hours([5] * 72, quality="A"))) == 1


def test_a_long_silence_ends_an_episode_since_nobody_knows() -> None:
    found = episodes(hours([*[5] * 30, *[None] * 30, *[5] * 30]))
    assert len(found) == 2
    assert found[0]["last_seen"] == START + 30 * HOUR


@pytest.mark.parametrize("midnight", [datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 10, 25, 22, tzinfo=UTC)])
def test_days_of_23_and_25_hours_count_by_the_clock_that_does_not_change(midnight: datetime) -> None:
    assert len(episodes(hours([0, *[5] * 24, 0], start=midnight))) == 1
    assert episodes(hours([0, *[5] * 23, 0], start=midnight)) == []


def test_more_than_21_days_of_30_are_chronic_also_in_pieces() -> None:
    (whole,) = episodes(hours([5] * 24 * 22))
    assert whole["state"] == "chronic"
    spans = [(START - 20 * DAY, START - 5 * DAY)]
    earlier = pl.DataFrame([("o", "p", *span) for span in spans], schema=dict(NONE.schema), orient="row")
    assert episodes(hours([5] * 24 * 6), earlier)[0]["state"] == "confirmed"
    assert episodes(hours([5] * 24 * 7), earlier)[0]["state"] == "chronic"


def test_points_do_not_end_each_other() -> None:
    found = episodes(pl.concat([hours([5] * 24), hours([0] * 24, point="q"), hours([7] * 24, point="r")]))
    assert [(e["metering_point"], e["rate_lh"], e["meter_id"]) for e in found] == [("p", 5, "m-p"), ("r", 7, "m-r")]


def test_what_comes_first_does_not_matter_and_reckoning_again_from_an_instant_gives_the_same() -> None:
    litres = [0, *[5] * 40, 0, *[4] * 10, *[8] * 50, 0, 0, *[6] * 26]
    whole = hours(litres)
    assert episodes(whole.sample(fraction=1, shuffle=True, seed=1).sort("metering_point", "start")) == episodes(whole)
    known = episodes(whole)
    since = START + 100 * HOUR
    reaching = [e["first_seen"] for e in known if e["last_seen"] >= since - DAY]
    again = min(since - DAY, *reaching)
    assert episodes(whole.filter(pl.col("start") >= again)) == [e for e in known if e["last_seen"] > again]


def days_of(
    measured: pl.DataFrame, first: date, limits: Limits = LIMITS, before: pl.DataFrame = BEFORE
) -> pl.DataFrame:
    return flow_daily(measured, before, limits, ZONE, first=first)


def week(night: Callable[[int], float], days: int) -> list[float]:
    """Litres by hour of some days: use in the day, ``night(day)`` from two to five."""
    return [night(day) if 2 <= hour < 5 else 20.0 for day in range(days) for hour in range(24)]


def test_a_rise_of_night_use_shows_when_most_of_a_week_has_it() -> None:
    first = date(2025, 6, 2)
    litres = week(lambda day: (1.0 + day % 3) + (6.0 if day >= 30 else 0.0), 40)
    found = days_of(hours(litres), first)
    risen = found.filter(pl.col("step_lh").is_not_null())
    assert risen["day"].min() == first + 33 * DAY, "four of seven nights"
    assert risen["step_lh"].max() == pytest.approx(6, abs=1.01)
    (event,) = step_events(found, LIMITS, ZONE).rows(named=True)
    assert (event["state"], event["kind"]) == ("confirmed", "step_change")
    assert event["first_seen"] == START + 33 * DAY
    assert event["last_seen"] == START + 40 * DAY


@pytest.mark.parametrize(
    ("rise", "count", "spread"), [(1.9, 0.001, 0), (6, 0.01, 0), (6, 0.001, 3)], ids=["small", "coarse", "noisy"]
)
def test_a_rise_within_chance_or_resolution_is_none(rise: float, count: float, spread: int) -> None:
    litres = week(lambda day: 1.0 + spread * (day % 3) + (rise if day >= 30 else 0.0), 40)
    found = days_of(hours(litres, count=count), date(2025, 6, 2))
    assert found["step_lh"].null_count() == found.height == 40


def test_days_reckoned_one_by_one_are_those_reckoned_at_once() -> None:
    litres = week(lambda day: 1.0 + (6.0 if day >= 30 else 0.0), 40)
    measured = hours(litres)
    whole = days_of(measured, date(2025, 6, 2))
    piecewise = BEFORE
    for day in range(40):
        at = date(2025, 6, 2) + day * DAY
        today = measured.filter(pl.col("day") == at)
        piecewise = pl.concat([piecewise, days_of(today, at, before=piecewise).select(piecewise.columns)])
    assert piecewise.sort("day").equals(whole.select(piecewise.columns))


def test_an_hour_of_five_times_the_usual_peak_is_a_burst() -> None:
    usual = [10.0 + hour % 12 for _ in range(6) for hour in range(24)]
    measured = hours([*usual, *usual[:17], 130, 900, 800, *usual[20:24]])
    days = days_of(measured, date(2025, 6, 2))
    assert days.filter(pl.col("day") == date(2025, 6, 8))["usual_peak_lh"].to_list() == [21]
    (found,) = burst_events(hourly_bursts(measured, days, LIMITS), quick(())).rows(named=True)
    assert (found["first_seen"], found["last_seen"]) == (START + (6 * 24 + 17) * HOUR, START + (6 * 24 + 20) * HOUR)
    assert (found["rate_lh"], found["state"], found["evidence_hours"]) == (900, "confirmed", 3)
    assert found["lost_l"] == pytest.approx(130 + 900 + 800 - 3 * 21)


def test_few_hours_and_few_counts_tell_of_no_burst() -> None:
    one_day = [*[10.0] * 24, 900]
    measured = hours(one_day)
    assert hourly_bursts(measured, days_of(measured, date(2025, 6, 2)), LIMITS).is_empty(), "a day is no history"
    small = hours([*[1.0] * 24 * 6, 15])
    assert hourly_bursts(small, days_of(small, date(2025, 6, 2)), LIMITS).is_empty(), "15 counts"


def quick(volumes: Iterable[float], minutes: int = 15, model: str = "x", disputed: Iterable[int] = ()) -> pl.DataFrame:
    given = list(volumes)
    at = pl.Series([START + timedelta(minutes=minutes * i) for i in range(len(given))], dtype=INSTANT)
    readings = pl.DataFrame({"measured_at": at, "volume_m3": pl.Series(given, dtype=pl.Float64).cast(REGISTER)})
    named = readings.with_columns(
        organisation=pl.lit("o"),
        metering_point=pl.lit("p"),
        meter_id=pl.lit("m"),
        disputed=pl.int_range(pl.len()).is_in(list(disputed)),
    )
    models = pl.DataFrame({"organisation": ["o"], "meter_id": ["m"], "model": [model]})
    return quick_bursts(named, models, Limits(burst_lh={"any": 1500.0, "DN 80": 20_000.0}))


def test_half_an_hour_above_the_bursts_flow_of_the_size_is_a_burst_at_quarter_hourly_data() -> None:
    (found,) = burst_events(hourly_bursts(hours([]), BEFORE, LIMITS), quick([1, 1.1, 1.5, 1.9, 1.95])).rows(named=True)
    assert (found["first_seen"], found["last_seen"]) == (START + timedelta(minutes=15), START + timedelta(minutes=45))
    assert (found["rate_lh"], found["state"]) == (pytest.approx(1600), "suspected")
    assert quick([1, 1.1, 1.5, 1.55]).is_empty(), "a quarter of an hour is not long enough"
    assert quick([1, 1.1, 1.5, 1.9, 1.95], model="DN 80").is_empty()
    assert quick([1, 1.1, 1.5, 1.9, 1.95], disputed=[3]).is_empty(), "a questioned step is no evidence"
    assert quick([1, 2, 4, 6, 6], minutes=60).is_empty(), "hourly data does not tell"
    assert quick([1, 1.1, 1.5, 0, 0.4, 0.8]).height == 1, "a fall is no flow"


FIRST = date(2025, 6, 2)


def slow(litres: Iterable[float | None], count: float = 0.01, limits: Limits = LIMITS) -> list[dict[str, Any]]:
    found = slow_leaks(days_of(hours(litres, count=count), FIRST, limits), limits)
    assert set(found.columns) == set(LEAK_EVENTS.schema) - {"known_from"}
    return found.rows(named=True)


def ticks(every: float, days: int, count: float = 10) -> list[float]:
    """What a register that counts so many litres shows of one count every so many hours."""
    return [count * (int((hour + 1) / every) - int(hour / every)) for hour in range(24 * days)]


def test_a_register_that_never_rests_for_long_tells_of_a_leak_slower_than_its_count() -> None:
    (found,) = slow(ticks(2.5, 4))  # 4 l/h: counts after 2, 5, 7, 10 ... hours
    assert (found["kind"], found["state"], found["metering_point"]) == ("slow_leak", "suspected", "p")
    assert (found["rate_low_lh"], found["rate_high_lh"]) == (10 / 4, 10 / 2)
    assert found["rate_lh"] == pytest.approx(10 / 3)
    assert (found["first_seen"], found["last_seen"]) == (START + 2 * HOUR, START + 95 * HOUR)
    assert found["lost_l"] == pytest.approx(93 * 10 / 3)
    assert episodes(hours(ticks(2.5, 4), count=0.01)) == [], "hours without a count are dry"


def test_what_rests_at_night_or_is_too_short_or_moves_all_the_time_is_no_slow_leak() -> None:
    assert slow(ticks(2.5, 2)) == [], "two days"
    assert slow(ticks(6, 6)) == [], "six hours without a count"
    at_home = [0.0 if 1 <= hour < 6 else 20.0 for _ in range(6) for hour in range(24)]
    assert slow(at_home) == []
    assert slow([10.0] * 24 * 6) == [], "that is continuous flow"
    assert slow(ticks(5, 4)) == [], "19 counts"
    assert len(slow(ticks(5, 5))) == 1
    assert slow(ticks(2.5, 4), limits=Limits(slow_longest_gap_h=2)) == []


def test_a_long_pause_or_unmeasured_hours_end_a_slow_leak() -> None:
    pause = [*ticks(2.5, 4), *[0.0] * 24, *ticks(2.5, 4)]
    assert [one["first_seen"] for one in slow(pause)] == [START + 2 * HOUR, START + 122 * HOUR]
    unknown: list[float | None] = [*ticks(2.5, 3), *[None] * 24, *ticks(2.5, 3)]
    assert len(slow(unknown)) == 2


def test_counts_in_unmeasured_hours_widen_no_bounds() -> None:
    litres: list[float | None] = [*ticks(2.5, 4)]
    litres[26] = None  # a count is not seen: 4 h seem to lie between two
    (found,) = slow(litres)
    assert (found["rate_low_lh"], found["rate_high_lh"]) == (10 / 4, 10 / 2)


def periodic(litres: Iterable[float | None], limits: Limits = LIMITS) -> list[dict[str, Any]]:
    since = pl.DataFrame({"organisation": ["o"], "metering_point": ["p"], "low": [FIRST]})
    found = periodic_draws(days_of(hours(litres), FIRST, limits), limits, ZONE, since)
    assert set(found.columns) == set(LEAK_EVENTS.schema) - {"known_from"}
    return found.rows(named=True)


def nights(night: list[float], days: int = 7) -> list[float]:
    return [*night, *[20.0] * 18] * days


@pytest.mark.parametrize(
    ("night", "step"),
    [([0, 8, 0, 0, 8, 0], 3), ([8, 0, 8, 0, 8, 0], 2), ([2, 9, 1, 0, 7, 1], 3)],
    ids=["three", "two", "noisy"],
)
def test_draws_in_even_steps_on_most_nights_are_labelled_and_take_nothing_for_lost(
    night: list[float], step: int
) -> None:
    (found,) = periodic(nights(night))
    assert (found["kind"], found["period_h"], found["lost_l"], found["rate_lh"]) == ("periodic_draws", step, 0, 0)
    assert (found["first_seen"], found["last_seen"]) == (START + 4 * DAY, START + 7 * DAY), "the fifth night"


@pytest.mark.parametrize(
    "night",
    [[0, 0, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5], [0, 0, 8, 8, 0, 0], [0, 30, 0, 0, 30, 0], [0, 2, 0, 0, 2, 0]],
    ids=["dry", "steady", "once", "large", "rounding"],
)
def test_other_nights_have_no_steps(night: list[float]) -> None:
    assert periodic(nights(night)) == []


def test_draws_on_few_nights_are_chance() -> None:
    assert periodic([*nights([0, 8, 0, 0, 8, 0], 4), *nights([0] * 6, 3)]) == []


def test_nothing_gives_nothing() -> None:
    empty = hours([])
    assert episodes(empty) == []
    assert days_of(empty, date(2025, 6, 2)).is_empty()
    assert step_events(BEFORE, LIMITS, ZONE).is_empty()
    assert slow([]) == []
    assert periodic([]) == []
    assert burst_events(hourly_bursts(empty, BEFORE, LIMITS), quick([])).is_empty()
