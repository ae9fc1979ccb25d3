"""Degree days by four rules, small gaps, normalisation."""

from datetime import date, timedelta

import polars as pl
import pytest

from warehouse.transforms.degree_days import RULES, degree_days, normalised, without_small_gaps

DAY = date(2025, 1, 1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("simple", [23.0, 6.5, 6.0, 3.5, 3.0, 0.0, 0.0]),
        ("heizgradtage_15", [20.0, 3.5, 3.0, 0.5, 0.0, 0.0, 0.0]),
        ("gradtagzahl_20_15", [25.0, 8.5, 8.0, 5.5, 0.0, 0.0, 0.0]),
        ("hgt_20_12", [25.0, 8.5, 0.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_degree_days_of_each_rule(rule: str, expected: list[float]) -> None:
    days = pl.DataFrame({"t": [-5.0, 11.5, 12.0, 14.5, 15.0, 18.0, 25.0]})
    assert days.select(degree_days(pl.col("t"), rule)).to_series().to_list() == expected


def test_all_rules_are_known_and_a_missing_day_stays_missing() -> None:
    for rule in RULES:
        assert pl.select(degree_days(pl.lit(None, pl.Float64), rule)).item() is None
    assert pl.select(degree_days(pl.lit(16.0), "simple", 17.0)).item() == 1.0
    with pytest.raises(KeyError):
        degree_days(pl.lit(1.0), "other")


def series(*values: float | None, station: str = "s") -> pl.DataFrame:
    days = [DAY + timedelta(days=number) for number in range(len(values))]
    return pl.DataFrame(
        {"station": [station] * len(values), "day": days, "mean_temp_c": values},
        schema_overrides={"mean_temp_c": pl.Float64},
    ).drop_nulls()


def test_up_to_two_missing_days_lie_on_a_line_and_three_stay_missing() -> None:
    two = without_small_gaps(series(1.0, None, None, 4.0))
    assert two["mean_temp_c"].to_list() == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert two["is_filled"].to_list() == [False, True, True, False]
    three = without_small_gaps(series(1.0, None, None, None, 5.0))
    assert three["mean_temp_c"].to_list() == [1.0, None, None, None, 5.0]
    assert not three["is_filled"].any()


def test_stations_do_not_fill_one_another_and_order_does_not_matter() -> None:
    both = pl.concat([series(1.0, None, 3.0), series(30.0, 40.0, station="t")])
    filled = without_small_gaps(both.reverse())
    assert filled["mean_temp_c"].to_list() == [1.0, 2.0, 3.0, 30.0, 40.0]
    assert filled.equals(without_small_gaps(both))
    assert without_small_gaps(both.clear()).is_empty()


@pytest.mark.parametrize(("actual", "expected"), [(2500.0, 13_000.0), (49.9, None)])
def test_normalised_consumption(actual: float, expected: float | None) -> None:
    found = pl.select(normalised(pl.lit(11_000.0), pl.lit(3_000.0), pl.lit(3125.0), pl.lit(actual))).item()
    assert found == expected
