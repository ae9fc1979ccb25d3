"""Energy signatures: what was put in is found, whatever the outliers, and bands hold the truth."""

import numpy as np
import pytest

from warehouse.transforms.signature import Matrix, bootstrap, fit, grid

DAYS = 365
CHANCE = np.random.default_rng(7)
TEMPERATURES = 7 - 10 * np.cos(np.arange(DAYS) / DAYS * 2 * np.pi) + CHANCE.normal(0, 3, DAYS)


def powers(slope: Matrix, base: Matrix, t0: Matrix, noise: float = 0.0) -> Matrix:
    exact = base[:, None] + slope[:, None] * np.maximum(0, t0[:, None] - TEMPERATURES)
    return exact + np.random.default_rng(3).normal(0, noise, exact.shape)


def points(count: int) -> tuple[Matrix, Matrix, Matrix]:
    chance = np.random.default_rng(5)
    return chance.uniform(0.1, 1, count), chance.uniform(0.2, 2, count), chance.integers(48, 72, count) / 4


def test_the_grid_of_candidates() -> None:
    assert grid()[[0, 1, -1]].tolist() == [8.0, 8.25, 20.0]
    assert len(grid()) == 49


def test_exact_signatures_are_found_exactly() -> None:
    slope, base, t0 = points(50)
    found = fit(powers(slope, base, t0), TEMPERATURES, grid())
    assert found.t0 == pytest.approx(t0)
    assert found.slope == pytest.approx(slope)
    assert found.base == pytest.approx(base)
    assert found.r2 == pytest.approx(1.0)


def test_days_of_holiday_or_of_a_broken_valve_do_not_bend_the_fit() -> None:
    slope, base, t0 = points(100)
    values = powers(slope, base, t0, noise=0.05)
    chance = np.random.default_rng(1)
    values[chance.random(values.shape) < 0.04] *= 5
    values[chance.random(values.shape) < 0.04] = 0
    found = fit(values, TEMPERATURES, grid())
    assert np.abs(found.slope / slope - 1).max() < 0.1
    assert np.median(np.abs(found.t0 - t0)) <= 0.25


def test_missing_days_do_not_count() -> None:
    slope, base, t0 = points(20)
    values = powers(slope, base, t0)
    values[:, ::3] = np.nan
    found = fit(values, TEMPERATURES, grid())
    assert found.slope == pytest.approx(slope)
    assert set(found.days) == {DAYS - len(range(0, DAYS, 3))}
    unknown = TEMPERATURES.copy()
    unknown[1::3] = np.nan
    assert fit(values, unknown, grid()).days.max() == DAYS // 3


def test_without_enough_heating_days_nothing_is_fitted() -> None:
    slope, base, t0 = points(2)
    values = powers(slope, base, t0)
    cold = np.flatnonzero(TEMPERATURES < 20)
    values[1, cold[59:]] = np.nan
    found = fit(values, TEMPERATURES, grid())
    assert np.isfinite(found.slope).tolist() == [True, False]
    assert found.heating_days[1] == 59
    values[1] = np.nan
    assert np.isnan(fit(values, TEMPERATURES, grid()).slope[1])


def test_a_return_temperature_may_fall_with_the_cold() -> None:
    values = 45 - 0.4 * np.maximum(0, 14 - TEMPERATURES)[None, :]
    found = fit(values, TEMPERATURES, grid())
    assert (found.slope[0], found.t0[0]) == pytest.approx((-0.4, 14.0))


def test_a_point_is_fitted_alike_among_many() -> None:
    slope, base, t0 = points(30)
    values = powers(slope, base, t0, noise=0.3)
    whole, single = fit(values, TEMPERATURES, grid()), fit(values[7:8], TEMPERATURES, grid())
    assert whole.slope[7] == pytest.approx(single.slope[0], rel=1e-9)
    assert whole.t0[7] == single.t0[0]


def test_bands_hold_most_true_signatures_and_are_the_same_each_time() -> None:
    slope, base, t0 = points(200)
    values = powers(slope, base, t0, noise=0.4)
    found = fit(values, TEMPERATURES, grid())
    bands = bootstrap(values, TEMPERATURES, found, grid(step=0.5), samples=200, seed=1)
    inside = (bands[:, 0] <= slope) & (slope <= bands[:, 1])
    assert inside.mean() > 0.85
    assert (bands[:, 0] < bands[:, 1]).all()
    assert (bands[:, 2] <= bands[:, 3]).all()
    again = bootstrap(values, TEMPERATURES, found, grid(step=0.5), samples=200, seed=1)
    assert np.array_equal(bands, again)
    other = bootstrap(values, TEMPERATURES, found, grid(step=0.5), samples=200, seed=2)
    assert not np.array_equal(bands, other)


def test_where_nothing_is_fitted_there_is_no_band() -> None:
    values = np.full((1, DAYS), np.nan)
    found = fit(values, TEMPERATURES, grid())
    assert np.isnan(bootstrap(values, TEMPERATURES, found, grid(), samples=20, seed=1)).all()
