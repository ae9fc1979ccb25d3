"""History: what rows said before they were replaced.

History is written before the rows it is about are replaced. A run that dies between the two is done again and finds
its history there already; in the other order, the repeated run would find nothing replaced and keep nothing.
"""

from datetime import datetime

import polars as pl

from assets.installation import Installation
from warehouse.merging import compare, touched
from warehouse.schemas import CORRECTIONS, INSTANT, POLICIES, READINGS, READINGS_HISTORY, Table

_RECKONED_BY = ("consumption", "estimation", "validation")
"""Policies that consumption follows."""


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
    house: Installation, table: Table, fresh: pl.DataFrame, before: pl.DataFrame, causes: pl.LazyFrame, now: datetime
) -> None:
    """Keeps the figures that others may have read and that are not going to hold.

    Args:
        house: The installation.
        table: A table of consumption.
        fresh: Its rows to come.
        before: Its rows that they take the place of.
        causes: Why points are reckoned again, as :func:`assets.steps.touched.causes` gives it.
        now: Instant of the replacement, UTC.
    """
    if before.is_empty():
        return
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
            known_to=pl.lit(now),
        )
    )
    if rows.is_empty():
        return
    rows = _with_causes(house, rows, causes)
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


def _with_causes(house: Installation, rows: pl.DataFrame, causes: pl.LazyFrame) -> pl.DataFrame:
    """Adds ``cause`` and ``identity``: of what touched the period, else of the latest that touched its point.

    A figure that nothing touched is a provisional one. One that comes out otherwise though nothing but a back-fill
    touched it follows a policy, where one has come into force since it was known.
    """
    points = rows["metering_point"].unique().sort()
    theirs = causes.filter(pl.col("metering_point").is_between(pl.lit(points[0]), pl.lit(points[-1]))).collect()
    numbered = rows.with_row_index("row")
    inside = (pl.col("first_at") <= pl.col("period_end")) & (pl.col("last_at") >= pl.col("period_start"))
    found = (
        numbered.select("row", "metering_point", "period_start", "period_end")
        .join(theirs, on="metering_point")
        .select("row", "cause", "identity", "batch_no", inside=inside)
        .sort("inside", "batch_no")
        .unique("row", keep="last", maintain_order=True)
    )
    policies = house.lake.scan(POLICIES).filter(
        pl.col("organisation") == house.organisation, pl.col("kind").is_in(_RECKONED_BY)
    )
    newest = policies.sort("known_from").select(decided_from="known_from", decider="identity").tail(1).collect()
    since, decider = newest.row(0) if newest.height else (None, None)
    by_policy = (pl.col("cause") == "backfill") & (pl.col("known_from") < pl.lit(since, INSTANT))
    return (
        numbered.join(found.select("row", "cause", "identity"), on="row", how="left")
        .with_columns(
            cause=pl.when(by_policy)
            .then(pl.lit("policy"))
            .when(pl.col("cause") == "readings")
            .then(pl.lit("late_data"))
            .otherwise(pl.col("cause").fill_null("estimate")),
            identity=pl.when(by_policy).then(pl.lit(decider, pl.String)).otherwise("identity"),
        )
        .drop("row")
    )
