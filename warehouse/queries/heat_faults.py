"""Faults of substations, the worst first, with what people found of them."""

from datetime import datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import HEAT_FAULT_REVIEWS, HEAT_FAULTS


def report(
    lake: Readable,
    organisation: str,
    *,
    at: datetime,
    points: pl.DataFrame | None = None,
    with_dismissed: bool = False,
) -> pl.DataFrame:
    """The faults of the heating year of an instant, ranked.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        at: An instant; the heating year that holds it is shown.
        points: ``metering_point`` of those that it is about; ``None`` for all.
        with_dismissed: Whether those that somebody found to be false are shown, too.

    Returns:
        ``rank``, ``metering_point``, ``meter_id``, ``rule``, ``since``, ``score``, ``reason``, ``excess_m3``, ``cost``,
        ``verdict`` and ``verdict_reason`` (null where nobody looked), ``period_start``, and ``value`` and ``limit`` in
        the rule's unit; by score, then excess volume. Points that show several faults have a row for each.
    """
    key = ("metering_point", "period_start", "rule")
    faults = lake.scan(HEAT_FAULTS).filter(
        pl.col("organisation") == organisation, pl.col("period_start") <= at, pl.col("period_end") > at
    )
    if points is not None:
        faults = faults.join(points.lazy().select("metering_point").unique(), on="metering_point", how="semi")
    reviews = (
        lake.scan(HEAT_FAULT_REVIEWS)
        .filter(pl.col("organisation") == organisation, pl.col("known_to").is_null())
        .select(*key, "verdict", verdict_reason="reason")
    )
    shown = faults.join(reviews, on=key, how="left")
    if not with_dismissed:
        shown = shown.filter(pl.col("verdict").ne_missing("false"))
    return (
        shown.sort("score", "excess_m3", *key, descending=[True, True, False, False, False], nulls_last=True)
        .with_row_index("rank", 1)
        .select(
            pl.col("rank").cast(pl.Int64),
            *("metering_point", "meter_id", "rule", "since", "score", "reason", "excess_m3", "cost"),
            *("verdict", "verdict_reason", "period_start", "value", "limit"),
        )
        .collect()
    )


def years(lake: Readable, organisation: str) -> pl.DataFrame:
    """The heating years in which faults were looked for and found.

    Returns:
        ``period_start`` and ``period_end`` (UTC), the latest first.
    """
    rows = lake.scan(HEAT_FAULTS).filter(pl.col("organisation") == organisation)
    return rows.select("period_start", "period_end").unique().sort("period_start", descending=True).collect()


def summary(found: pl.DataFrame) -> dict[str, float | None]:
    """What a report sums up to: ``faults``, ``points``, and of points once ``excess_m3`` and ``cost``.

    Args:
        found: From :func:`report`.
    """
    once = found.unique("metering_point")
    volume, cost = (pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in ("excess_m3", "cost"))
    sums = once.select(points=pl.len(), excess_m3=volume, cost=cost).row(0, named=True)
    return {"faults": found.height, **sums}
