"""Intervals of time, ``[valid_from, valid_to)`` with null for no end: united, complemented, extended and shortened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from warehouse.schemas import INSTANT

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_END = pl.col("valid_to").fill_null(pl.lit(_NEVER, INSTANT))
CURRENT: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.Int64,
    "key": pl.String,
    "valid_from": INSTANT,
    "valid_to": INSTANT,
}
"""Current versions as changes are reckoned from."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a change does to the current versions.

    Attributes:
        ended: ``id`` of versions that no longer hold.
        new: ``key``, ``valid_from`` and ``valid_to`` of versions that hold from now on.
        keys: How many keys it touches.
    """

    ended: pl.Series
    new: pl.DataFrame
    keys: int


def unite(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Joins intervals that overlap or touch.

    Args:
        rows: The key columns, ``valid_from`` and ``valid_to``.
        keys: Columns whose intervals belong together.

    Returns:
        The same columns, disjoint, by key and time.
    """
    ordered = rows.with_columns(end=_END).sort(*keys, "valid_from", "end")
    before = pl.col("end").cum_max().shift(1).over(keys)
    starts = (pl.col("valid_from") > before).fill_null(value=True)
    return (
        ordered.with_columns(part=starts.cum_sum())
        .group_by(*keys, "part", maintain_order=True)
        .agg(pl.col("valid_from").min(), pl.col("end").max())
        .select(*keys, "valid_from", valid_to=pl.when(pl.col("end") < _NEVER).then(pl.col("end")))
    )


def complement(rows: pl.DataFrame, begins: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The time that no interval covers.

    Args:
        rows: The key columns, ``valid_from`` and ``valid_to``.
        begins: The key columns and ``begin``: where the time of each key starts. Other keys are left out.
        keys: Columns whose intervals belong together.

    Returns:
        ``rows``' columns: what is free from ``begin`` on, by key and time.
    """
    covered = unite(rows, keys).join(begins, on=keys).with_columns(end=_END)
    before = covered.select(
        *keys,
        valid_from=pl.max_horizontal("begin", pl.col("end").shift(1).over(keys)),
        valid_to=pl.col("valid_from"),
    )
    after = covered.group_by(keys).agg(pl.col("end").max(), pl.col("begin").first()).filter(pl.col("end") < _NEVER)
    untouched = begins.join(covered, on=keys, how="anti")
    free = pl.concat([
        before,
        after.select(*keys, valid_from=pl.max_horizontal("begin", "end"), valid_to=pl.lit(None, INSTANT)),
        untouched.select(*keys, valid_from=pl.col("begin"), valid_to=pl.lit(None, INSTANT)),
    ])  # fmt: skip
    return free.filter(pl.col("valid_from") < _END).sort(*keys, "valid_from")


def extended(current: pl.DataFrame, wanted: pl.DataFrame) -> Changes:
    """Adds time to what holds.

    Args:
        current: ``id``, ``key``, ``valid_from``, ``valid_to``, disjoint per key.
        wanted: ``key``, ``valid_from``, ``valid_to``, one row per key.

    Returns:
        What changes; nothing for keys of which the wanted time is held already.
    """
    asked = wanted.select("key", low="valid_from", high=_END)
    near = current.with_columns(end=_END).join(asked, on="key")
    held = near.filter(pl.col("valid_from") <= pl.col("low"), pl.col("end") >= pl.col("high"))
    missing = wanted.join(held, on="key", how="anti")
    touching = near.filter(pl.col("valid_from") <= pl.col("high"), pl.col("end") >= pl.col("low")).join(
        missing, on="key", how="semi"
    )
    columns = ("key", "valid_from", "valid_to")
    new = unite(pl.concat([missing.select(columns), touching.select(columns)]), ["key"])
    return Changes(touching["id"], new, missing.height)


def shortened(current: pl.DataFrame, low: datetime, high: datetime | None) -> Changes:
    """Takes time away from what holds.

    Args:
        current: ``id``, ``key``, ``valid_from``, ``valid_to``, disjoint per key.
        low: Start of what is taken away.
        high: Its end; ``None`` for no end.

    Returns:
        What changes.
    """
    until = high or _NEVER
    hit = current.with_columns(end=_END).filter(pl.col("valid_from") < until, pl.col("end") > low)
    left = hit.filter(pl.col("valid_from") < low).select("key", "valid_from", valid_to=pl.lit(low, INSTANT))
    right = hit.filter(pl.col("end") > until).select("key", valid_from=pl.lit(until, INSTANT), valid_to="valid_to")
    return Changes(hit["id"], pl.concat([left, right]), hit["key"].n_unique())
