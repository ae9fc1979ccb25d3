"""Sorting rows by several columns, texts among them, as fast as by one number."""

from collections.abc import Sequence

import numpy as np
import polars as pl

_LARGEST = 2**62


def sort_rows(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Sorts rows, nulls first, rows that tie as they came.

    Comparing rows of texts costs ten times as much as it takes to give every column's values their ranks, to make one
    number of a row's ranks and to sort by that.

    Args:
        rows: Any frame.
        by: Columns, the most significant first; no lists or structs.

    Returns:
        The rows in order.
    """
    if not by or rows.height < 2:
        return rows
    place, places = pl.lit(0, pl.Int64), 1
    ranks = {name: _ranks(rows[name]) for name in by}
    for name, column in ranks.items():
        highest = column.max()
        count = (highest if isinstance(highest, int) else 0) + 1
        place, places = place * count + pl.col(name).fill_null(0), places * count
    if places > _LARGEST:
        return rows.sort(by, maintain_order=True)
    return rows[np.argsort(pl.DataFrame(ranks).select(place.alias("place"))["place"].to_numpy(), kind="stable")]


def _ranks(column: pl.Series) -> pl.Series:
    """Integers from 1 in the order of the column's values; null stays null."""
    if column.dtype == pl.String:
        numbers = column.cast(pl.Enum(column.unique().drop_nulls().sort())).to_physical()
    elif column.dtype.is_integer() or column.dtype.is_temporal():
        numbers = column.to_physical()
    else:
        numbers = column.rank("dense")
    counted = numbers.cast(pl.Int64)
    lowest = counted.min()
    return counted - (lowest if isinstance(lowest, int) else 0) + 1
