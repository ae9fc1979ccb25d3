"""Bursts and rises of night use, as episodes."""

from collections.abc import Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.ordering import sort_rows
from warehouse.transforms.calendar import local_days
from warehouse.transforms.leaks.hours import POINT
from warehouse.transforms.leaks.limits import Limits

BURST, STEP = "burst", "step_change"
QUARTER = timedelta(minutes=15)
JITTER = timedelta(minutes=1)
"""Transmissions wander: readings that many minutes late are still quarter-hourly."""

CONFIRMED_BURST = timedelta(hours=2)
NO_DAY = date(1970, 1, 1)
"""Stands for the days of no episode at all."""

_HOUR = timedelta(hours=1)
_STEP_GAP = timedelta(days=2)
_INTERVAL = (*POINT, "meter_id", "start", "end", "rate_lh", "lost_l", "sureness")


def hourly_bursts(measured: pl.DataFrame, days: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Hours of far more flow than usual.

    Args:
        measured: As :func:`warehouse.transforms.leaks.hours.flows` gives them.
        days: Rows of ``flow_daily`` of their days.
        limits: Limits.

    Returns:
        Of each such hour point, ``meter_id``, ``start``, ``end``, ``rate_lh``, ``lost_l`` (above the usual peak) and
        ``sureness`` (0 to 1). Hours of fewer than ``least_counts`` counts of the register say nothing.
    """
    usual = pl.col("usual_peak_lh")
    return (
        measured.join(days.select(*POINT, "day", "usual_peak_lh"), on=[*POINT, "day"])
        .filter(
            pl.col("rate_lh") > limits.burst_factor * usual,
            pl.col("litres") >= limits.least_counts * pl.col("count_l"),
        )
        .with_columns(
            lost_l=pl.col("litres") * (1 - usual / pl.col("rate_lh")),
            sureness=1 - limits.burst_factor * usual / (2 * pl.col("rate_lh")),
        )
        .select(_INTERVAL)
    )


def quick_bursts(readings: pl.DataFrame, models: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Stretches of quarter-hourly or finer readings with a burst's flow all along.

    Args:
        readings: ``organisation``, ``metering_point``, ``meter_id``, ``measured_at``, ``volume_m3`` and ``disputed``
            (whether the step to it is questioned: it is then no evidence), of those that count.
        models: ``organisation``, ``meter_id`` and ``model``.
        limits: Limits.

    Returns:
        As :func:`hourly_bursts`; ``lost_l`` is all that flowed.
    """
    pair = [*POINT, "meter_id"]
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in pair)
    pieces = (
        sort_rows(readings.drop_nulls("volume_m3"), ["organisation", "meter_id", "measured_at"])
        .with_columns(
            start=pl.when(same).then(pl.col("measured_at").shift(1)),
            litres=pl.col("volume_m3").cast(pl.Float64).diff() * 1000,
        )
        .with_columns(span=pl.col("measured_at") - pl.col("start"))
        .filter(pl.col("span") <= QUARTER + JITTER, ~pl.col("disputed"))
        .with_columns(rate_lh=pl.col("litres") / (pl.col("span").dt.total_microseconds() / 3_600_000_000))
        .filter(pl.col("rate_lh") >= min(limits.burst_lh.values()))
        .join(models, on=["organisation", "meter_id"], how="left", maintain_order="left")
        .filter(pl.col("rate_lh") >= _threshold(limits.burst_lh))
    )
    follows = (pl.col("start") == pl.col("measured_at").shift(1)).over(pair).fill_null(value=False)
    return (
        pieces.with_columns(run=(~follows).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col(*pair, "start").first(),
            end=pl.col("measured_at").last(),
            rate_lh=pl.col("rate_lh").max(),
            lost_l=pl.col("litres").sum(),
            sureness=pl.lit(0.9),
        )
        .filter(pl.col("end") - pl.col("start") >= timedelta(minutes=limits.burst_least_min))
        .select(_INTERVAL)
    )


