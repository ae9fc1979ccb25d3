"""What deliveries could not bring in: the lines that were rejected."""

from datetime import timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import REJECTED_ROWS


def rejected(lake: Readable, organisation: str, days: int = 30, limit: int = 1000) -> pl.DataFrame:
    """Rejected lines of the last days on which any was.

    Args:
        lake: Where the tables are.
        organisation: Whose lines.
        days: Days (UTC) back from the last one, that day included.
        limit: Most lines.

    Returns:
        ``source_file``, ``source_line`` (from 1), ``reason`` and ``landed_at``, those of the youngest file first.
    """
    rows = lake.scan(REJECTED_ROWS).filter(pl.col("organisation") == organisation)
    last = rows.select(pl.col("landed_day").max()).collect().item()
    if last is not None:
        rows = rows.filter(pl.col("landed_day") > last - timedelta(days=days))
    return (
        rows.select("source_file", "source_line", "reason", "landed_at")
        .sort("landed_at", "source_file", "source_line", descending=[True, False, False])
        .head(limit)
        .collect()
    )
