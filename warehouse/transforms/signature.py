"""Energy signatures: how a quantity depends on the outdoor temperature (§14.3).

``value = b + a * max(0, t0 - T)``. All metering points of a weather station share the temperatures, so the sums of the
least squares over every candidate t0 are a few products of matrices: robust weights (Huber) and the best t0 are found
for all of them at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_TUNING = 1.345
"""Huber's constant: 95 % efficiency where errors are normal."""
_MAD = 1.4826
_ROUNDS = 8
"""Always as many, since a point must be fitted alike whatever the others are."""
_SCALED = 3
"""Rounds that estimate the spread of the errors anew; it hardly changes afterwards, and a median is dear."""
_AT_ONCE = 1024
"""Points reckoned together; bounds the memory (a few arrays of points by days)."""


@dataclass(frozen=True, slots=True)
class Fits:
    """One signature per row; NaN where a row was not fitted.

    Attributes:
        slope: a, shape (points,).
        base: b.
        t0: t0 (degC).
        r2: Share of the variance that is explained.
        days: Days with a value and a temperature.
        heating_days: Those colder than t0.
        weights: Robust weights of the last round, shape (points, days); 0 on days without a value.
    """

    slope: Matrix
    base: Matrix
    t0: Matrix
    r2: Matrix
    days: NDArray[np.int64]
    heating_days: NDArray[np.int64]
    weights: Matrix


def grid(low: float = 8.0, high: float = 20.0, step: float = 0.25) -> Matrix:
    """Candidates for t0 (degC), both ends included."""
    return np.arange(round((high - low) / step) + 1, dtype=np.float64) * step + low


def fit(values: Matrix, temperatures: Matrix, t0s: Matrix, *, least_heating_days: int = 60) -> Fits:
    """Fits signatures.

    Args:
        values: The quantity by point and day, shape (points, days); NaN where unknown.
        temperatures: Mean outdoor temperature by day, shape (days,); NaN where unknown.
        t0s: Candidates for t0, ascending.
        least_heating_days: Days colder than t0 that a fit needs.

    Returns:
        One fit per point; candidates with too few heating days do not count, and a point without any is not fitted.
    """
    parts = [
        _fit(values[start : start + _AT_ONCE], temperatures, t0s, least_heating_days)
        for start in range(0, len(values), _AT_ONCE)
    ]
    if not parts:
        return _fit(values, temperatures, t0s, least_heating_days)
    return Fits(*(np.concatenate([getattr(part, name) for part in parts]) for name in Fits.__dataclass_fields__))


def bootstrap(
    values: Matrix, temperatures: Matrix, fits: Fits, t0s: Matrix, *, samples: int, seed: int, confidence: float = 0.95
) -> Matrix:
    """Bands of slope and t0 from resampled days.

    Every point sees the same resamples (drawn with replacement among all days), so that these are matrices, too. The
    robust weights of the fit are kept.

    Args:
        values: As in :func:`fit`.
        temperatures: As in :func:`fit`.
        fits: What it gave.
        t0s: Candidates for t0; coarser ones than those of the fit save time.
        samples: Number of resamples.
        seed: What chance is drawn from.
        confidence: Share of the resamples inside the band.

    Returns:
        Lower and upper end of slope and of t0, shape (points, 4); NaN where there is no fit.
    """
    known = np.isfinite(temperatures)
    days = np.flatnonzero(known)
    if not len(days):
        return np.full((len(values), 4), np.nan)
    chance = np.random.default_rng(seed)
    counts = chance.multinomial(len(days), np.full(len(days), 1 / len(days)), size=samples).T.astype(np.float32)
    cold = np.maximum(0.0, t0s[None, :] - temperatures[days, None]).astype(np.float32)
    tail = (1 - confidence) / 2
    bands = [
        _bands(
            values[start : start + _AT_ONCE, days],
            fits.weights[start : start + _AT_ONCE, days],
            cold,
            counts,
            t0s,
            [tail, 1 - tail],
        )
        for start in range(0, len(values), _AT_ONCE)
    ]
    result = np.concatenate(bands) if bands else np.zeros((0, 4))
    result[~np.isfinite(fits.slope)] = np.nan
    return result


