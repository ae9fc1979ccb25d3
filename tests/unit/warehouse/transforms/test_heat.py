from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.schemas import HEAT_DAILY, INSTANT, REGISTER
from warehouse.schemas.readings import LAYOUTS
from warehouse.transforms.heat import heat_daily, register_resolutions, resolution_error

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
DAY = date(2025, 1, 10)
MIDNIGHT = datetime(2025, 1, 9, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
V, E1, E3, E8, E9 = (
    "volume_m3",
    "energy_kwh",
    "cooling_energy_kwh",
    "volume_temp_flow_m3c",
    "volume_temp_return_m3c",
)
DAILY = pl.Schema(
    {
        "organisation": pl.String(),
        "metering_point": pl.String(),
        "meter_id": pl.String(),
        "register": pl.String(),
        "period_start": INSTANT,
        "period_end": INSTANT,
        "day": pl.Date(),
        "consumption": REGISTER,
        "quality": pl.String(),
        "start_quality": pl.String(),
        "end_quality": pl.String(),
    }
)
READINGS = pl.Schema(
    {
        "organisation": pl.String(),
        "meter_id": pl.String(),
        "measured_at": INSTANT,
        "flow_temp_c": pl.Float64(),
        "return_temp_c": pl.Float64(),
        "quality": pl.String(),
        "flags": pl.String(),
    }
)
RESOLUTIONS = pl.Schema(
    {"organisation": pl.String(), "meter_id": pl.String(), "register": pl.String(), "resolution": pl.Float64()}
)

Value = str | None | tuple[str | None, str]


def _amount(value: Value) -> tuple[Decimal | None, str]:
    amount, quality = value if isinstance(value, tuple) else (value, "A")
    return (None, "N") if amount is None else (Decimal(amount), quality)


def daily(values: dict[str, Value], point: str = "p", meter: str = "m") -> pl.DataFrame:
    end = MIDNIGHT + 24 * HOUR
    rows = [("o", point, meter, name, MIDNIGHT, end, DAY, *_amount(value), "A", "A") for name, value in values.items()]
    return pl.DataFrame(rows, schema=DAILY, orient="row")


def hourly(volumes: dict[int, str | None], point: str = "p", meter: str = "m") -> pl.DataFrame:
    rows = [
        ("o", point, meter, V, MIDNIGHT + hour * HOUR, MIDNIGHT + (hour + 1) * HOUR, DAY, *_amount(volume), "A", "A")
        for hour, volume in volumes.items()
    ]
    return pl.DataFrame(rows, schema=DAILY, orient="row")


def gauges(*rows: tuple[float, float | None, float | None], quality: str = "M", meter: str = "m") -> pl.DataFrame:
    """Rows of hours after midnight, flow and return temperature."""
    full = [("o", meter, MIDNIGHT + at * HOUR, flow, back, quality, None) for at, flow, back in rows]
    return pl.DataFrame(full, schema=READINGS, orient="row")


def resolutions(volume: float, vt: float, meter: str = "m") -> pl.DataFrame:
    rows = [("o", meter, V, volume), ("o", meter, E8, vt), ("o", meter, E9, vt)]
    return pl.DataFrame(rows, schema=RESOLUTIONS, orient="row")


NO_HOURS, NO_GAUGES, UNKNOWN = hourly({}), gauges(), pl.DataFrame(schema=RESOLUTIONS)


def heat(
    days: pl.DataFrame,
    hours: pl.DataFrame = NO_HOURS,
    spots: pl.DataFrame = NO_GAUGES,
    counts: pl.DataFrame = UNKNOWN,
    **options: float,
) -> pl.DataFrame:
    return heat_daily(days, hours, spots, counts, zone=COPENHAGEN, **options)


def only(figures: pl.DataFrame) -> dict[str, Any]:
    assert figures.height == 1
    return figures.row(0, named=True)


def test_temperatures_from_the_registers() -> None:
    day = only(heat(daily({V: "297.39", E1: "18000", E8: "28113", E9: "11003"}), counts=resolutions(0.01, 1)))
    assert (round(day["flow_temp_c"], 2), round(day["return_temp_c"], 2)) == (94.53, 37.00)
    assert day["cooling_k"] == pytest.approx(57.53, abs=0.005)
    assert day["error_k"] == pytest.approx((1 + 94.53 * 0.01) / 297.38, rel=1e-3)
    assert (day["weighting"], day["quality"], day["month"]) == ("registers", "A", "2025-01")
    assert (day["volume_m3"], day["energy_kwh"]) == (Decimal("297.39"), Decimal(18000))


def test_registers_of_other_telegrams_than_the_volume_are_no_weights() -> None:
    """§7.1: E8 and E9 are sent once a day, the volume each hour."""
    days = daily({V: "20", E8: "1600", E9: "800"})
    rare = pl.when(pl.col("register") == V).then(pl.lit("M")).otherwise(pl.lit("I"))
    spots = gauges((1, 81.0, 41.0))
    assert only(heat(days, spots=spots))["weighting"] == "registers"
    for end in ("start_quality", "end_quality"):
        apart = only(heat(days.with_columns(rare.alias(end)), spots=spots))
        assert (apart["weighting"], apart["flow_temp_c"], apart["error_k"]) == ("unweighted", 81.0, None)


def test_registers_that_stood_still_for_a_while_are_no_weights() -> None:
    days = daily({V: "24", E1: "500", E8: "1900", E9: "900"})
    hours = hourly(dict.fromkeys(range(24), "1"))
    spots = gauges(*((at + 0.5, 90.0, 40.0) for at in range(24)))
    assert only(heat(days, hours, spots, resolutions(0.01, 1)))["weighting"] == "registers"
    broken = pl.int_range(pl.len()) < 4
    flags = pl.when(broken).then(pl.lit("FROZEN:energy_kwh,FROZEN:volume_temp_flow_m3c,SENTINEL:flow_temp_c"))
    flagged = spots.with_columns(flags=flags, flow_temp_c=pl.when(~broken).then("flow_temp_c"))
    day = only(heat(days, hours, flagged, resolutions(0.01, 1)))
    assert day["weighting"] == "intervals"
    assert day["flow_temp_c"] == pytest.approx(90.0)


def test_registers_of_a_coarser_meter() -> None:
    # MULTICAL 402 telegram: volume in 0.1 m3, so one count of E8 is 10 m3*degC (f = 0.1).
    day = only(heat(daily({V: "155434.7", E8: "12199430", E9: "11823190"}), counts=resolutions(0.1, 10)))
    assert (round(day["flow_temp_c"], 2), round(day["return_temp_c"], 2)) == (78.49, 76.07)


@pytest.mark.parametrize(("volume", "error"), [(3.61, 0.5), (1.81, 1.0), (0.01, float("inf")), (0.0, float("inf"))])
def test_error_of_the_registers(volume: float, error: float) -> None:
    bound = resolution_error(pl.lit(80.0), pl.lit(volume), pl.lit(1.0), pl.lit(0.01))
    assert pl.select(bound).item() == pytest.approx(error)


@settings(max_examples=60, deadline=None)
@given(volume=st.floats(0.5, 50), flow=st.floats(0, 120), at=st.floats(0, 1), of=st.floats(0, 1), count=st.just(0.01))
def test_no_truncation_of_the_registers_exceeds_the_error(
    volume: float, flow: float, at: float, of: float, count: float
) -> None:
    """Registers that start anywhere between two counts and are cut off to whole counts."""
    shown_v = ((at * count + volume) // count) * count
    shown_vt = float((of + volume * flow) // 1)
    shown = shown_vt / shown_v
    bound = pl.select(resolution_error(pl.lit(shown), pl.lit(shown_v), pl.lit(1.0), pl.lit(count))).item()
    assert abs(shown - flow) <= bound + 1e-6


def test_resolutions_are_the_coarsest_of_the_meters_layouts() -> None:
    read = pl.DataFrame(
        [("o", "m", "l1"), ("o", "m", "l2"), ("o", "m", "l1"), ("o", "n", "l1"), ("o", "imported", None)],
        schema={"organisation": pl.String(), "meter_id": pl.String(), "layout_id": pl.String()},
        orient="row",
    )
    layouts = pl.DataFrame(
        [("o", "l1", V, 1, 1000, None), ("o", "l2", V, 1, 100, None), ("o", "l2", E8, 1, 1, None)],
        schema=LAYOUTS.schema,
        orient="row",
    )
    assert register_resolutions(read, layouts).sort("meter_id", "register").rows() == [
        ("o", "m", V, 0.01),
        ("o", "m", E8, 1.0),
        ("o", "n", V, 0.001),
    ]


def test_little_volume_falls_back_to_hourly_volumes_then_to_the_plain_mean() -> None:
    days = daily({V: "1.0", E1: "10", E8: "32", E9: "20"})
    hours = hourly({7: "0.9", 19: "0.1"})
    spots = gauges((7.5, 30.0, 20.0), (19.5, 49.0, 25.0))
    coarse = resolutions(0.01, 1)
    weighted = only(heat(days, hours, spots, coarse))
    assert (weighted["weighting"], weighted["error_k"]) == ("intervals", None)
    assert weighted["flow_temp_c"] == pytest.approx(31.9)
    assert weighted["return_temp_c"] == pytest.approx(20.5)
    assert weighted["cooling_k"] == pytest.approx(11.4)
    plain = only(heat(days, NO_HOURS, spots, coarse))
    assert plain["weighting"] == "unweighted"
    assert plain["flow_temp_c"] == pytest.approx(39.5)
    assert plain["cooling_k"] == pytest.approx(17.0)
    nothing = only(heat(days, counts=coarse))
    assert (nothing["weighting"], nothing["flow_temp_c"], nothing["cooling_k"]) == ("none", None, None)
    assert only(heat(days, hours, spots, coarse, limit_k=2.0))["flow_temp_c"] == pytest.approx(32.0)


def test_the_error_is_that_of_the_hotter_pipe() -> None:
    day = only(heat(daily({V: "10", E3: "5", E8: "100", E9: "300"}), counts=resolutions(0.1, 1)))
    assert day["error_k"] == pytest.approx((1 + 30 * 0.1) / 9.9)


def test_registers_of_unknown_resolution_are_used_without_an_error() -> None:
    day = only(heat(daily({V: "1.0", E8: "32", E9: "20"})))
    assert (day["weighting"], day["flow_temp_c"], day["error_k"]) == ("registers", 32.0, None)


@pytest.mark.parametrize("volume", ["0", "-0.5"])
def test_without_flow_there_are_no_temperatures(volume: str) -> None:
    days = daily({V: volume, E1: "0", E8: "0", E9: "0"})
    day = only(heat(days, hourly({7: "0"}), gauges((7.5, 30.0, 20.0)), resolutions(0.01, 1)))
    assert (day["flow_temp_c"], day["return_temp_c"], day["cooling_k"], day["weighting"]) == (None, None, None, "none")
    assert (day["volume_m3"], day["quality"]) == (Decimal(volume), "A")


def test_hours_stand_for_the_day_only_with_most_of_its_volume() -> None:
    days = daily({V: "10", E1: "10"})
    hours = hourly({6: "4.9", 7: "5.1"})
    assert only(heat(days, hours, gauges((7.1, 60.0, 30.0))))["weighting"] == "intervals"
    assert only(heat(days, hours, gauges((6.1, 60.0, 30.0))))["weighting"] == "unweighted"
    assert only(heat(days, hours, gauges((6.1, 60.0, 30.0)), least_share=0.4))["weighting"] == "intervals"


def test_a_temperature_belongs_to_the_hour_it_was_read_in() -> None:
    hours = hourly({6: "1", 8: "3", 9: None, 10: "-2"})
    spots = gauges(
        (6.0, 50.0, 30.0), (6.5, 60.0, 30.0), (7.0, 99.0, 0.0), (8.999, 71.0, 31.0), (9.0, 99.0, 0.0), (10.5, 9.0, 9.0)
    )
    day = only(heat(daily({V: "4", E1: "1"}), hours, spots))
    assert day["flow_temp_c"] == pytest.approx((55 * 1 + 71 * 3) / 4)
    assert day["return_temp_c"] == pytest.approx((30 * 1 + 31 * 3) / 4)


def test_only_measured_pairs_of_temperatures_count() -> None:
    spots = pl.concat([gauges((6.0, 185.0, None), (7.0, 60.0, 40.0)), gauges((8.0, 99.0, 1.0), quality="R")])
    assert only(heat(daily({V: "4", E1: "1"}), spots=spots))["flow_temp_c"] == 60.0


def test_readings_of_the_neighbouring_days_do_not_count() -> None:
    spots = gauges((-0.001, 99.0, 1.0), (0.0, 60.0, 40.0), (23.999, 70.0, 40.0), (24.0, 99.0, 1.0))
    assert only(heat(daily({V: "4", E1: "1"}), spots=spots))["flow_temp_c"] == 65.0


@pytest.mark.parametrize(
    ("energies", "cooling_k"),
    [
        ({E1: "5"}, 20.0),
        ({E1: "5", E3: "0"}, 20.0),
        ({E1: "0", E3: "0"}, 20.0),
        ({E1: "0", E3: "5"}, -20.0),
        ({E3: "0"}, -20.0),
        ({E1: "5", E3: "1"}, 20.0),
    ],
)
def test_the_sign_follows_heating_or_cooling(energies: dict[str, Value], cooling_k: float) -> None:
    assert only(heat(daily({V: "10", E8: "600", E9: "400", **energies})))["cooling_k"] == pytest.approx(cooling_k)


@pytest.mark.parametrize(
    ("values", "quality"),
    [
        ({V: ("10", "M"), E1: ("5", "M"), E8: ("600", "A"), E9: ("400", "I")}, "I"),
        ({V: ("10", "M"), E1: ("5", "E"), E8: ("600", "A"), E9: ("400", "A")}, "E"),
        ({V: ("10", "M"), E1: None, E8: ("600", "I"), E9: None}, "M"),  # E8 alone is not used
        ({V: None, E1: None}, "N"),
    ],
)
def test_quality_is_the_worst_of_what_was_used(values: dict[str, Value], quality: str) -> None:
    assert only(heat(daily(values)))["quality"] == quality


def test_only_heat_points_have_rows() -> None:
    days = pl.concat(
        [
            daily({V: "1"}, point="water", meter="w"),
            daily({V: "1"}, point="warm", meter="h"),
            daily({V: None, E1: None}, point="silent", meter="s"),
            daily({"energy_import_kwh": "1"}, point="electricity", meter="e"),
        ]
    )
    spots = pl.concat([gauges((1, 12.0, None), meter="w"), gauges((1, 60.0, 40.0), meter="h")])
    figures = heat(days, spots=spots)
    assert figures.select("metering_point", "weighting").rows() == [("silent", "none"), ("warm", "unweighted")]
    assert figures.schema == {name: dtype for name, dtype in HEAT_DAILY.schema.items() if name != "known_from"}


def test_no_days() -> None:
    assert heat(daily({})).is_empty()


def test_the_order_of_the_rows_does_not_matter() -> None:
    hours = hourly({hour: f"0.{hour + 1:02}7" for hour in range(24)})
    spots = gauges(*((hour + 0.3, 60.1 + hour / 7, 30.3 + hour / 3) for hour in range(24)))
    days = daily({V: "3.168", E1: "1", E3: "0"})
    first = heat(days, hours, spots)
    assert only(first)["weighting"] == "intervals"
    for seed in range(5):
        mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (days, hours, spots)]
        assert heat(*mixed).equals(first)
