import numpy as np
import pytest

from warehouse.transforms.trends import steps, theil_sen

DAYS = np.arange(30.0)
NOISE = np.random.default_rng(1).normal(0, 1, (1, 30))


def test_the_slope_is_not_bent_by_outliers_and_holes() -> None:
    falling = -80 - 0.1 * DAYS
    bent = falling.copy()
    bent[[3, 11, 20]] = (-40, -120, np.nan)
    few = np.where(DAYS < 4, falling, np.nan)
    slopes = theil_sen(np.array([falling, bent, np.full(30, -90.0), few, np.full(30, np.nan)]))
    assert slopes[:3] == pytest.approx([-0.1, -0.1, 0.0], abs=1e-5)
    assert np.isnan(slopes[3:]).all()


def test_the_slope_is_the_median_of_the_slopes_of_all_pairs() -> None:
    values = np.random.default_rng(2).normal(0, 3, (7, 12))
    for row, slope in zip(values, theil_sen(values), strict=True):
        pairs = [(row[j] - row[i]) / (j - i) for i in range(12) for j in range(i + 1, 12)]
        assert slope == pytest.approx(np.median(pairs), abs=1e-5)


def test_one_day_has_neither_slope_nor_step() -> None:
    one = np.full((2, 1), -80.0)
    assert np.isnan(theil_sen(one)).all()
    assert steps(one, smallest=6)[0].tolist() == [-1, -1]


def test_a_step_has_its_place_and_size() -> None:
    level = np.where(DAYS < 12, -75.0, -87.0)
    rows = np.vstack([level + NOISE[0], -80 + NOISE[0], -80 - 0.05 * DAYS, np.full(30, np.nan)])
    place, size = steps(rows, smallest=6)
    assert place.tolist() == [12, -1, -1, -1]
    assert size[0] == pytest.approx(-12, abs=1)
    assert np.isnan(size[1:]).all()


def test_a_step_needs_days_on_both_sides() -> None:
    place, _ = steps(np.where(DAYS < 26, -75.0, -95.0)[None, :], smallest=6)
    assert place.tolist() == [-1]


def test_slopes_are_the_same_however_many_are_reckoned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(7).normal(size=(9, 60))
    whole = theil_sen(values)
    monkeypatch.setattr("warehouse.transforms.trends._SLOPES_AT_ONCE", 60 * 59)
    np.testing.assert_array_equal(theil_sen(values), whole)