def _fit(values: Matrix, temperatures: Matrix, t0s: Matrix, least_heating_days: int) -> Fits:
    is_known = np.isfinite(values) & np.isfinite(temperatures)[None, :]
    y = np.where(is_known, values, 0.0)
    t = np.where(np.isfinite(temperatures), temperatures, np.inf)
    cold = np.maximum(0.0, t0s[None, :] - t[:, None])
    heating = is_known.astype(np.float64) @ (t[:, None] < t0s[None, :]).astype(np.float64)
    allowed = heating >= least_heating_days
    weights = is_known.astype(np.float64)
    rows = np.arange(len(y))
    with np.errstate(all="ignore"):
        for number in range(_ROUNDS):
            slope, base, loss = _least_squares(weights, y, cold)
            best = np.where(allowed, np.where(np.isfinite(loss), loss, np.inf), np.inf).argmin(axis=1)
            a, b = slope[rows, best], base[rows, best]
            residual = y - (b[:, None] + a[:, None] * cold.T[best])
            if number < _SCALED:
                spread = _MAD * _median(np.abs(residual), is_known)
                limit = _TUNING * np.maximum(spread, 1e-9 * (1 + np.abs(b)))[:, None]
            weights = np.where(is_known, np.minimum(1.0, limit / np.maximum(np.abs(residual), 1e-300)), 0.0)
        mean = (weights * y).sum(1) / weights.sum(1)
        around = (weights * (y - mean[:, None]) ** 2).sum(1)
        r2 = 1 - (weights * residual**2).sum(1) / np.where(around > 0, around, np.nan)
    fitted = allowed.any(axis=1) & np.isfinite(a) & np.isfinite(b)
    hidden = np.where(fitted, 1.0, np.nan)
    return Fits(
        slope=a * hidden,
        base=b * hidden,
        t0=t0s[best] * hidden,
        r2=r2 * hidden,
        days=is_known.sum(axis=1),
        heating_days=np.where(fitted, heating[rows, best], heating.max(axis=1, initial=0)).astype(np.int64),
        weights=weights,
    )


def _least_squares(weights: Matrix, y: Matrix, cold: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Slope, base and loss of every point and candidate, each of shape (points, candidates)."""
    weighted = weights * y
    total, level, square = (part.sum(1)[:, None] for part in (weights, weighted, weighted * y))
    return _solved(total, weights @ cold, weights @ cold**2, level, weighted @ cold, square)


def _solved(total: Any, x: Any, xx: Any, level: Any, xy: Any, yy: Any) -> tuple[Any, Any, Any]:
    """The straight line through weighted sums, and what is left of the squares."""
    spread = xx - x * x / total
    slope = (xy - x * level / total) / np.where(spread > 1e-9 * (1 + xx), spread, np.nan)
    base = (level - slope * x) / total
    loss = yy - level * level / total - slope * (xy - x * level / total)
    return slope, base, loss


def _median(values: Matrix, is_known: NDArray[np.bool_]) -> Matrix:
    """Median of the known values of each row; 0 without any."""
    count = is_known.sum(axis=1)
    places = np.maximum(count - 1, 0) // 2
    ordered = np.partition(np.where(is_known, values, np.inf), np.unique(places), axis=1)
    middle = ordered[np.arange(len(values)), places]
    return np.where(count > 0, middle, 0.0)


def _bands(values: Matrix, weights: Matrix, cold: Any, counts: Any, t0s: Matrix, tails: list[float]) -> Matrix:
    # Single precision is enough for a band, and half the time; values near their mean keep the sums well apart.
    mean = np.nansum(weights * np.nan_to_num(values), axis=1) / np.maximum(weights.sum(axis=1), 1e-12)
    y = np.where(np.isfinite(values), values - mean[:, None], 0.0).astype(np.float32)
    w = weights.astype(np.float32)
    wy = w * y
    total, level, square = w @ counts, wy @ counts, (wy * y) @ counts
    best = np.full(total.shape, np.inf, np.float32)
    slopes, t0 = np.full_like(best, np.nan), np.full_like(best, np.nan)
    with np.errstate(all="ignore"):
        for number, candidate in enumerate(t0s):
            x = cold[:, number, None]
            slope, _, loss = _solved(total, w @ (counts * x), w @ (counts * x * x), level, wy @ (counts * x), square)
            better = loss < best
            best, slopes = np.where(better, loss, best), np.where(better, slope, slopes)
            t0 = np.where(better, np.float32(candidate), t0)
        slopes, t0 = (np.where(np.isfinite(drawn).any(axis=1, keepdims=True), drawn, 0.0) for drawn in (slopes, t0))
        ends = [*np.nanquantile(slopes, tails, axis=1), *np.nanquantile(t0, tails, axis=1)]
    return np.stack(ends, axis=1).astype(np.float64)
