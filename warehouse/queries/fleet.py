"""Installed meters as places on a map, and the collectors that hear them."""

from datetime import timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import (
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    LINK_DAILY,
    METERS,
    READING_PERFORMANCE_DAILY,
)

LATELY = timedelta(days=3)
"""A meter is read lately whose last day with a reading lies less than this behind the newest of any."""

_HEARD = timedelta(days=7)
_RANKS = {"high": 0, "normal": 1}


def installed(lake: Readable, organisation: str, points: pl.DataFrame | None = None) -> pl.DataFrame:
    """Meters that are installed now, with what the rules of a map judge by.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        points: ``metering_point`` of those that are shown; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``serial``, ``manufacturer``, ``medium``, ``model``, ``state``, ``priority``
        (highest of its open info codes; null without any), ``last_day`` (last local day with a reading; null where
        none is known), ``status`` (``attention``: an open code of high priority; ``ok``: read lately; else
        ``silent``) and ``kind`` (``meter``), by point.
    """
    places = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .filter(pl.col("removed_at").is_null())
        .select("metering_point", "meter_id")
    )
    if points is not None:
        places = places.join(points.lazy().select("metering_point").unique(), on="metering_point", how="semi")
    meters = lake.scan(METERS).filter(organisation=organisation)
    codes = (
        lake.scan(INFO_CODE_EVENTS)
        .filter(organisation=organisation)
        .filter(pl.col("cleared_at").is_null(), pl.col("priority").is_in(list(_RANKS)))
        .group_by("meter_id")
        .agg(priority=pl.col("priority").sort_by(pl.col("priority").replace_strict(_RANKS)).first())
    )
    days = _last_days(lake, organisation)
    newest = pl.col("last_day").max()
    status = (
        pl.when(pl.col("priority") == "high")
        .then(pl.lit("attention"))
        .when(pl.col("last_day") > newest - LATELY)
        .then(pl.lit("ok"))
        .otherwise(pl.lit("silent"))
    )
    return (
        places.join(
            meters.select("meter_id", "serial", "manufacturer", "medium", "model", "state"), on="meter_id", how="inner"
        )
        .join(codes, on="meter_id", how="left")
        .join(days, on="meter_id", how="left")
        .with_columns(status=status, kind=pl.lit("meter"))
        .sort("metering_point", "meter_id")
        .collect()
    )


def kinds(lake: Readable, organisation: str) -> pl.DataFrame:
    """What kinds of meters there are, for filters.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.

    Returns:
        ``medium``, ``manufacturer`` and ``model`` (null where nobody named one), each combination once.
    """
    names = ("medium", "manufacturer", "model")
    return lake.scan(METERS).filter(organisation=organisation).select(names).unique().sort(names).collect()


def _last_days(lake: Readable, organisation: str) -> pl.LazyFrame:
    """The last day with a reading per meter; the newest two months say enough of who was read lately."""
    rated = lake.scan(READING_PERFORMANCE_DAILY).filter(organisation=organisation)
    months = rated.select("month").unique().sort("month", descending=True).head(2).collect()["month"]
    return (
        rated.filter(pl.col("month").is_in(months.implode()), pl.col("received") > 0)
        .group_by("meter_id")
        .agg(last_day=pl.col("day").max())
    )


def hearing(lake: Readable, organisation: str) -> pl.DataFrame:
    """Which collector heard which meter in the last days of which links are known.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.

    Returns:
        ``collector``, ``meter_id``, ``rssi_dbm`` (median of the days; null where no signal is known), by collector and
        meter.
    """
    links = lake.scan(LINK_DAILY).filter(organisation=organisation).filter(pl.col("collector") != "")
    month = links.select(pl.col("month").max()).collect().item()
    last = None if month is None else links.filter(month=month).select(pl.col("day").max()).collect().item()
    if last is None:
        recent = links.filter(pl.lit(value=False))
    else:
        first = last - _HEARD
        recent = links.filter(pl.col("month") >= f"{first:%Y-%m}", pl.col("day") > first)
    return (
        recent.group_by("collector", "meter_id")
        .agg(rssi_dbm=pl.col("rssi_p50_dbm").median())
        .sort("collector", "meter_id")
        .collect()
    )


def centres(heard: pl.DataFrame, located: pl.DataFrame, noted: pl.DataFrame) -> pl.DataFrame:
    """Where collectors are: where somebody noted them; else probably in the middle of the meters that they hear.

    Signal strength falls with distance, so that each meter weighs by the amplitude of its signal; one without a known
    signal weighs as one at -100 dBm.

    Args:
        heard: From :func:`hearing`.
        located: ``meter_id``, ``latitude`` and ``longitude`` (degrees; null where unknown).
        noted: From :func:`registry.collectors.noted`.

    Returns:
        ``collector``, ``comment``, ``meters`` (that it hears), ``latitude`` and ``longitude`` (null where neither the
        collector nor any of its meters is located), ``is_noted`` (whether they are its own), ``kind`` (``collector``),
        by collector.
    """
    weight = 10 ** (pl.col("rssi_dbm").fill_null(-100.0) / 20)
    weight = pl.when(pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null()).then(weight)
    middle = {name: (pl.col(name) * pl.col("weight")).sum() / pl.col("weight").sum() for name in _DEGREES}
    found = (
        heard.join(located.select("meter_id", *_DEGREES).unique("meter_id"), on="meter_id", how="left")
        .with_columns(weight=weight)
        .group_by("collector")
        .agg(meters=pl.col("meter_id").n_unique().cast(pl.Int64), **middle)
        .with_columns(pl.col(_DEGREES).fill_nan(None))
    )
    return (
        noted.join(found, on="collector", how="full", coalesce=True, suffix="_of_meters")
        .with_columns(
            pl.col("meters").fill_null(0),
            is_noted=pl.col("latitude").is_not_null(),
            kind=pl.lit("collector"),
            **{name: pl.coalesce(name, f"{name}_of_meters") for name in _DEGREES},
        )
        .drop(f"{name}_of_meters" for name in _DEGREES)
        .sort("collector")
    )


_DEGREES = ("latitude", "longitude")
