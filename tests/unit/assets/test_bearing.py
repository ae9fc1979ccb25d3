"""Which readings bear on a stretch, and which are next to it: whole ones of each layout."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets.steps.bearing import LOADED_READINGS, bearing, beside
from warehouse.schemas import READINGS
from warehouse.schemas.table import INSTANT

ZONE = ZoneInfo("Europe/Copenhagen")
OPENS = datetime(2026, 1, 12, 23, tzinfo=UTC)
CLOSES = OPENS + timedelta(days=1)
HOUR = timedelta(hours=1)
POINTS = pl.DataFrame({"metering_point": ["P"], "first_day": [date(2026, 1, 13)], "last_day": [date(2026, 1, 13)]})
INSTALLATIONS = pl.DataFrame({"metering_point": ["P"], "meter_id": ["M"]})
NOBODY = pl.DataFrame(schema={"meter_id": pl.String, "at": INSTANT})


def hourly(**columns: object) -> pl.DataFrame:
    """Three days of hours around the day, at half past."""
    times = [OPENS + HOUR * hour + HOUR / 2 for hour in range(-24, 48)]
    rows = pl.DataFrame({"meter_id": "M", "measured_at": times, "layout_id": 7, "quality": "M"}).with_columns(
        flags=pl.lit(None, pl.String), volume_m3=pl.lit(Decimal(1)), energy_kwh=pl.lit(Decimal(2))
    )
    rows = rows.with_columns(**columns)  # type: ignore[arg-type]
    return rows.cast({name: READINGS.schema[name] for name in rows.columns})


def sides(readings: pl.DataFrame, doubted: pl.DataFrame = NOBODY) -> tuple[int, int]:
    """How many are left before and after the day, of which all are."""
    left = bearing(readings, POINTS, INSTALLATIONS, doubted, ZONE)["measured_at"]
    assert left.is_sorted()
    assert left.is_between(OPENS, CLOSES).sum() == readings["measured_at"].is_between(OPENS, CLOSES).sum()
    return left.filter(left < OPENS).len(), left.filter(left > CLOSES).len()


def last_before(hours: int) -> pl.Expr:
    return pl.col("measured_at").is_between(OPENS - HOUR * hours, OPENS)


def of_less(hours: int) -> list[dict[str, pl.Expr]]:
    """Ways in which the last hours before the day do not count, or tell less."""
    here = pl.when(last_before(hours))
    return [
        {"quality": here.then(pl.lit("R")).otherwise("quality")},
        {"flags": here.then(pl.lit("FROZEN:volume_m3")).otherwise("flags")},
        {"energy_kwh": here.then(None).otherwise("energy_kwh")},
    ]


def test_six_on_either_side_are_left() -> None:
    assert sides(hourly()) == (LOADED_READINGS, LOADED_READINGS) == (6, 6)
    few = hourly().filter(pl.col("measured_at").is_between(OPENS - HOUR * 3, CLOSES + HOUR * 7))
    assert sides(few) == (3, 6)


@pytest.mark.parametrize("columns", of_less(8))
def test_those_that_do_not_count_or_tell_less_are_none_of_the_six(columns: dict[str, pl.Expr]) -> None:
    assert sides(hourly(**columns)) == (8 + 6, 6)


def test_six_of_each_layout_are_left() -> None:
    sometimes = pl.when(pl.col("measured_at").dt.hour() % 3 == 0).then(8).otherwise(7)
    assert sides(hourly(layout_id=sometimes)) == (17, 17)
    once = pl.when(pl.col("measured_at") == OPENS - HOUR * 11.5).then(8).otherwise(7)
    assert sides(hourly(layout_id=once)) == (24, 24), "of one there are too few"
    assert sides(hourly(layout_id=pl.lit(None, pl.Int64))) == (24, 24), "no layout says what an imported reading tells"


@pytest.mark.parametrize(("hours", "expected"), [(-3, (24, 24)), (30, (24, 24)), (12, (6, 6)), (-400, (6, 6))])
def test_all_are_left_where_something_was_said_of_one_beside_the_day(hours: int, expected: tuple[int, int]) -> None:
    doubted = pl.DataFrame({"meter_id": ["M"], "at": [OPENS + HOUR * hours]}, schema=NOBODY.schema)
    assert sides(hourly(), doubted) == expected
    assert sides(hourly(), doubted.with_columns(meter_id=pl.lit("another"))) == (6, 6)


def neighbours(readings: pl.DataFrame, first: float = 0, last: float = 0) -> tuple[float | None, ...]:
    """Those of some touched hours, by hours from the beginning of the day; the last is how many follow."""
    span = {"metering_point": "P", "first_at": OPENS + HOUR * first, "last_at": OPENS + HOUR * last}
    found = beside(
        readings, pl.DataFrame([span], schema_overrides={"first_at": INSTANT, "last_at": INSTANT}), INSTALLATIONS
    )
    assert found["metering_point"].to_list() == ["P"]
    apart = [
        None if at is None else (at - OPENS) / HOUR for at in found.select("before", "after", "since", "until").row(0)
    ]
    return *apart, found["following"].item()


def test_neighbours_are_the_nearest_and_the_fourth_on_either_side() -> None:
    assert neighbours(hourly(), 1.5, 3.5) == (0.5, 4.5, -2.5, 7.5, 44)
    assert neighbours(hourly(), -30, -23.5) == (None, -22.5, None, -19.5, 71)
    assert neighbours(hourly(), -22.5, 46.5) == (-23.5, 47.5, -23.5, 47.5, 1)


def test_neighbours_of_the_layout_that_comes_least_often_count() -> None:
    sometimes = pl.when(pl.col("measured_at").dt.hour() % 3 == 0).then(8).otherwise(7)
    assert neighbours(hourly(layout_id=sometimes), 1.5, 3.5) == (-1.5, 5.5, -10.5, 13.5, 44)


def test_no_neighbour_is_known_where_no_layout_says_what_is_told() -> None:
    once = pl.when(pl.col("measured_at") == OPENS + HOUR * 9.5).then(None).otherwise(7)
    assert neighbours(hourly(layout_id=once), 1.5, 3.5) == (None, None, -2.5, 9.5, 44)


@pytest.mark.parametrize("columns", of_less(3))
def test_readings_that_do_not_count_or_tell_less_are_no_neighbours(columns: dict[str, pl.Expr]) -> None:
    assert neighbours(hourly(**columns), 0.5, 3.5)[0] == -3.5
