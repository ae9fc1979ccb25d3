"""Courses compared on one grid."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from warehouse.queries.comparison import likeness

START = datetime(2025, 3, 1, tzinfo=UTC)


def _grid(*series: np.ndarray) -> pl.DataFrame:
    at = pl.datetime_range(START, interval="1h", end=START.replace(day=11), closed="left", eager=True)
    return pl.DataFrame({"at": at, **{str(place): values for place, values in enumerate(series)}}).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )


@pytest.fixture(scope="module")
def course() -> np.ndarray:
    return np.random.default_rng(6).gamma(2.0, 1.0, 240)


def test_shifted_hour_is_named(course: np.ndarray) -> None:
    found = likeness(_grid(course, np.roll(course, 1), np.roll(course, -3), 2 * course + 1), "hourly")

    assert found["lag"].to_list() == [1, -3, 0]
    assert found["shifted"].to_list() == pytest.approx([1.0, 1.0, 1.0])
    assert found["correlation"][0] < 0.5
    assert found["correlation"][2] == pytest.approx(1.0)


def test_gaps_count_for_neither(course: np.ndarray) -> None:
    late = np.roll(course, 1)
    late[50:90] = np.nan
    found = likeness(_grid(course, late), "hourly")

    assert found.row(0, named=True)["lag"] == 1
    assert found.row(0, named=True)["common"] == 200


def test_standing_still_and_too_little_say_nothing(course: np.ndarray) -> None:
    few = np.full(240, np.nan)
    few[:5] = course[:5]
    found = likeness(_grid(course, np.ones(240), few), "hourly")

    assert found["correlation"].to_list() == [None, None]
    assert found["lag"].to_list() == [0, 0]
    assert likeness(_grid(course), "daily").is_empty()
