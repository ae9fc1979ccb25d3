"""Keys that several rows share: looked for by their hashes, since most often there are none."""

from collections.abc import Sequence

import polars as pl


def alone(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """Says of each row whether no other one has its key; null is a value like others.

    Args:
        rows: Any frame.
        key: Columns.

    Returns:
        Booleans in the order of the rows; a row may be said not to be alone whose key is but has the hash of another.
    """
    return ~rows.select(_hash(key)).to_series().is_duplicated()


def repeated(rows: pl.LazyFrame, key: Sequence[str]) -> int:
    """Counts the keys that more than one row has; null is a value like others.

    Args:
        rows: Any rows.
        key: Columns.

    Returns:
        The number of such keys.
    """
    hashes = rows.select(_hash(key)).select(pl.len(), different=pl.first().n_unique()).collect()
    if hashes["len"].item() == hashes["different"].item():
        return 0
    shared = rows.select(key).group_by(key).len().filter(pl.col("len") > 1)
    return int(shared.select(pl.len()).collect(engine="streaming").item())


def _hash(key: Sequence[str]) -> pl.Expr:
    return pl.struct(key).hash()
