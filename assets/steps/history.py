"""History: what rows said before they were replaced.

History is written before the rows it is about are replaced. A run that dies between the two is done again and finds
its history there already; in the other order, the repeated run would find nothing replaced and keep nothing.
"""

from datetime import datetime

import polars as pl

from assets.installation import Installation
from warehouse.merging import compare, touched
from warehouse.schemas import CORRECTIONS, READINGS, READINGS_HISTORY, Table


def superseded_readings(house: Installation, fresh: pl.DataFrame, stale: pl.DataFrame) -> pl.DataFrame:
    """Readings that a merge is going to replace or remove.

    Args:
        house: The installation.
        fresh: Readings to come.
        stale: Keys of readings that go.

    Returns:
        Rows of ``readings`` as they are now.
    """
    rows = READINGS.conform(fresh)
    known = touched(READINGS, house.lake.scan(READINGS), rows, stale, None)
    return compare(READINGS, rows, known)[0].superseded


def keep_readings(house: Installation, superseded: pl.DataFrame, now: datetime) -> None:
    """Keeps readings that are going to be replaced, each version once.

    Args:
        house: The installation.
        superseded: Rows of ``readings``.
        now: Instant of the replacement, UTC.
    """
    if superseded.is_empty():
        return
    version = READINGS.schema.names()
    kept = house.lake.scan(READINGS_HISTORY).filter(
        pl.col("measured_at").is_between(superseded["measured_at"].min(), superseded["measured_at"].max())
    )
    missing = superseded.lazy().join(kept, on=version, how="anti", nulls_equal=True)
    house.lake.append(READINGS_HISTORY, missing.with_columns(superseded_at=pl.lit(now)).collect())


def note_corrections(
    house: Installation, table: Table, fresh: pl.DataFrame, before: pl.DataFrame, now: datetime
) -> None:
    """Keeps the figures that others may have read and that are not going to hold.

    Args:
        house: The installation.
        table: A table of consumption.
        fresh: Its rows to come.
        before: Its rows that they take the place of.
        now: Instant of the replacement, UTC.
    """
    key = ["organisation", "metering_point", "register", "period_start"]
    new = fresh.select(*key, new_consumption="consumption", new_quality="quality")
    rows = (
        before.filter(pl.col("consumption").is_not_null())
        .join(new, on=key, how="left")
        .filter(
            pl.col("consumption").ne_missing(pl.col("new_consumption"))
            | pl.col("quality").ne_missing(pl.col("new_quality"))
        )
        .select(
            *key,
            "period_end",
            "meter_id",
            "known_from",
            "new_consumption",
            table_name=pl.lit(table.name),
            old_consumption="consumption",
            old_quality="quality",
            new_quality=pl.col("new_quality").fill_null("N"),
            cause=pl.lit("late_data"),
            known_to=pl.lit(now),
        )
    )
    if rows.is_empty():
        return
    # A version of a figure is replaced once: another note about it was left by a run that died before it replaced it.
    version = ["organisation", "table_name", "metering_point", "register", "period_start", "known_from"]
    points = rows["metering_point"].sort()
    left = (
        house.lake.scan(CORRECTIONS)
        .filter(pl.col("metering_point").is_between(pl.lit(points[0]), pl.lit(points[-1])))
        .join(rows.lazy(), on=version, how="semi")
        .select(CORRECTIONS.key)
        .collect()
    )
    if left.is_empty():
        house.lake.append(CORRECTIONS, rows)  # cheaper than a merge, which reads and rewrites its neighbours
    else:
        house.lake.merge(CORRECTIONS, rows, stale=left)
