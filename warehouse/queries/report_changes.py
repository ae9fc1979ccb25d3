"""What a consumption report said at one instant and at a later one, where the two differ, and why."""

from datetime import datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.reports import Asked, consumption_report
from warehouse.schemas import CONSUMPTION_DAILY, CORRECTIONS
from warehouse.transforms.calendar import local_days
from warehouse.versions import Past

_KEY = ("metering_point", "register")
_WHOSE = ("meter_id", "serial", "model")


def report_changes(
    lake: Readable,
    organisation: str,
    asked: Asked,
    earlier: datetime,
    later: datetime | None = None,
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rows of a consumption report whose figure, or its quality, is another one than it was.

    Args:
        lake: Where the tables are.
        organisation: Whose points.
        asked: Which days and registers; a limit counts for neither side.
        earlier: Instant of the one side, UTC.
        later: Instant of the other side, UTC; ``None`` for now.
        points: ``metering_point`` of those that count; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``serial``, ``model``, ``register``, ``before`` and ``after`` (consumption,
        null where unknown or not reported), ``difference`` (after less before; null where one is), ``unit``,
        ``quality_before``, ``quality_after``, ``causes`` (of the corrections of daily figures meanwhile, by name, with
        commas; null where there were none: figures that had not been reckoned yet) and ``corrected_at`` (of the last
        one), by point and register.
    """
    old, new = (
        consumption_report(seen, organisation, asked, points).drop("method", "register_start", "register_end")
        for seen in (Past(lake, earlier), lake if later is None else Past(lake, later))
    )
    both = old.join(new, on=_KEY, how="full", coalesce=True, suffix="_after")
    changed = both.filter(
        pl.col("consumption").ne_missing(pl.col("consumption_after"))
        | pl.col("quality").ne_missing(pl.col("quality_after"))
    )
    return (
        changed.join(_reasons(lake, organisation, asked, earlier, later), on=_KEY, how="left")
        .select(
            "metering_point",
            *(pl.coalesce(f"{name}_after", name).alias(name) for name in _WHOSE),
            "register",
            before="consumption",
            after="consumption_after",
            difference=pl.col("consumption_after") - pl.col("consumption"),
            unit=pl.coalesce("unit_after", "unit"),
            quality_before="quality",
            quality_after="quality_after",
            causes="causes",
            corrected_at="corrected_at",
        )
        .sort(_KEY)
    )


def _reasons(
    lake: Readable, organisation: str, asked: Asked, earlier: datetime, later: datetime | None
) -> pl.DataFrame:
    """The causes of corrections of days in the stretch, by point and register."""
    days = local_days(asked.first, asked.last, asked.zone)
    made = pl.col("known_to")
    return (
        lake.scan(CORRECTIONS)
        .filter(organisation=organisation, table_name=CONSUMPTION_DAILY.name)
        .filter(
            pl.col("period_start") >= days["start"].min(),
            pl.col("period_start") < days["end"].max(),
            made > earlier,
            pl.lit(value=True) if later is None else made <= later,
        )
        .group_by(_KEY)
        .agg(causes=pl.col("cause").unique().sort().str.join(","), corrected_at=made.max())
        .collect()
    )
