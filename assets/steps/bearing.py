"""Which of the readings that were loaded bear on a stretch, and which of them its figures begin and end with."""

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

_WHOLE = all_count_on() & (pl.col("quality") != "R") & (pl.col("told") == pl.col("told").max())
"""Among rows of :func:`_told` of one meter and layout: those that count and tell the most registers."""


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
    before, after = at.filter(_WHOLE & (at < pl.col("opens"))), at.filter(_WHOLE & (at > pl.col("closes")))
    edges = (
        _told(readings)
        .join(days, on="meter_id")
        .group_by("meter_id", "layout_id")
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


def beside(readings: pl.DataFrame, spans: pl.DataFrame, installations: pl.DataFrame) -> pl.DataFrame:
    """The readings next to what was touched: between the nearest ones figures change, the others may be seen otherwise.

    Not every telegram tells every register: neighbours are looked for in each layout, and the farthest are given.

    Args:
        readings: Rows of ``readings``, from neighbour to neighbour of the spans and a little beyond.
        spans: ``metering_point``, ``first_at`` and ``last_at`` (UTC, both inclusive).
        installations: Rows of ``installations`` of the points.

    Returns:
        ``metering_point``; ``before`` and ``after``: the nearest (UTC), null where there is none, or where a reading
        came in no telegram, so that nothing says what it tells; ``since`` and ``until``: those ``CONTEXT_READINGS``
        away, or as far as there are any; ``following``: how many there are after the span.
    """
    at, spanned = pl.col("measured_at"), spans.select("metering_point", "first_at", "last_at")
    earlier, later = at.filter(_WHOLE & (at < pl.col("first_at"))), at.filter(_WHOLE & (at > pl.col("last_at")))
    is_named = pl.col("layout_id").has_nulls().not_()
    return (
        _told(readings)
        .join(installations.select("meter_id", "metering_point").join(spanned, on="metering_point"), on="meter_id")
        .group_by("metering_point", "meter_id", "layout_id")
        .agg(
            before=earlier.max(),
            after=later.min(),
            since=earlier.top_k(CONTEXT_READINGS).min(),
            until=later.bottom_k(CONTEXT_READINGS).max(),
            following=later.len(),
        )
        .group_by("metering_point")
        .agg(
            pl.when(is_named).then(pl.col("before").min()),
            pl.when(is_named).then(pl.col("after").max()),
            pl.col("since").min(),
            pl.col("until").max(),
            pl.col("following").sum(),
        )
    )


def _told(readings: pl.DataFrame) -> pl.DataFrame:
    """What readings are chosen by; ``told``: how many registers they tell."""
    registers = [name for name in (*CUMULATIVE, *GAUGES) if name in readings.columns and readings[name].count()]
    told = pl.sum_horizontal(pl.lit(0), *(pl.col(name).is_not_null() for name in registers))
    return readings.select("meter_id", "layout_id", "measured_at", "flags", "quality", told=told)


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
