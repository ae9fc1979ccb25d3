"""What a merge changes: which stored rows it is about, and how the fresh ones differ from them."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from warehouse.predicates import bounded_by, covering
from warehouse.schemas import Table

# A row that says the same as before keeps the instant since when that is known.
VERSION_COLUMNS = ("known_from",)


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge changed.

    Attributes:
        inserted: Rows whose key was not there before.
        replaced: Rows whose key was there with other values.
        removed: Rows that were stale and have no successor.
        unchanged: Rows of ``fresh`` that were there already; they keep their ``known_from``.
        superseded: The replaced and removed rows as they were, in the table's columns.
    """

    inserted: int
    replaced: int
    removed: int
    unchanged: int
    superseded: pl.DataFrame = field(repr=False, compare=False)


def touched(
    table: Table,
    before: pl.LazyFrame,
    fresh: pl.DataFrame,
    stale: pl.DataFrame,
    window: tuple[str, datetime, datetime] | None,
) -> pl.DataFrame:
    """Finds the stored rows that a merge is about.

    Args:
        table: Their table.
        before: The table's rows.
        fresh: Rows to come.
        stale: Values of some columns, one row per combination.
        window: Column and half-open interval of instants that ``stale`` is limited to.

    Returns:
        The rows that match ``stale`` inside the window, or have the key of a fresh row.
    """
    found = []
    if set(stale.columns) == set(table.key) and window is None:
        stale = stale.join(fresh, on=table.key, how="anti", nulls_equal=True)  # most rows are replaced by their likes
    if fresh.height:
        near = before.filter(covering(table, fresh).expression)
        here = near.select(sorted({*table.key, *table.partition_by, *bounded_by(table)})).collect()
        if here.height:  # most rows are new, and a join would hash the keys of all of them to find that out
            keys = fresh.lazy().filter(covering(table, here).expression).select(table.key)
            found.append(near.join(keys, on=table.key, how="semi", nulls_equal=True).collect())
    if stale.height:
        near = before
        if window is not None:
            column, start, end = window
            near = near.filter(pl.col(column) >= start, pl.col(column) < end)
        for name in stale.columns:
            low, high = stale[name].min(), stale[name].max()
            if low is not None and not stale[name].has_nulls():
                near = near.filter(pl.col(name).is_between(pl.lit(low), pl.lit(high)))
        found.append(near.join(stale.lazy(), on=stale.columns, how="semi", nulls_equal=True).collect())
    return pl.concat(found).unique(table.key) if len(found) > 1 else (found or [table.empty()])[0]


def compare(table: Table, fresh: pl.DataFrame, known: pl.DataFrame) -> tuple[MergeResult, pl.DataFrame]:
    """Splits fresh rows into what is known already and what changes.

    Args:
        table: Their table.
        fresh: Rows to come, one per key.
        known: The stored rows they are about, see :func:`touched`.

    Returns:
        The account of the merge, and those fresh rows that are new or differ from their predecessor.
    """
    if known.is_empty():
        return MergeResult(fresh.height, 0, 0, 0, known), fresh
    said = [name for name in table.schema.names() if name not in VERSION_COLUMNS]
    changed = fresh.join(known, on=said, how="anti", nulls_equal=True)
    repeated = fresh.join(known, on=said, how="semi", nulls_equal=True).select(table.key)
    superseded = known.join(repeated, on=table.key, how="anti", nulls_equal=True)
    replaced = changed.join(superseded, on=table.key, how="semi", nulls_equal=True).height
    result = MergeResult(
        inserted=changed.height - replaced,
        replaced=replaced,
        removed=superseded.height - replaced,
        unchanged=repeated.height,
        superseded=superseded,
    )
    return result, changed
