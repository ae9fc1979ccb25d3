"""Means over periods from boundary registers, cooling, ratings, excess volume and the energy check."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.schemas import CONSUMPTION_DAILY, HEAT_DAILY, REGISTER_EVENTS
from warehouse.transforms.heat_checks import cross_check
from warehouse.transforms.heat_means import differences, means, rating, with_excess

UTC_ZONE = ZoneInfo("UTC")
DAY = date(2025, 1, 10)
V, E1, E3, E8, E9 = "volume_m3", "energy_kwh", "cooling_energy_kwh", "volume_temp_flow_m3c", "volume_temp_return_m3c"
METER = "KAM-1-1b-0c"
RESOLUTIONS = {"organisation": pl.String, "meter_id": pl.String, "register": pl.String, "resolution": pl.Float64}
UNKNOWN = pl.DataFrame(schema=RESOLUTIONS)


def day_rows(number: int, registers: dict[str, tuple[str | None, str | None]], meter: str = METER) -> pl.DataFrame:
    """Rows of a day: register at its start and at its end."""
    day = DAY + timedelta(days=number)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = [
        {
            "organisation": "o",
            "metering_point": "p",
            "meter_id": meter,
            "register": name,
            "period_start": start,
            "period_end": start + timedelta(days=1),
            "day": day,
            "consumption": None if None in (first, last) else Decimal(str(last)) - Decimal(str(first)),
            "unit": "",
            "quality": "A",
            "register_start": None if first is None else Decimal(first),
            "register_end": None if last is None else Decimal(last),
            "start_quality": "N" if first is None else "A",
            "end_quality": "N" if last is None else "M",
            "known_from": start,
            "month": f"{day:%Y-%m}",
        }
        for name, (first, last) in registers.items()
    ]
    return pl.DataFrame(rows, schema=dict(CONSUMPTION_DAILY.schema))


def heat_row(number: int, volume: str, flow: float, back: float, weighting: str = "intervals") -> pl.DataFrame:
    day = DAY + timedelta(days=number)
    known = datetime(2025, 2, 1, tzinfo=UTC)
    row = ("o", "p", METER, day, Decimal(volume), None, flow, back, flow - back, None, weighting, "A", known, "2025-01")
    names = ("organisation", "metering_point", "meter_id", "day", V, E1, "flow_temp_c", "return_temp_c", "cooling_k")
    names = (*names, "error_k", "weighting", "quality", "known_from", "month")
    return HEAT_DAILY.conform(pl.DataFrame([row], schema=list(names), orient="row", infer_schema_length=None))


def resolutions(volume: float, weighted: float) -> pl.DataFrame:
    rows = [("o", METER, V, volume), ("o", METER, E8, weighted), ("o", METER, E9, weighted)]
    return pl.DataFrame(rows, schema=RESOLUTIONS, orient="row")


NO_EVENTS, NO_HEAT = REGISTER_EVENTS.empty(), HEAT_DAILY.empty()


def report(
    daily: pl.DataFrame,
    events: pl.DataFrame = NO_EVENTS,
    heat: pl.DataFrame = NO_HEAT,
    counts: pl.DataFrame = UNKNOWN,
    days: int = 2,
) -> dict[str, Any]:
    last = DAY + timedelta(days=days - 1)
    periods = differences(daily, events, first=DAY, last=last, zone=UTC_ZONE)
    assert periods.height == 1
    return means(periods, heat, counts).row(0, named=True)


def test_a_mean_over_days_is_no_mean_of_days() -> None:
    days = pl.concat([
        day_rows(0, {V: ("0", "1"), E1: ("0", "50"), E8: ("0", "90"), E9: ("0", "50")}),
        day_rows(1, {V: ("1", "10"), E1: ("50", "500"), E8: ("90", "720"), E9: ("50", "320")}),
    ])  # fmt: skip
    found = report(days)
    assert (found["flow_temp_c"], found["return_temp_c"], found["cooling_k"]) == (72.0, 32.0, 40.0)
    assert (found[V], found["energy"], found["weighting"]) == (10.0, 500.0, "registers")
    assert (found["first_day"], found["last_day"]) == (DAY, DAY + timedelta(days=1))


def test_published_vector_of_a_years_registers() -> None:
    found = report(day_rows(0, {V: ("0", "297.39"), E8: ("0", "28113"), E9: ("0", "11003")}), days=1)
    assert (round(found["flow_temp_c"], 2), round(found["return_temp_c"], 2)) == (94.53, 37.00)


def test_without_volume_there_is_nothing_to_show() -> None:
    found = report(day_rows(0, {V: ("7", "7"), E8: ("90", "90"), E9: ("50", "50")}), days=1)
    shown = ("flow_temp_c", "return_temp_c", "cooling_k", "error_k")
    assert [found[name] for name in shown] == [None] * 4
    assert (found[V], found["weighting"]) == (0.0, "none")


def test_the_registers_of_a_period_belong_to_the_same_boundaries() -> None:
    days = pl.concat([
        day_rows(0, {V: ("0", "1"), E8: (None, "90"), E9: (None, "50")}),
        day_rows(1, {V: ("1", "3"), E8: ("90", "250"), E9: ("50", "110")}),
    ])  # fmt: skip
    found = report(days)
    assert (found["first_day"], found[V]) == (DAY + timedelta(days=1), 2.0)
    assert (found["flow_temp_c"], found["return_temp_c"]) == (80.0, 30.0)


@pytest.mark.parametrize("end", ["start_quality", "end_quality"])
def test_registers_that_are_not_known_alike_at_both_ends_weigh_no_temperatures(end: str) -> None:
    days = pl.concat([
        day_rows(0, {V: ("0", "1"), E8: ("0", "80"), E9: ("0", "40")}),
        day_rows(1, {V: ("1", "4"), E8: ("80", "320"), E9: ("40", "160")}),
    ])  # fmt: skip
    apart = days.with_columns(
        pl.when((pl.col("register") == E8) & pl.col("day").eq(DAY + timedelta(days=end == "end_quality")))
        .then(pl.lit("I"))
        .otherwise(end)
        .alias(end)
    )
    heat = pl.concat([heat_row(0, "1", 70.0, 30.0, "registers"), heat_row(1, "3", 74.0, 30.0, "registers")])
    alike, fallen = report(days, heat=heat), report(apart, heat=heat)
    assert (alike["weighting"], alike["flow_temp_c"]) == ("registers", 80.0)
    assert (fallen["weighting"], fallen["flow_temp_c"], fallen["error_k"]) == ("intervals", 73.0, None)
    flagged = heat.with_columns(weighting=pl.lit("unweighted"))
    assert report(apart, heat=flagged)["weighting"] == "unweighted"
    assert report(apart)["weighting"] == "none"


def test_missing_days_inside_a_period_do_no_harm() -> None:
    days = pl.concat([
        day_rows(0, {V: ("0", None), E8: ("0", None), E9: ("0", None)}),
        day_rows(2, {V: (None, "10"), E8: (None, "700"), E9: (None, "300")}),
    ])  # fmt: skip
    assert report(days, days=3)["cooling_k"] == 40.0


def event(register: str, correction: str | None, number: int = 1) -> pl.DataFrame:
    at = datetime(2025, 1, 10, 12, tzinfo=UTC) + timedelta(days=number)
    amount = None if correction is None else Decimal(correction)
    row = ("o", "p", METER, register, at, "EXCHANGE", None, None, amount, at)
    return pl.DataFrame([row], schema=dict(REGISTER_EVENTS.schema), orient="row")


def test_an_exchange_inside_a_period_is_bridged_or_leaves_it_unknown() -> None:
    days = pl.concat([
        day_rows(0, {V: ("100", "101"), E8: ("9000", "9080"), E9: ("5000", "5040")}),
        day_rows(1, {V: ("101", "1"), E8: ("9080", "80"), E9: ("5040", "40")}, meter="KAM-2-1b-0c"),
    ])  # fmt: skip
    bridged = pl.concat([event(V, "102"), event(E8, "9160"), event(E9, "5080")])
    found = report(days, bridged)
    assert (found[V], found["flow_temp_c"], found["return_temp_c"]) == (3.0, 80.0, 40.0)
    assert found["meter_id"] == "KAM-2-1b-0c"
    unknown = report(days, pl.concat([event(V, None), event(E8, "9160"), event(E9, "5080")]))
    assert (unknown[V], unknown["cooling_k"]) == (None, None)


def test_without_registers_days_are_weighted_by_their_volumes() -> None:
    days = pl.concat([day_rows(0, {V: ("0", "0.9")}), day_rows(1, {V: ("0.9", "1.0")})])
    heat = pl.concat([heat_row(0, "0.9", 30.0, 20.0), heat_row(1, "0.1", 49.0, 20.0)])
    found = report(days, heat=heat)
    assert (found["flow_temp_c"], found["weighting"]) == (pytest.approx(31.9), "intervals")
    flagged = pl.concat([heat_row(0, "0.9", 30.0, 20.0), heat_row(1, "0.1", 49.0, 20.0, "unweighted")])
    assert report(days, heat=flagged)["weighting"] == "unweighted"


@pytest.mark.parametrize(("volume", "error"), [("3.61", 0.5), ("1.81", 1.0)])
def test_the_error_of_a_period(volume: str, error: float) -> None:
    sums = str(Decimal(volume) * 80)
    found = report(
        day_rows(0, {V: ("0", volume), E8: ("0", sums), E9: ("0", "0")}), counts=resolutions(0.01, 1), days=1
    )
    assert found["error_k"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("registers", "meter", "cooling"),
    [
        ({E3: ("0", "50")}, METER, 6.0),
        ({E1: ("0", "50")}, "KAM-1-1b-0a", 6.0),
        ({E1: ("0", "1"), E3: ("0", "50")}, METER, 6.0),
        ({E1: ("0", "50"), E3: ("0", "1")}, METER, -6.0),
    ],
)
def test_cooling_meters_count_return_minus_flow(
    registers: dict[str, tuple[str | None, str | None]], meter: str, cooling: float
) -> None:
    found = report(day_rows(0, {V: ("0", "10"), E8: ("0", "60"), E9: ("0", "120"), **registers}, meter), days=1)
    assert (found["cooling_k"], found["is_cooling"]) == (cooling, cooling > 0)
    assert found["energy"] == 50.0


def test_excess_volume_of_the_published_example() -> None:
    flow, back = 89.11, 49.11  # where a sensor in the return has a coefficient of 1.15
    row = {"meter_id": "KAM-1-1b-04", V: 450.0, "energy": 18_000.0, "flow_temp_c": flow, "return_temp_c": back}
    found = with_excess(pl.DataFrame([{**row, "target_k": 40.0}])).row(0, named=True)
    assert found["k"] == pytest.approx(1.15, abs=1e-5)
    assert found["target_m3"] == pytest.approx(391.3, abs=0.05)
    assert found["excess_m3"] == pytest.approx(58.7, abs=0.05)
    assert found["energy_cooling_k"] == pytest.approx(34.8, abs=0.05)


def test_excess_volume_of_a_report() -> None:
    registers = {V: ("0", "450"), E1: ("0", "18000"), E8: ("0", "31500"), E9: ("0", "15840")}
    periods = differences(day_rows(0, registers), NO_EVENTS, first=DAY, last=DAY, zone=UTC_ZONE)
    found = with_excess(means(periods, NO_HEAT, UNKNOWN).with_columns(target_k=pl.lit(40.0))).row(0, named=True)
    assert found["k"] == pytest.approx(1.1357, rel=1e-3)
    assert found["target_m3"] == pytest.approx(18_000 / (found["k"] * 40))
    assert found["excess_m3"] == pytest.approx(450 - found["target_m3"])
    good = with_excess(means(periods, NO_HEAT, UNKNOWN).with_columns(target_k=pl.lit(20.0)))
    assert good["excess_m3"].item() == 0


@pytest.mark.parametrize(
    ("cooling", "expected"), [(30.0, "good"), (29.9, "medium"), (20.0, "medium"), (19.9, "poor"), (None, None)]
)
def test_ratings(cooling: float | None, expected: str | None) -> None:
    assert pl.select(rating(pl.lit(cooling, pl.Float64), pl.lit(30.0), pl.lit(20.0))).item() == expected


def month(values: dict[str, str], meter: str) -> pl.DataFrame:
    rows = day_rows(0, {name: ("0", value) for name, value in values.items()}, meter)
    return rows.with_columns(period_end=pl.datetime(2025, 2, 1, time_unit="us", time_zone="UTC"), day=date(2025, 1, 1))


def checked(values: dict[str, str], meter: str = "KAM-1-40-04") -> dict[str, Any]:
    found = cross_check(month(values, meter), tolerance=0.03, least_kwh=20)
    assert found.height == 1
    return found.row(0, named=True)


MULTICAL_303 = {V: "1652.69", E8: "55703", E9: "45750", E1: "11895", E3: "396"}


def test_combined_meters_agree_by_heat_minus_cooling() -> None:
    inlet, outlet = (checked(MULTICAL_303, f"KAM-1-40-{kind}")["expected_kwh"] for kind in ("0c", "04"))
    assert (inlet, outlet) == pytest.approx((11_489, 11_510), rel=2e-4)
    found = checked(MULTICAL_303)
    assert (found["counted_kwh"], found["verdict"], found["factor"]) == (11_499.0, "AGREES", None)


def test_a_meter_within_two_per_cent_agrees() -> None:
    """MULTICAL 402: volume in 0.1 m3, so E8 and E9 count 10 m3*degC."""
    found = checked({V: "155434.7", E8: "12199430", E9: "11823190", E1: "432280"}, "KAM-1-19-04")
    assert found["expected_kwh"] == pytest.approx(426_500, rel=2e-3)
    assert (found["verdict"], round(found["ratio"], 3)) == ("AGREES", 1.013)


@pytest.mark.parametrize("factor", [0.01, 0.1, 10, 100])
def test_a_wrong_scale_of_the_temperature_sums_is_found(factor: float) -> None:
    sums = {name: str(round(float(MULTICAL_303[name]) / factor)) for name in (E8, E9)}
    found = checked({**MULTICAL_303, **sums})
    assert (found["verdict"], found["factor"]) == ("WRONG_SCALE", factor)


@pytest.mark.parametrize(("shown", "factor"), [(1 / 3.6, 1 / 3.6), (3.6, 3.6), (3.6 / 1000, 3.6 / 1000)])
def test_a_wrong_unit_of_energy_is_found(shown: float, factor: float) -> None:
    scaled = {name: f"{float(MULTICAL_303[name]) * shown:.6f}" for name in (E1, E3)}
    found = checked({**MULTICAL_303, **scaled})
    assert found["verdict"] == "WRONG_UNIT"
    assert found["factor"] == pytest.approx(factor)


def test_other_disagreement_is_named_and_little_energy_is_not_judged() -> None:
    assert checked({**MULTICAL_303, E1: "14000"})["verdict"] == "DISAGREES"
    little = {V: "1", E8: "70", E9: "60", E1: "3"}
    assert checked(little)["verdict"] == "NOT_CHECKED"
    assert cross_check(month({V: "1", E1: "3"}, "KAM-1-40-04"), tolerance=0.03, least_kwh=0).is_empty()
