"""Figures that changed after others may have read them."""

from datetime import datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import ReplacementPolicy
from warehouse.schemas import CORRECTIONS, Table
from warehouse.schemas.registers import UNITS
from warehouse.transforms.replacement import worth_telling


def corrections(
    lake: Readable, organisation: str, table: Table, policy: ReplacementPolicy, since: datetime, until: datetime
) -> pl.DataFrame:
    """Corrections of one table's figures that are worth telling: the first and the last version of the stretch.

    A figure that changed several times meanwhile is told once, from what it was at the start to what it is at the end;
    one that came back to what it was is not told.

    Args:
        lake: Where the tables are.
        organisation: Whose figures.
        table: A consumption table.
        policy: What is worth telling.
        since: Corrections made from then on (UTC).
        until: Corrections made before (UTC).

    Returns:
        ``metering_point``, ``register``, ``period_start``, ``period_end``, ``old_consumption``, ``old_quality``,
        ``new_consumption``, ``new_quality``, ``unit``, ``difference``, ``cause`` (of the last change) and
        ``corrected_at``, by point, register and time.
    """
    key = ("metering_point", "register", "period_start", "period_end")
    made = pl.col("known_to")
    changes = (
        lake.scan(CORRECTIONS)
        .filter(organisation=organisation, table_name=table.name)
        .filter(made >= since, made < until)
        .sort("known_to")
        .group_by(key)
        .agg(
            pl.col("old_consumption", "old_quality").first(),
            pl.col("new_consumption", "new_quality", "cause").last(),
            corrected_at=made.last(),
        )
        .with_columns(unit=pl.col("register").replace_strict(UNITS, return_dtype=pl.String))
        .collect()
    )
    told = worth_telling(
        changes,
        least_absolute=policy.least_absolute,
        least_percent=policy.least_percent,
        better_quality=policy.better_quality,
    )
    return told.select(
        *key,
        *("old_consumption", "old_quality", "new_consumption", "new_quality", "unit", "difference", "cause"),
        "corrected_at",
    ).sort(key)
