"""Keys that several rows share: looked for by their hashes, since most often there are none."""

from collections.abc import Sequence

import polars as pl

_HASHES_AT_ONCE = 10_000_000
"""Bounds the memory: a month of a large fleet has hundreds of millions of rows, of which the hashes alone are kept."""


def alone(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """Says of each row whether no other one has its key; null is a value like others.

    Args:
        rows: Any frame.
        key: Columns.

    Returns:
        Booleans in the order of the rows; a row may be said not to be alone whose key is but has the hash of another.
    """
    hashes = rows.select(_hash(key)).to_series()
    if hashes.n_unique() == hashes.len():  # most often, and told in a fifth of the time
        return pl.repeat(value=True, n=hashes.len(), dtype=pl.Boolean, eager=True)
    return ~hashes.is_duplicated()


def repeated(rows: pl.LazyFrame, key: Sequence[str]) -> int:
    """Counts the keys that more than one row has; null is a value like others.

    Args:
        rows: Any rows.
        key: Columns.

    Returns:
        The number of such keys.
    """
    hashes = rows.select(_hash(key)).collect().to_series()
    if _distinct(hashes) == hashes.len():
        return 0
    shared = rows.select(key).group_by(key).len().filter(pl.col("len") > 1)
    return int(shared.select(pl.len()).collect(engine="streaming").item())


def _distinct(hashes: pl.Series) -> int:
    parts = hashes.len() // _HASHES_AT_ONCE + 1
    if parts == 1:
        return hashes.n_unique()
    return sum(hashes.filter(hashes % parts == part).n_unique() for part in range(parts))


def _hash(key: Sequence[str]) -> pl.Expr:
    return pl.struct(key).hash()
