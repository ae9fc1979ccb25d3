"""Meter exchanges as a list."""

from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import EXCHANGES
from warehouse.schemas.registers import UNITS
from warehouse.transforms.calendar import local_day


def extent(lake: Readable, organisation: str, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day of any exchange; ``None`` where there never was one."""
    rows = lake.scan(EXCHANGES).filter(organisation=organisation)
    first, last = rows.select(first=pl.col("exchanged_at").min(), last=pl.col("exchanged_at").max()).collect().row(0)
    return None if first is None else (first.astimezone(zone).date(), last.astimezone(zone).date())


def exchanges(
    lake: Readable,
    organisation: str,
    zone: ZoneInfo,
    first: date,
    last: date,
    *,
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Exchanges of some local days, one row per register, the newest first.

    Args:
        lake: Where the tables are.
        organisation: Whose points.
        zone: The utility's zone.
        first: First local day.
        last: Last local day, inclusive.
        points: ``metering_point`` of those that are shown; ``None`` for all.

    Returns:
        ``exchanged_at`` (UTC), ``metering_point``, ``old_meter_id``, ``new_meter_id``, ``register``, ``unit``,
        ``old_final`` and ``new_initial`` (null where erased or not read), ``reason`` (nullable) and ``known_from``
        (when it was entered, UTC).
    """
    rows = (
        lake.scan(EXCHANGES)
        .filter(organisation=organisation)
        .filter(local_day(pl.col("exchanged_at"), zone).is_between(first, last))
        .select(
            *("exchanged_at", "metering_point", "old_meter_id", "new_meter_id", "register"),
            pl.col("register").replace_strict(UNITS, default=None, return_dtype=pl.String).alias("unit"),
            *("old_final", "new_initial", "reason", "known_from"),
        )
        .sort("exchanged_at", "metering_point", "register", descending=[True, False, False])
        .collect()
    )
    return rows if points is None else rows.join(points, on="metering_point", how="semi", maintain_order="left")
