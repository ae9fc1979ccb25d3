"""Meters that are read by wire, and the masters that read them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import READINGS
from warehouse.schemas.frames import RECEPTIONS

WIRED = "wired"
"""Source of readings that came by wire."""


def extent(lake: Readable, organisation: str, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day on which anything was read by wire; ``None`` where nothing ever was."""
    rows = lake.scan(READINGS).filter(organisation=organisation, source=WIRED)
    first, last = rows.select(first=pl.col("measured_at").min(), last=pl.col("measured_at").max()).collect().row(0)
    return None if first is None else (first.astimezone(zone).date(), last.astimezone(zone).date())


def meters(lake: Readable, organisation: str, first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
    """Meters that were read by wire in some local days.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.

    Returns:
        ``meter_id``, ``collector`` (master of the newest reading; null where its frame names none or is gone),
        ``readings`` (their number), ``days`` (local days with one), ``measured_at`` and ``received_at`` of the newest
        (UTC), by meter.
    """
    start = datetime.combine(first, time.min, zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time.min, zone).astimezone(UTC)
    local_day = pl.col("measured_at").dt.convert_time_zone(zone.key).dt.date()
    newest = pl.col("measured_at").arg_max()
    found = (
        lake.scan(READINGS)
        .filter(organisation=organisation, source=WIRED)
        .filter(pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}")))
        .filter(pl.col("measured_at").is_between(start, end, closed="left"))
        .group_by("meter_id")
        .agg(
            readings=pl.len().cast(pl.Int64),
            days=local_day.n_unique().cast(pl.Int64),
            **{name: pl.col(name).get(newest) for name in ("measured_at", "received_at", "frame_id", "landed_at")},
        )
        .collect()
    )
    frames = found["frame_id"].drop_nulls()
    landed = found["landed_at"].dt.date()
    masters = lake.scan(RECEPTIONS).filter(organisation=organisation)
    # Where there is no frame to look for, no partition is opened.
    masters = masters.filter(
        pl.col("landed_day").is_between(pl.lit(landed.min()), pl.lit(landed.max())),
        pl.col("frame_id").is_in(frames.implode()),
    )
    return (
        found.join(masters.select("frame_id", "collector").collect(), on="frame_id", how="left")
        .select("meter_id", "collector", "readings", "days", "measured_at", "received_at")
        .sort("meter_id")
    )
