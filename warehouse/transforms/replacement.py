"""Corrections that others have to hear of (ALGORITHMS §2.6)."""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from warehouse.schemas import REGISTER
from warehouse.transforms.boundaries import QUALITIES


def worth_telling(
    corrections: pl.DataFrame, *, least_absolute: Mapping[str, Decimal], least_percent: Decimal, better_quality: bool
) -> pl.DataFrame:
    """Keeps the corrections that the replace policy lets through.

    Args:
        corrections: ``old_consumption``, ``new_consumption`` (Decimal, null where unknown), ``old_quality``,
            ``new_quality`` and ``unit``; other columns are kept.
        least_absolute: Least difference by unit; a unit that is not named has none.
        least_percent: Least difference in per cent of the old consumption; of an old consumption of zero any is enough.
        better_quality: Whether a better quality alone is enough.

    Returns:
        The rows that count, with ``difference`` (new less old; null where one is unknown), in their order. What became
        known or unknown always counts; a difference counts if it is not zero and reaches both limits.
    """
    old, new = pl.col("old_consumption"), pl.col("new_consumption")
    ranks = {letter: rank for rank, letter in enumerate(QUALITIES)}
    rank = {
        name: pl.col(name).replace_strict(ranks, default=len(QUALITIES), return_dtype=pl.Int32)
        for name in ("old_quality", "new_quality")
    }
    least = pl.col("unit").replace_strict(dict(least_absolute), default=Decimal(0), return_dtype=REGISTER)
    size = pl.col("difference").abs()
    share = pl.lit(least_percent, pl.Decimal(9, 6))
    reaches = (size > 0) & (size >= least) & (size * 100 >= old.abs() * share)
    better = (rank["new_quality"] < rank["old_quality"]) if better_quality else pl.lit(value=False)
    return corrections.with_columns(difference=new - old).filter(
        (old.is_null() != new.is_null()) | reaches.fill_null(value=False) | better
    )
