"""Which of the readings that were loaded bear on a stretch: its own, and so many on either side as are looked at."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas.registers import CUMULATIVE, GAUGES
from warehouse.transforms.arranged import CONTEXT_READINGS
from warehouse.transforms.calendar import local_days
from warehouse.transforms.flags import all_count_on

LOADED_READINGS = CONTEXT_READINGS + 2
"""So many before and after the days of a touched stretch are loaded: rules look at two on either side of each that may
change, and one more after the stretch tells that it is not the end."""

NEVER, FOREVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def bearing(
    readings: pl.DataFrame, points: pl.DataFrame, installations: pl.DataFrame, doubted: pl.DataFrame, zone: ZoneInfo
) -> pl.DataFrame:
    """Leaves out readings that are too far from the days of stretches to bear on them.

    Not every telegram tells every register: so many of each layout are kept. Of a meter all are kept that has too few
    whole readings of a layout on a side, or any there that may not count.

    Args:
        readings: Rows of ``readings``, from neighbour to neighbour of the stretches and a little beyond.
        points: ``metering_point``, ``first_day``, ``last_day`` (local, both inclusive).
        installations: Rows of ``installations`` of the points.
        doubted: ``meter_id`` and ``at`` (UTC) of readings of which validation or somebody said something.
        zone: Zone of the days.

    Returns:
        Those that bear on the days, in their order.
    """
    bounds = local_days(points["first_day"].sort()[0], points["last_day"].sort()[-1], zone)
    days = (
        installations.join(points, on="metering_point")
        .join(bounds.select(first_day="day", opens="start"), on="first_day")
        .join(bounds.select(last_day="day", closes="end"), on="last_day")
        .group_by("meter_id")
        .agg(pl.col("opens").min(), pl.col("closes").max())
    )
    at = pl.col("measured_at")
    registers = [name for name in (*CUMULATIVE, *GAUGES) if name in readings.columns and readings[name].count()]
    told = pl.sum_horizontal(pl.lit(0), *(pl.col(name).is_not_null() for name in registers))
    by_layout = readings.select("meter_id", "layout_id", "measured_at", "flags", "quality", told=told).join(
        days, on="meter_id"
    )
    is_whole = all_count_on() & (pl.col("quality") != "R") & (pl.col("told") == pl.col("told").max())
    before, after = at.filter(is_whole & (at < pl.col("opens"))), at.filter(is_whole & (at > pl.col("closes")))
    edges = (
        by_layout.group_by("meter_id", "layout_id")
        .agg(
            low=pl.when(before.len() >= LOADED_READINGS).then(before.top_k(LOADED_READINGS).min()).otherwise(NEVER),
            high=pl.when(after.len() >= LOADED_READINGS).then(after.bottom_k(LOADED_READINGS).max()).otherwise(FOREVER),
        )
        .with_columns(  # what came in no telegram has any registers
            low=pl.when(pl.col("layout_id").is_null()).then(NEVER).otherwise("low"),
            high=pl.when(pl.col("layout_id").is_null()).then(FOREVER).otherwise("high"),
        )
        .group_by("meter_id")
        .agg(pl.col("low").min(), pl.col("high").max())
        .join(_outside(doubted, readings, days), on="meter_id", how="anti")
    )
    return (
        readings.join(edges, on="meter_id", how="left", maintain_order="left")
        .filter(at.is_between(pl.col("low").fill_null(NEVER), pl.col("high").fill_null(FOREVER)))
        .drop("low", "high")
    )


def _outside(doubted: pl.DataFrame, readings: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Meters with a doubted reading among those before or after the days."""
    times = readings.group_by("meter_id").agg(since=pl.col("measured_at").min(), until=pl.col("measured_at").max())
    beside = (pl.col("at") <= pl.col("opens")) | (pl.col("at") >= pl.col("closes"))
    return (
        doubted.join(days, on="meter_id")
        .join(times, on="meter_id")
        .filter(beside, pl.col("at").is_between(pl.col("since"), pl.col("until")))
        .select("meter_id")
    )
