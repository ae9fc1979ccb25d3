"""Normalised heat of months, reckoned by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from warehouse.transforms.normalisation import degree_days_of_months, normalised_months, references

Row = tuple[date, float | None, float | None, float | None]


def months(*rows: Row, point: str = "p") -> pl.DataFrame:
    """First day, kWh, degree days, reference."""
    starts = [datetime(day.year, day.month, 1, tzinfo=UTC) for day, *_ in rows]
    ends = [(start + timedelta(days=32)).replace(day=1) for start in starts]
    amounts = ("consumption", "degree_days", "reference_degree_days")
    return pl.DataFrame(
        {"day": [row[0] for row in rows], "period_start": starts, "period_end": ends}
        | {name: pl.Series([row[place + 1] for row in rows], dtype=pl.Float64) for place, name in enumerate(amounts)}
    ).with_columns(pl.col("^period_.*$").dt.cast_time_unit("us"), metering_point=pl.lit(point), register=pl.lit("e"))


def signatures(*rows: tuple[int, float], point: str = "p") -> pl.DataFrame:
    """Year in whose July a heating year begins, and intercept in kW."""
    schema = {"metering_point": pl.String, "period_start": pl.Datetime("us", "UTC"), "b_kw": pl.Float64}
    return pl.DataFrame([(point, datetime(y, 7, 1, tzinfo=UTC), b) for y, b in rows], schema=schema, orient="row")


NONE = signatures()
JANUARY, JULY, AUGUST = date(2025, 1, 1), date(2025, 7, 1), date(2025, 8, 1)


def test_the_intercept_of_the_signature_is_left_out() -> None:
    # 0.5 kW for 744 h are 372 kWh; (2000 - 372) * 600 / 500 + 372
    found = normalised_months(months((JANUARY, 2000.0, 500.0, 600.0)), signatures((2024, 0.5)), 50).row(0, named=True)
    assert (found["base_kwh"], found["base_from"], found["reason"]) == (372.0, "signature", None)
    assert found["normalised_kwh"] == pytest.approx(2325.6)


def test_without_a_signature_the_median_of_summer_is_left_out() -> None:
    rows = months(
        (date(2024, 6, 1), 300.0, 30.0, None),  # 10 a day
        (date(2024, 7, 1), 248.0, 5.0, None),  # 8 a day
        (date(2024, 8, 1), 217.0, 10.0, None),  # 7 a day
        (date(2024, 9, 1), 900.0, 60.0, 60.0),
        (JANUARY, 2000.0, 500.0, 600.0),
    )
    found = normalised_months(rows, NONE, 50).filter(day=JANUARY).row(0, named=True)
    assert (found["base_kwh"], found["base_from"]) == (248.0, "summer")
    assert found["normalised_kwh"] == pytest.approx(248 + (2000 - 248) * 1.2)


def test_a_summer_longer_ago_than_a_year_tells_nothing() -> None:
    rows = months((date(2023, 8, 1), 248.0, 5.0, None), (JANUARY, 2000.0, 500.0, 600.0))
    found = normalised_months(rows, NONE, 50).filter(day=JANUARY).row(0, named=True)
    assert (found["base_kwh"], found["normalised_kwh"], found["reason"]) == (None, None, "no_base")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((JANUARY, None, 500.0, 600.0), "no_consumption"),
        ((JANUARY, 2000.0, None, 600.0), "no_degree_days"),
        ((JANUARY, 2000.0, 49.9, 600.0), "few_degree_days"),
        ((JANUARY, 2000.0, 500.0, None), "no_reference"),
        ((JANUARY, 2000.0, 50.0, 60.0), None),
    ],
)
def test_what_is_not_normalised_says_why(row: Row, reason: str | None) -> None:
    found = normalised_months(months(row), signatures((2024, 0.5)), 50).row(0, named=True)
    assert found["reason"] == reason
    assert (found["normalised_kwh"] is None) == (reason is not None)


def test_the_signature_of_the_heating_year_goes_before_earlier_and_these_before_later_ones() -> None:
    rows = months((date(2023, 1, 1), 2000.0, 500.0, 600.0), (JANUARY, 2000.0, 500.0, 600.0))
    both = signatures((2023, 1.0), (2024, 0.5), (2025, 0.1))
    assert normalised_months(rows, both, 50)["base_kwh"].to_list() == [744.0, 372.0]
    others = signatures((2024, 0.5), point="q")
    assert normalised_months(rows, others, 50)["reason"].to_list() == ["no_base"] * 2


def test_the_base_is_no_more_than_what_was_used_and_no_less_than_nothing() -> None:
    vacant = months((JANUARY, 100.0, 500.0, 600.0))
    assert normalised_months(vacant, signatures((2024, 0.5)), 50)["normalised_kwh"].item() == 100.0
    assert normalised_months(vacant, signatures((2024, -0.5)), 50)["normalised_kwh"].item() == 120.0


def days(first: date, count: int, temperature: float) -> pl.DataFrame:
    return pl.DataFrame({"day": [first + timedelta(days=number) for number in range(count)]}).with_columns(
        station=pl.lit("s"), mean_temp_c=pl.lit(temperature)
    )


def test_degree_days_are_those_of_whole_months() -> None:
    rows = pl.concat([days(JANUARY, 31, 2.0), days(date(2025, 2, 1), 27, 2.0)])
    found = degree_days_of_months(rows, "simple", 17.0)
    assert found.rows() == [("s", JANUARY, 31 * 15.0)]


def test_the_reference_is_the_mean_of_at_least_two_years_or_the_year_that_is_asked_for() -> None:
    rows = pl.concat([days(JANUARY, 31, 2.0), days(date(2024, 1, 1), 31, 4.0), days(date(2024, 2, 1), 29, 4.0)])
    known = degree_days_of_months(rows, "simple", 17.0)
    assert references(known).rows() == [("s", 1, 31 * 14.0, 2)]
    assert references(known, 2024).rows() == [("s", 1, 31 * 13.0, 1), ("s", 2, 29 * 13.0, 1)]
