"""Slow and sudden changes of signals (§12): many series at a time, a row of a matrix each."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_SLOPES_AT_ONCE = 6_000_000
"""So many take 24 MB, and as much again while they are sorted."""


def theil_sen(values: Series, *, fewest: int = 5) -> Series:
    """Slope that half of the slopes between two values exceed: outliers do not bend it.

    Args:
        values: Equidistant values, shape (series, instants); NaN where there is none.
        fewest: Values from which on a series has a slope.

    Returns:
        Slopes per step, shape (series,); NaN where there are too few values.
    """
    instants = values.shape[1]
    pairs = np.array(list(combinations(range(instants), 2)), dtype=np.int64).reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    slopes = np.full(len(values), np.nan)
    at_once = max(1, _SLOPES_AT_ONCE // max(1, len(pairs)))
    for start in range(0, len(values), at_once):
        rows = values[start : start + at_once].astype(np.float32)
        apart = (second - first).astype(np.float32)
        found: NDArray[np.float32] = (rows[:, second] - rows[:, first]) / apart
        slopes[start : start + at_once] = _medians(found)
    slopes[np.sum(~np.isnan(values), axis=1) < fewest] = np.nan
    return slopes


def steps(values: Series, *, smallest: float, fewest: int = 5) -> tuple[NDArray[np.int64], Series]:
    """The largest sudden change of each series.

    The place is where the means before and after differ most for their number; a change nearer to an end than
    ``fewest`` values is not told yet. The size is the difference of the medians, and counts where it also exceeds three
    times the median deviation on both sides.

    Args:
        values: Values in order, shape (series, instants); NaN where there is none.
        smallest: Size from which on a change counts.
        fewest: Values needed before and after it.

    Returns:
        Place of the first value after the change, -1 where there is none, and its size, NaN where there is none.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    before_n, before_sum = np.cumsum(known, axis=1)[:, :-1], np.cumsum(filled, axis=1)[:, :-1]
    after_n = known.sum(axis=1, keepdims=True) - before_n
    after_sum = filled.sum(axis=1, keepdims=True) - before_sum
    allowed = (before_n >= fewest) & (after_n >= fewest)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(after_sum / after_n - before_sum / before_n)
        weight = np.sqrt(before_n * after_n / (before_n + after_n))
        score = np.where((before_n > 0) & (after_n > 0), apart * weight, -1.0)
    place = np.full(len(values), -1, dtype=np.int64)
    size = np.full(len(values), np.nan)
    if not score.size:
        return place, size
    best = score.argmax(axis=1)
    some = np.flatnonzero(allowed[np.arange(len(values)), best])
    at = best[some] + 1
    is_after = np.arange(values.shape[1]) >= at[:, None]
    rows = values[some]
    before, after = np.where(is_after, np.nan, rows), np.where(is_after, rows, np.nan)
    low, high = _medians(before), _medians(after)
    noise = _medians(np.abs(rows - np.where(is_after, high[:, None], low[:, None])))
    found = np.abs(high - low)
    counts = (found >= smallest) & (found > 3 * noise)
    place[some[counts]], size[some[counts]] = at[counts], (high - low)[counts]
    return place, size


def _medians(rows: NDArray[np.floating]) -> Series:
    """Medians of rows without their NaN, which sort last; NaN where there is nothing else."""
    if not rows.shape[1]:
        return np.full(len(rows), np.nan)
    ordered = np.sort(rows, axis=1)
    count = np.sum(~np.isnan(rows), axis=1)
    number = np.arange(len(rows))
    lower, upper = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows.shape[1] - 1)
    middle: Series = ((ordered[number, lower] + ordered[number, upper]) / 2).astype(np.float64)
    middle[count == 0] = np.nan
    return middle
