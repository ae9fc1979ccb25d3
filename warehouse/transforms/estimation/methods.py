"""How a fill is reckoned: a share of the register difference across the gap, rounded on the cumulative register.

Every method gives the share as a fraction of integers that rises from 0 at the reading before the gap to 1 at the one
after it; what the register shows is then exact.
"""

import polars as pl

from warehouse.transforms.exact import MICRO

_FINE = 10**12
"""Denominator of shares that come from doubles."""


def shown(passed: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Register at a share of the way between two readings, rounded to whole counts (half up).

    Args:
        passed: Numerator of the share.
        whole: Denominator of the share.

    Returns:
        Millionths, of the columns ``value`` and ``next_value`` (millionths), ``numerator`` and ``denominator`` (one
        count of the register in base units).
    """
    n, d = pl.col("numerator").cast(pl.Int128) * MICRO, pl.col("denominator").cast(pl.Int128)
    first, last = rounded(pl.col("value") * d, n), rounded(pl.col("next_value") * d, n)
    value = rounded((first + rounded((last - first) * passed, whole)) * n, d).cast(pl.Int64)
    # Where a reading is no whole number of counts, rounding must not carry the fill past it.
    return value.clip(pl.min_horizontal("value", "next_value"), pl.max_horizontal("value", "next_value"))


def rounded(dividend: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """Quotient rounded to an integer, halves upwards: ``floor(x + 1/2)``."""
    return (2 * dividend + divisor) // (2 * divisor)


def linear(at: str) -> pl.Expr:
    """Register at ``at`` on the line from ``from_at`` to ``next_at``."""
    passed = (pl.col(at) - pl.col("from_at")).dt.total_microseconds()
    return shown(passed, (pl.col("next_at") - pl.col("from_at")).dt.total_microseconds())


def slopes(brackets: pl.DataFrame) -> pl.DataFrame:
    """Slopes of the monotone cubic through readings (Fritsch-Carlson, harmonic mean by Butland).

    Args:
        brackets: Readings with ``course``, ``part``, ``from_at``, ``value``, ``next_at`` and ``next_value`` (null where
            nothing joins the two), sorted by course and time.

    Returns:
        The rows with ``slope`` and ``next_slope`` (millionths per microsecond) at either end, null where there is no
        second reading on that side.
    """
    step = (pl.col("next_at") - pl.col("from_at")).dt.total_microseconds()
    rise = pl.when(step > 0).then((pl.col("next_value") - pl.col("value")) / step)
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in ("course", "part"))
    joined = same & (pl.col("next_at").shift(1) == pl.col("from_at"))
    h0, h1, d0, d1 = step.shift(1), step, rise.shift(1), rise
    w0, w1 = 2 * h1 + h0, h1 + 2 * h0
    harmonic = (w0 + w1) / (w0 / d0 + w1 / d1)
    slope = pl.when(joined).then(pl.when(d0 * d1 > 0).then(harmonic).when((d0 * d1).is_not_null()).then(0.0))
    following = pl.all_horizontal(pl.col(key) == pl.col(key).shift(-1) for key in ("course", "part"))
    return brackets.with_columns(slope=slope).with_columns(
        next_slope=pl.when(following & (pl.col("next_at") == pl.col("from_at").shift(-1))).then(
            pl.col("slope").shift(-1)
        )
    )


def cubic(at: str) -> pl.Expr:
    """Register at ``at`` on the monotone cubic of :func:`slopes`; where nothing flowed it stays."""
    width = (pl.col("next_at") - pl.col("from_at")).dt.total_microseconds()
    rise = pl.col("next_value") - pl.col("value")
    s = (pl.col(at) - pl.col("from_at")).dt.total_microseconds() / width
    one, other = (pl.col(name) * width / rise for name in ("slope", "next_slope"))
    share = s * s * (3 - 2 * s) + s * (1 - s) * (1 - s) * one - s * s * (1 - s) * other
    passed = pl.when(rise == 0).then(0.0).otherwise(share).clip(0, 1) * _FINE
    return shown(passed.round().cast(pl.Int64), pl.lit(_FINE, pl.Int64))
