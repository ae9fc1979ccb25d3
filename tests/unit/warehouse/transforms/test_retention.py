"""Thinning: which telegram survives, what always stays, and the algebra of ALGORITHMS §4.5."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.schemas import INSTANT, REGISTER
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.calendar import local_day
from warehouse.transforms.resolutions import with_resolutions
from warehouse.transforms.retention import (
    Rule,
    Stage,
    always_kept,
    chosen,
    cut_off,
    gauges_daily,
    keep_of,
    with_buckets,
)

ZONE = ZoneInfo("Europe/Copenhagen")
START = datetime(2025, 1, 28, tzinfo=UTC)
STAGES = (Stage(1, "day"), Stage(2, "month"), Stage(3, "none"))
THINNED = (Rule(frozenset(), frozenset(), frozenset(), STAGES),)
DAYS = (Rule(frozenset(), frozenset(), frozenset(), (Stage(1, "day"),)),)
BY_RESOLUTION = (
    Rule(frozenset(), frozenset(), frozenset(), (Stage(1, "day"), Stage(2, "none")), frozenset({"5min"})),
    Rule(frozenset(), frozenset(), frozenset(), (Stage(2, "day"), Stage(3, "month")), frozenset({"hour", "day"})),
)
HOWS = ("last", "nearest_boundary", "first_last")
TELEGRAM = {"organisation": pl.String, "meter_id": pl.String, "measured_at": INSTANT}

INSTALLATIONS = pl.DataFrame(
    {
        "organisation": "o",
        "metering_point": ["P", "P"],
        "meter_id": ["a", "b"],
        "installed_at": [START, START + timedelta(days=40)],
        "removed_at": [START + timedelta(days=40), None],
    },
    schema_overrides={"installed_at": INSTANT, "removed_at": INSTANT},
)
EVENTS = pl.DataFrame(
    {"organisation": "o", "meter_id": "a", "register": "volume_m3", "at": [START + timedelta(days=11, hours=7)]},
    schema_overrides={"at": INSTANT},
)
CLASSES = pl.DataFrame(
    {
        "organisation": "o",
        "meter_id": ["a", "a", "b"],
        "aged_on": [date(2025, 2, 20), date(2025, 3, 25), date(2025, 4, 2)],
        "resolution": ["5min", None, "5min"],
    }
)
NO_EVENTS, NO_KEYS = EVENTS.head(0), pl.DataFrame(schema=TELEGRAM)
NO_SPANS = pl.DataFrame(schema={"meter_id": pl.String, "start": INSTANT, "end": INSTANT})


def rows(*telegrams: tuple[str, datetime], source: str = "radio") -> pl.DataFrame:
    frame = pl.DataFrame(
        [("o", meter, at, source) for meter, at in telegrams],
        schema={**TELEGRAM, "source": pl.String},
        orient="row",
    )
    registers = {name: pl.lit(None, REGISTER) for name in CUMULATIVE} | {"volume_m3": pl.lit(Decimal(1), REGISTER)}
    return frame.with_columns(medium=pl.lit("heat"), **registers)


def thin(
    readings: pl.DataFrame,
    today: date,
    how: str = "last",
    rules: tuple[Rule, ...] = THINNED,
    events: pl.DataFrame = NO_EVENTS,
    keys: pl.DataFrame = NO_KEYS,
    spans: pl.DataFrame = NO_SPANS,
) -> pl.DataFrame:
    """K(S)."""
    always = always_kept(readings.lazy(), INSTALLATIONS, events, keys, spans)
    placed = with_buckets(readings.lazy(), INSTALLATIONS).with_columns(aged_on=local_day(pl.col("measured_at"), ZONE))
    units = with_resolutions(placed, CLASSES, "meter_id", timedelta(hours=1)).with_columns(
        keep_of(rules, "reading", today)
    )
    stays = pl.concat([units.filter(pl.col("keep") == "all").select(list(TELEGRAM)), chosen(units, always, how, ZONE)])
    return readings.join(stays.collect(), on=list(TELEGRAM), how="semi").sort("meter_id", "measured_at")


def times(readings: pl.DataFrame) -> list[datetime]:
    return readings["measured_at"].to_list()


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("today", "months", "expected"),
    [
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 15), 13, date(2024, 12, 15)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2024, 2, 29), 60, date(2019, 2, 28)),
        (date(2026, 12, 31), 120, date(2016, 12, 31)),
    ],
)
def test_the_cut_off_is_calendar_months_before_with_the_day_clamped(today: date, months: int, expected: date) -> None:
    assert cut_off(today, months) == expected


def test_a_reading_is_in_a_stage_when_its_local_date_lies_before_the_cut_off() -> None:
    cut = date(2025, 3, 5)
    before = [("a", local(date(2025, 3, 4), hour)) for hour in (1, 23)]
    after = [("a", local(cut, hour)) for hour in (0, 1)]
    ends = [("a", START), ("a", local(date(2025, 3, 8), 1))]
    assert times(thin(rows(*ends, *before, *after), date(2025, 4, 5), rules=DAYS)) == sorted(
        [START, before[1][1], *(at for _, at in after), ends[1][1]]
    )


DAY = date(2025, 2, 10)
CANDIDATES = [local(DAY, 2), local(DAY, 13), local(DAY, 23, 30), local(DAY + timedelta(days=1), 0, 10)]
AROUND = [local(DAY - timedelta(days=3), 12), local(DAY + timedelta(days=9), 12)]


@pytest.mark.parametrize(
    ("how", "kept"),
    [("last", [2, 3]), ("nearest_boundary", [0, 3]), ("first_last", [0, 2, 3])],
)
def test_the_survivor_of_a_day_is_the_one_the_policy_names(how: str, kept: list[int]) -> None:
    telegrams = rows(*(("a", at) for at in (*CANDIDATES, *AROUND)))
    left = thin(telegrams, date(2025, 4, 1), how, rules=DAYS)
    assert times(left) == sorted([*AROUND, *(CANDIDATES[place] for place in kept)])


def test_registers_of_a_telegram_stay_together() -> None:
    telegrams = rows(("a", CANDIDATES[0]), ("a", CANDIDATES[1]), *(("a", at) for at in AROUND)).with_columns(
        energy_kwh=pl.lit(Decimal(2), REGISTER)
    )
    left = thin(telegrams, date(2025, 4, 1), rules=DAYS)
    assert left.filter(pl.col("measured_at") == CANDIDATES[1]).select("volume_m3", "energy_kwh").row(0) == (1, 2)


def test_installations_are_buckets_of_their_own() -> None:
    exchange = START + timedelta(days=40)
    hours = [exchange + timedelta(hours=hour) for hour in (-2, -1, 0, 1)]
    telegrams = rows(("a", hours[0]), ("a", hours[1]), ("b", hours[2]), ("b", hours[3]))
    assert times(thin(telegrams, date(2027, 1, 1))) == hours


def test_first_and_last_of_an_installation_stay_though_all_are_to_go() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(50)]
    assert times(thin(rows(*(("a", at) for at in hours)), date(2027, 1, 1))) == [hours[0], hours[-1]]


def test_both_sides_of_events_stay() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(500)]
    at = EVENTS["at"][0]
    left = thin(rows(*(("a", hour) for hour in hours)), date(2027, 1, 1), events=EVENTS)
    assert times(left) == [hours[0], at - timedelta(hours=1), at, hours[-1]]


def test_what_a_settlement_refers_to_and_what_is_held_stays() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(100)]
    keys = pl.DataFrame([("o", "a", hours[20])], schema=TELEGRAM, orient="row")
    spans = pl.DataFrame([("a", hours[30], hours[33])], schema=NO_SPANS.schema, orient="row")
    left = thin(rows(*(("a", hour) for hour in hours)), date(2027, 1, 1), keys=keys, spans=spans)
    assert times(left) == [hours[place] for place in (0, 20, 30, 31, 32, 99)]


def test_the_first_rule_about_a_row_decides() -> None:
    rules = (
        Rule(frozenset({"heat"}), frozenset({"manual"}), frozenset({"reading"}), (Stage(600, "none"),)),
        Rule(frozenset({"heat"}), frozenset(), frozenset({"reading"}), (Stage(1, "none"),)),
    )
    frame = pl.DataFrame(
        {"medium": ["heat", "heat", "water", None], "source": ["manual", "radio", "radio", "radio"]}
    ).with_columns(aged_on=pl.lit(date(2020, 1, 1)))
    assert frame.select(keep_of(rules, "reading", date(2026, 1, 1)))["keep"].to_list() == ["all", "none", "all", "all"]
    assert set(frame.select(keep_of(rules, "raw", date(2026, 1, 1)))["keep"]) == {"all"}
    assert frame.select(keep_of(rules[1:], "reading", date(2026, 1, 1)))["keep"].to_list() == [
        "none", "none", "all", "all",
    ]  # fmt: skip


def test_meters_that_are_read_more_often_are_thinned_by_their_own_rule() -> None:
    hours = [START + timedelta(days=day, hours=hour) for day in range(60) for hour in (3, 9)]
    left = thin(rows(*(("a", at) for at in hours)), date(2025, 5, 1), rules=BY_RESOLUTION)
    days = left.select(local_day(pl.col("measured_at"), ZONE).alias("day"))["day"].to_list()
    assert days.count(date(2025, 2, 10)) == 1, "read hourly then: one a day after two months"
    assert days.count(date(2025, 2, 24)) == 0, "read every five minutes: none after two"
    assert days.count(date(2025, 3, 10)) == 1, "read every five minutes: one a day after one"
    assert days.count(date(2025, 3, 26)) == 2, "read hourly again: all"


def test_gauges_of_a_local_day() -> None:
    hours = [local(DAY, hour) for hour in (0, 5, 23)]
    readings = rows(*(("a", at) for at in hours)).with_columns(
        flow_temp_c=pl.Series([50.0, 80.0, 60.0]), quality=pl.Series(["M", "M", "M"])
    )
    wrong = readings.head(1).with_columns(flow_temp_c=pl.lit(999.0), quality=pl.lit("R"), measured_at=local(DAY, 6))
    found = gauges_daily(pl.concat([readings, wrong.select(readings.columns)]), ["flow_temp_c"], ZONE)
    assert found.select("day", "gauge", "minimum", "maximum", "first", "last", "readings").rows() == [
        (DAY, "flow_temp_c", 50.0, 80.0, 50.0, 60.0, 3)
    ]


telegrams = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 24 * 120)), min_size=1, max_size=60, unique=True)
some_day = st.integers(20, 260)
how = st.sampled_from(HOWS)


def of(hours: list[tuple[str, int]]) -> pl.DataFrame:
    return rows(*((meter, START + timedelta(hours=hour)) for meter, hour in sorted(set(hours))))


def on(day: int) -> date:
    return (START + timedelta(days=day)).date()


@settings(max_examples=150, deadline=None)
@given(telegrams, telegrams, some_day, some_day, how, st.sampled_from([THINNED, BY_RESOLUTION]))
def test_algebra(old: list, late: list, day: int, later: int, how: str, rules: tuple[Rule, ...]) -> None:
    """K(K(S)) = K(S); K(K(S) u L) = K(S u L); whatever the order; in two steps as in one."""
    first, second = on(min(day, later)), on(max(day, later))
    once = thin(of(old), first, how, rules, EVENTS)
    assert thin(once, first, how, rules, EVENTS).equals(once)
    both = thin(of(old + late), first, how, rules, EVENTS)
    late_rows = of(late).join(once, on=list(TELEGRAM), how="anti")
    assert thin(pl.concat([once, late_rows]), first, how, rules, EVENTS).equals(both)
    assert thin(of(old + late).reverse(), first, how, rules, EVENTS).equals(both)
    assert thin(once, second, how, rules, EVENTS).equals(thin(of(old), second, how, rules, EVENTS))
