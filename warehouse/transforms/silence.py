"""Which meters are silent, whether they will come back, and whether it is they or their collector (§16)."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

_SATURDAY = 6

COLLECTOR_DOWN, METER_DEAD, NEVER_HEARD = "collector down", "meter silent", "not heard"
"""Causes of silence; the last: nothing was heard in all the time that was looked back on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a silence is one.

    Attributes:
        quantile: Share of a meter's pauses that a silence exceeds.
        intervals: Multiple of its usual pause that it exceeds, too.
        fewest_pauses: Pauses of a kind of day from which on they are judged apart.
        collector_share: Share of silent meters from which on their collector is down.
        fewest_meters: Meters that a collector must have for that.
    """

    quantile: float
    intervals: float
    fewest_pauses: int
    collector_share: float
    fewest_meters: int


def candidates(daily: pl.DataFrame, at: datetime, limits: Limits) -> pl.DataFrame:
    """Meters whose silence exceeds some of their usual pauses.

    Args:
        daily: ``meter_id``, ``telegrams``, ``last_heard`` per meter and day.
        at: Instant, UTC.
        limits: When a silence is one.

    Returns:
        ``meter_id``, ``last_heard``, ``silent_s`` and ``usual_s`` (a day by the median of a day's transmissions).
    """
    usual = 86_400 / pl.col("telegrams").median()
    silent = (pl.lit(at) - pl.col("last_heard").max()).dt.total_microseconds() / 1e6
    return (
        daily.filter(pl.col("telegrams") > 0)
        .group_by("meter_id")
        .agg(pl.col("last_heard").max(), silent_s=silent, usual_s=usual)
        .filter(pl.col("silent_s") > limits.intervals * pl.col("usual_s"))
    )


def silent(found: pl.DataFrame, heard: pl.DataFrame, limits: Limits, zone: ZoneInfo) -> pl.DataFrame:
    """Those candidates whose silence exceeds nearly all of their pauses on days of its kind.

    Args:
        found: From :func:`candidates`.
        heard: ``meter_id``, ``received_at`` of their transmissions.
        limits: When a silence is one.
        zone: The utility's zone, for working days and weekends. A pause belongs to the day it begins on.

    Returns:
        The candidates that are silent, with ``limit_s`` (the quantile; null with no pause to learn from).
    """
    pauses = (
        heard.sort("meter_id", "received_at")
        .with_columns(
            pause=(pl.col("received_at").shift(-1) - pl.col("received_at")).dt.total_microseconds().over("meter_id")
            / 1e6,
            weekend=_weekend(pl.col("received_at"), zone),
        )
        .drop_nulls("pause")
    )
    quantile = pl.col("pause").quantile(limits.quantile, "higher")
    overall = pauses.group_by("meter_id").agg(overall=quantile)
    by_kind = (
        pauses.group_by("meter_id", "weekend")
        .agg(own=quantile, count=pl.len())
        .filter(pl.col("count") >= limits.fewest_pauses)
    )
    return (
        found.with_columns(weekend=_weekend(pl.col("last_heard"), zone))
        .join(overall, on="meter_id", how="left")
        .join(by_kind.drop("count"), on=["meter_id", "weekend"], how="left")
        .with_columns(limit_s=pl.coalesce("own", "overall"))
        .filter((pl.col("silent_s") > pl.col("limit_s")).fill_null(value=True))
        .drop("weekend", "own", "overall")
    )


def past_pauses(daily: pl.DataFrame) -> pl.Series:
    """Pauses [s] of all meters over the ends of days, sorted: what silences of the past came to."""
    ordered = daily.sort("meter_id", "first_heard")
    same = ordered["meter_id"] == ordered["meter_id"].shift(1)
    pause = (ordered["first_heard"] - ordered["last_heard"].shift(1)).dt.total_microseconds() / 1e6
    return pause.filter(same.fill_null(value=False)).sort()


def with_chances(found: pl.DataFrame, past: pl.Series) -> pl.DataFrame:
    """How silences that had lasted as long went on.

    Args:
        found: ``silent_s`` of the silent meters.
        past: From :func:`past_pauses`.

    Returns:
        The same with ``returned`` (silences of the past that lasted as long and ended), ``open`` (others that last as
        long now) and ``no_return``: the share that does not end, (open + 1) / (open + returned + 2).
    """
    now = found["silent_s"].sort()
    returned = len(past) - pl.Series(past.search_sorted(found["silent_s"], side="left")).cast(pl.Int64)
    others = len(now) - now.search_sorted(found["silent_s"], side="left").cast(pl.Int64) - 1
    return found.with_columns(returned=returned, open=others).with_columns(
        no_return=((pl.col("open") + 1) / (pl.col("open") + pl.col("returned") + 2)).round(2)
    )


def with_causes(found: pl.DataFrame, homes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Tells collectors that are down from meters that are silent.

    Args:
        found: ``meter_id`` of the silent meters.
        homes: ``meter_id`` and ``collector`` (that hears it best) of all meters that were heard.
        limits: Which share of its meters makes a collector down.

    Returns:
        The same with ``collector`` (null where nobody heard the meter), ``collector_share`` (% of its meters that are
        silent) and ``cause``.
    """
    quiet = pl.col("meter_id").is_in(found["meter_id"].implode())
    shares = homes.group_by("collector").agg(share=quiet.mean(), count=pl.len())
    down = (pl.col("share") >= limits.collector_share) & (pl.col("count") >= limits.fewest_meters)
    return (
        found.join(homes, on="meter_id", how="left")
        .join(shares, on="collector", how="left")
        .with_columns(
            collector_share=(100 * pl.col("share")).round(1),
            cause=pl.when(pl.col("last_heard").is_null())
            .then(pl.lit(NEVER_HEARD))
            .when(down)
            .then(pl.lit(COLLECTOR_DOWN))
            .otherwise(pl.lit(METER_DEAD)),
        )
        .drop("share", "count")
    )


def _weekend(instant: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    return instant.dt.convert_time_zone(zone.key).dt.weekday() >= _SATURDAY
