"""Days after the last reading: provisional, replaced by a register, final in time or by a person (ALGORITHMS §3.5)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tests.unit.warehouse.transforms.metering import (
    LONG_AGO,
    METER,
    NEXT_METER,
    at,
    column,
    conforms,
    figures,
    hourly_at,
    installed,
    readings,
    stored,
)
from warehouse.schemas import CONSUMPTION_DAILY, REGISTER
from warehouse.transforms.consumption import Evidence, Figures, Policy, roll_up
from warehouse.transforms.estimation.policy import EstimationPolicy

HOUR = timedelta(hours=1)
LAST = date(2025, 6, 18)  # a Wednesday
READ = at("06-18 12:00")
POINT = pl.DataFrame({"metering_point": ["P1"]})


def daily_use(day: date) -> int:
    return {5: 200, 6: 400, 7: 600}.get(day.isoweekday(), 100)


def past(count: int = 28, **options: Any) -> pl.DataFrame:
    days = [LAST - timedelta(days=number) for number in range(1, count + 1)]
    starts = [datetime(day.year, day.month, day.day, tzinfo=READ.tzinfo) for day in days]
    rows = [(start, start + 24 * HOUR, daily_use(day)) for start, day in zip(starts, days, strict=True)]
    return stored(CONSUMPTION_DAILY, rows, **options)


def open_gap(
    as_of: datetime,
    *,
    policy: EstimationPolicy | None = None,
    rows: pl.DataFrame | None = None,
    installations: pl.DataFrame | None = None,
    **evidence: Any,
) -> Figures:
    """Figures of a meter read until the noon of a Wednesday."""
    known = {
        "days": past(),
        "as_of": as_of,
        "ends": POINT.with_columns(open_to=as_of.date() - timedelta(days=1)),
        **evidence,
    }
    return figures(
        readings(hourly_at(at("06-18 00:00"), 13)) if rows is None else rows,
        LAST,
        evidence=Evidence(**known),
        policy=Policy(HOUR, estimation=policy or EstimationPolicy()),
        installations=installations,
    )


def test_days_after_the_last_reading_take_the_average_of_their_class() -> None:
    found = open_gap(at("06-24 09:00"))
    days = found.daily
    assert column(days, "day") == [LAST + timedelta(days=number) for number in range(6)]
    # 1.2 by noon and half of a weekday; then Thursday to Monday.
    assert column(days, "consumption") == ["1.25", "0.1", "0.2", "0.4", "0.6", "0.1"]
    assert column(days, "quality") == ["E"] * 6
    assert column(days, "method") == ["ADU"] * 6
    assert column(days, "gap_id") == [READ] * 6
    assert column(days, "gap_hours") == [None] * 6
    assert column(days, "share_interpolated") == [0.5] + [1.0] * 5
    assert column(days, "meter_id") == [METER] * 6
    assert column(days, "register_end")[-1] == "12.65"
    conforms(CONSUMPTION_DAILY, days)


def test_hours_are_not_estimated_after_the_last_reading() -> None:
    found = open_gap(at("06-24 09:00"))
    assert found.hourly.equals(figures(readings(hourly_at(at("06-18 00:00"), 13)), LAST).hourly)


def test_nothing_is_estimated_before_a_reading_is_overdue() -> None:
    plain = figures(readings(hourly_at(at("06-18 00:00"), 13)), LAST).daily
    assert open_gap(at("06-20 12:00")).daily.equals(plain)
    assert open_gap(at("06-20 13:00")).daily.height == 2


def test_days_that_are_asked_for_keep_one_row() -> None:
    rows = readings(hourly_at(at("06-18 00:00"), 13))
    ends = POINT.with_columns(open_to=date(2025, 6, 20))
    evidence = Evidence(days=past(), as_of=at("06-24 00:00"), ends=ends)
    found = figures(rows, LAST, date(2025, 6, 21), evidence=evidence)
    assert column(found.daily, "quality") == ["E", "E", "E", "N"]
    assert column(found.daily, "day") == [LAST + timedelta(days=number) for number in range(4)]
    assert found.hourly.height == 12, "the hours of the days before, up to the last reading"


def test_a_register_that_arrives_replaces_what_was_provisional() -> None:
    rows = pl.concat([readings(hourly_at(at("06-18 00:00"), 13)), readings([(at("06-20 12:00"), "12")])])
    evidence = Evidence(days=past(), as_of=at("06-24 00:00"), ends=POINT.with_columns(open_to=date(2025, 6, 22)))
    found = figures(rows, LAST, date(2025, 6, 20), evidence=evidence)
    assert column(found.daily, "quality") == ["I", "I", "E", "E", "E"]
    assert column(found.daily, "gap_hours") == [48.0, 48.0, None, None, None]
    assert sum(found.daily["consumption"]) == found.daily["register_end"][-1] - Decimal("10")


def test_estimates_end_with_the_limit_and_the_installation() -> None:
    limited = open_gap(at("07-30 00:00"), policy=EstimationPolicy(open_limit=timedelta(days=3)))
    assert limited.daily.height == 4
    removed = installed((METER, LONG_AGO, at("06-20 00:00")))
    assert open_gap(at("07-30 00:00"), installations=removed).daily.height == 2


def test_a_point_whose_latest_readings_are_not_at_hand_is_left_alone() -> None:
    other = pl.DataFrame({"metering_point": ["P2"], "open_to": [date(2025, 6, 23)]})
    assert open_gap(at("06-24 09:00"), ends=other).daily.height == 1


def test_a_class_without_days_takes_the_average_of_all() -> None:
    found = open_gap(at("06-22 09:00"), days=past(2))
    assert column(found.daily, "consumption")[1:] == ["0.1", "0.1", "0.1"]


def test_without_history_the_annual_estimate_is_spread_evenly() -> None:
    annual = pl.DataFrame(
        {"metering_point": ["P1"], "register": ["volume_m3"], "annual_estimate": [Decimal("73")]},
        schema_overrides={"annual_estimate": REGISTER},
    )
    found = open_gap(at("06-22 09:00"), days=past().clear(), annual=annual)
    assert column(found.daily, "consumption") == ["1.3", "0.2", "0.2", "0.2"]
    assert set(column(found.daily, "method")) == {"ANNUAL"}
    assert column(open_gap(at("06-22 09:00"), days=past().clear()).daily, "quality") == ["N"]


def test_heat_follows_the_outdoor_temperature() -> None:
    rows = readings([(at("06-18 00:00"), "100"), (at("06-18 12:00"), "110")], register="energy_kwh", layout="kWh")
    known = {
        "signatures": pl.DataFrame({"metering_point": ["P1"], "a_kw_per_k": [0.5], "b_kw": [1.0], "t0_c": [16.0]}),
        "temperatures": pl.DataFrame(
            {"day": [LAST, date(2025, 6, 19), date(2025, 6, 20)], "temperature_c": [20.0, 12.0, 6.0]}
        ),
    }
    found = open_gap(at("06-22 09:00"), rows=rows, days=past(register="energy_kwh"), **known)
    assert column(found.daily, "consumption") == ["22", "72", "144", "0"]
    assert column(found.daily, "method") == ["SIGNATURE", "SIGNATURE", "SIGNATURE", "ADU"]
    assert column(found.daily, "register_end") == ["122", "194", "338", "338"]


def test_provisional_days_are_final_after_some_days() -> None:
    policy = EstimationPolicy(final_after=timedelta(days=4))
    found = open_gap(at("06-24 00:00"), policy=policy)
    assert column(found.daily, "quality") == ["F", "F", "E", "E", "E", "E"]


def test_a_person_makes_days_final() -> None:
    finals = pl.DataFrame(
        {"metering_point": ["P1"], "register": ["volume_m3"], "first_day": [LAST], "last_day": [date(2025, 6, 20)]}
    )
    found = open_gap(at("06-24 00:00"), finals=finals)
    assert column(found.daily, "quality") == ["F", "F", "F", "E", "E", "E"]
    assert column(found.daily, "consumption") == column(open_gap(at("06-24 00:00")).daily, "consumption")


def test_a_register_not_read_for_sixty_days_is_an_exception() -> None:
    assert open_gap(READ + timedelta(days=60)).exceptions.is_empty()
    found = open_gap(READ + timedelta(days=60, hours=1)).exceptions
    assert found.select("meter_id", "register", "at", "rule", "state").rows() == [
        (METER, "volume_m3", READ, "V21", "open")
    ]
    assert found["reason"][0].startswith("No reading for more than 60 days")


def test_estimates_go_on_from_the_new_meter() -> None:
    when = at("06-18 10:00")
    rows = pl.concat(
        [readings(hourly_at(at("06-18 00:00"), 10)), readings(hourly_at(at("06-18 11:00"), 2), NEXT_METER)]
    )
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    found = open_gap(at("06-22 00:00"), rows=rows, installations=points)
    # Nobody wrote down the registers at the exchange: that day stays unknown, those after it do not.
    assert column(found.daily, "quality") == ["N", "E", "E", "E"]
    assert column(found.daily, "meter_id") == [NEXT_METER] * 4


def test_months_take_provisional_days_in() -> None:
    rows = readings(hourly_at(at("05-31 20:00"), 17 * 24 + 17))
    ends = POINT.with_columns(open_to=date(2025, 7, 2))
    evidence = Evidence(days=past(), as_of=at("07-04 00:00"), ends=ends)
    found = figures(rows, date(2025, 6, 1), LAST, evidence=evidence)
    months, _ = roll_up(found.daily, found.events, zone=ZoneInfo("UTC"))
    june = months.row(0, named=True)
    assert june["quality"] == "E"
    assert june["method"] == "ADU"
    assert june["gap_id"] == at("06-18 12:00")
    assert june["consumption"] == found.daily.filter(pl.col("day") <= date(2025, 6, 30))["consumption"].sum()
