"""Faults of substations: seeded ones are found by the rule that is meant, and rank above everything unseeded."""

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from simulator.substations import FAULTS, Substations, draw_seasons
from warehouse.phrases import phrase
from warehouse.policies import HeatFaultsPolicy, read_policy, shipped_document
from warehouse.schemas import HEAT_DAILY
from warehouse.transforms.heat_faults import find_faults
from warehouse.transforms.signature_rows import signature_rows

FLEET = Substations(points=160, days=700)
YEAR = date(2025, 7, 1)
RULE_OF = {
    "high_return": "low_cooling",
    "hunting": "control",
    "constant_load": "weak_weather_dependence",
    "night_peak": "load_pattern",
    "shifted_signature": "signature_shift",
    "creeping_return": "return_outlier",
}


def heat_days(days: pl.DataFrame) -> pl.DataFrame:
    known = datetime(2026, 7, 1, tzinfo=UTC)
    return HEAT_DAILY.conform(
        days.with_columns(
            organisation=pl.lit("o"),
            meter_id=phrase("SIM-{}-1b-04", pl.col("metering_point").str.slice(2)),
            cooling_k=pl.col("flow_temp_c") - pl.col("return_temp_c"),
            weighting=pl.lit("registers"),
            quality=pl.lit("M"),
            known_from=pl.lit(known),
            month=pl.col("day").dt.strftime("%Y-%m"),
        )
    )


SEASONS = draw_seasons(FLEET)
DAYS = heat_days(SEASONS.days)
WEATHER = SEASONS.weather.rename({"outdoor_temp_c": "mean_temp_c"})
POINTS = SEASONS.truth["metering_point"]
SHIPPED = read_policy("heat_faults", shipped_document("heat_faults"))
assert isinstance(SHIPPED, HeatFaultsPolicy)
RULES = SHIPPED.limits()


def signatures(days: pl.DataFrame, year: int, *, is_last: bool) -> pl.DataFrame:
    return signature_rows(
        days.with_columns(station=pl.lit("main"), hours=pl.lit(24.0)),
        WEATHER,
        period=(datetime(year, 7, 1, tzinfo=UTC), datetime(year + 1, 7, 1, tzinfo=UTC)),
        t0s=(8, 20, 0.25),
        least_heating_days=60,
        least_r2=0.5,
        bootstrap_days=300,
        samples=100,
        seed=1,
    ).with_columns(is_last=pl.lit(is_last))


@pytest.fixture(scope="module")
def both_years() -> pl.DataFrame:
    now, last = pl.col("day") >= YEAR, pl.col("day") < YEAR
    return pl.concat([
        signatures(DAYS.filter(now), 2025, is_last=False),
        signatures(DAYS.filter(last), 2024, is_last=True),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def found(both_years: pl.DataFrame) -> pl.DataFrame:
    return faults(DAYS.filter(pl.col("day") >= YEAR), both_years)


def faults(days: pl.DataFrame, of_signatures: pl.DataFrame, rules: object = RULES) -> pl.DataFrame:
    temperatures = WEATHER.select("day", "mean_temp_c").join(POINTS.to_frame(), how="cross")
    targets = POINTS.to_frame().with_columns(target_k=pl.lit(40.0))
    power = of_signatures.filter(pl.col("quantity") == "power")
    return find_faults(days, temperatures, power, targets, rules)  # type: ignore[arg-type]


def test_signatures_of_the_fleet_are_the_ones_drawn(both_years: pl.DataFrame) -> None:
    sound = SEASONS.truth.filter(pl.col("fault").is_null())
    fitted = both_years.filter("is_last", pl.col("quantity") == "power").drop("t0_c").join(
        sound.select("metering_point", drawn="slope"), on="metering_point"
    )  # fmt: skip
    assert fitted["quality"].unique().to_list() == ["ok"]
    assert fitted.select(((pl.col("slope") / pl.col("drawn")) - 1).abs().max()).item() < 0.06
    supply = both_years.filter("is_last", pl.col("quantity") == "supply")
    assert supply["slope"].median() == pytest.approx(0.6, abs=0.15)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_found_by_its_rule(found: pl.DataFrame, fault: str) -> None:
    seeded = SEASONS.truth.filter(fault=fault)["metering_point"]
    by_rule = found.filter(rule=RULE_OF[fault])["metering_point"]
    assert set(seeded) <= set(by_rule)


def test_nothing_unseeded_ranks_above_a_seeded_fault(found: pl.DataFrame) -> None:
    worst = found.group_by("metering_point").agg(pl.col("score").max()).join(SEASONS.truth, on="metering_point")
    seeded, unseeded = worst.drop_nulls("fault"), worst.filter(pl.col("fault").is_null())
    assert seeded.height == len(FAULTS) * FLEET.faults
    assert float(seeded["score"].min() or 0) > float(unseeded["score"].max() or 0)  # type: ignore[arg-type]


def test_a_fault_tells_since_when_why_and_what_it_costs(found: pl.DataFrame) -> None:
    high = SEASONS.truth.filter(fault="high_return")["metering_point"][0]
    row = found.filter(metering_point=high, rule="low_cooling").row(0, named=True)
    assert row["since"] == YEAR
    assert 6 <= row["value"] <= 10
    assert row["reason"].startswith("It cools by ")
    assert row["excess_m3"] > 1000
    assert row["cost"] is None
    creeping = SEASONS.truth.filter(fault="creeping_return")["metering_point"][0]
    since = found.filter(metering_point=creeping, rule="return_outlier")["since"].item()
    assert date(2026, 5, 9) <= since <= DAYS["day"].max()  # type: ignore[operator]


def test_a_price_makes_excess_volume_cost_something(both_years: pl.DataFrame) -> None:
    priced = faults(DAYS.filter(pl.col("day") >= YEAR), both_years, replace(RULES, price_per_m3=2.0))
    assert priced.filter((pl.col("cost") - 2 * pl.col("excess_m3")).abs() > 1e-6).is_empty()
    assert priced["cost"].sum() > 0


def test_the_order_of_the_days_changes_nothing(found: pl.DataFrame, both_years: pl.DataFrame) -> None:
    again = faults(DAYS.filter(pl.col("day") >= YEAR).reverse(), both_years.reverse())
    assert again.equals(found)


def test_rules_that_are_left_out_find_nothing(both_years: pl.DataFrame) -> None:
    few = faults(DAYS.filter(pl.col("day") >= YEAR), both_years, replace(RULES, rules=frozenset({"control"})))
    assert set(few["rule"]) == {"control"}
    none = faults(DAYS.clear(), both_years.clear())
    assert none.is_empty()
    assert none.columns == few.columns


def test_a_warm_supply_may_ask_for_more_cooling(both_years: pl.DataFrame) -> None:
    stricter = replace(RULES, cooling_by_supply=((60.0, 60.0),), rules=frozenset({"low_cooling"}))
    assert faults(DAYS.filter(pl.col("day") >= YEAR), both_years, stricter).height == FLEET.points