def _threshold(burst_lh: Mapping[str, float]) -> pl.Expr:
    return pl.col("model").replace_strict(
        dict(burst_lh), default=burst_lh.get("any", float("inf")), return_dtype=pl.Float64
    )


def burst_events(hourly: pl.DataFrame, quick: pl.DataFrame) -> pl.DataFrame:
    """Joins intervals of a burst's flow to episodes.

    Args:
        hourly: From :func:`hourly_bursts`.
        quick: From :func:`quick_bursts`; what lies in an hour of the others is not counted twice.

    Returns:
        Columns of ``leak_events`` that all kinds have, but ``known_from``.
    """
    overlapping = (
        quick.with_row_index("no")
        .join(hourly.select(*POINT, hour="start", until="end"), on=POINT)
        .filter(pl.col("start") < pl.col("until"), pl.col("end") > pl.col("hour"))
    )
    alone = quick.with_row_index("no").join(overlapping, on="no", how="anti").drop("no")
    every = pl.concat([hourly, alone]).sort(*POINT, "start")
    follows = (pl.col("start") <= pl.col("end").shift(1) + _HOUR).over(POINT).fill_null(value=False)
    length = pl.col("last_seen") - pl.col("first_seen")
    return (
        every.with_columns(episode=(~follows).cum_sum(), span=pl.col("end") - pl.col("start"))
        .group_by("episode", maintain_order=True)
        .agg(
            pl.col(POINT).first(),
            pl.col("meter_id").last(),
            pl.col("rate_lh", "sureness").max(),
            pl.col("lost_l").sum(),
            first_seen=pl.col("start").first(),
            last_seen=pl.col("end").last(),
            evidence_hours=(pl.col("span").sum().dt.total_seconds() / 3600).ceil().cast(pl.Int32),
        )
        .with_columns(
            kind=pl.lit(BURST),
            state=pl.when(length >= CONFIRMED_BURST).then(pl.lit("confirmed")).otherwise(pl.lit("suspected")),
        )
        .rename({"sureness": "confidence"})
        .drop("episode")
    )


def step_events(days: pl.DataFrame, limits: Limits, zone: ZoneInfo) -> pl.DataFrame:
    """Joins days of risen night use to episodes.

    Args:
        days: Rows of ``flow_daily``.
        limits: Limits.
        zone: The utility's zone.

    Returns:
        Columns of ``leak_events`` that all kinds have, but ``known_from``; ``rate_lh`` is the latest rise.
    """
    risen = days.filter(pl.col("step_lh").is_not_null()).sort(*POINT, "day")
    follows = (pl.col("day") - pl.col("day").shift(1) <= _STEP_GAP).over(POINT).fill_null(value=False)
    ends = [day for day in (risen["day"].min(), risen["day"].max()) if isinstance(day, date)]
    bounds = local_days(ends[0], ends[1], zone) if ends else local_days(NO_DAY, NO_DAY, zone)
    spans = risen.join(bounds, on="day")
    night_h = limits.night_to - limits.night_from
    return (
        spans.sort(*POINT, "day")
        .with_columns(episode=(~follows).cum_sum())
        .group_by("episode", maintain_order=True)
        .agg(
            pl.col(POINT).first(),
            pl.col("meter_id").last(),
            first_seen=pl.col("start").first(),
            last_seen=pl.col("end").last(),
            rate_lh=pl.col("step_lh").last(),
            lost_l=(pl.col("step_lh") * 24).sum(),
            evidence_hours=(pl.len() * night_h).cast(pl.Int32),
            days=pl.len(),
            confidence=(pl.col("step_lh") / (pl.col("step_lh") + limits.step_least_lh)).mean(),
        )
        .with_columns(
            kind=pl.lit(STEP),
            state=pl.when(pl.col("days") > limits.chronic_days)
            .then(pl.lit("chronic"))
            .when(pl.col("days") * 24 >= limits.confirmed_h)
            .then(pl.lit("confirmed"))
            .otherwise(pl.lit("suspected")),
        )
        .drop("episode", "days")
    )
