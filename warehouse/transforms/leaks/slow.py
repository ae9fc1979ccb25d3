"""Leaks slower than one count of the register an hour, and draws that come again and again (ALGORITHMS §9)."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.schemas import LEAK_EVENTS
from warehouse.transforms.calendar import local_days
from warehouse.transforms.leaks.bursts import NO_DAY
from warehouse.transforms.leaks.hours import POINT
from warehouse.transforms.leaks.limits import Limits

SLOW, PERIODIC = "slow_leak", "periodic_draws"
HISTORY = timedelta(days=7)
"""Days before a day that its label rests on."""

NIGHT_HOURS = 6
"""Local hours from midnight whose draws are looked at."""
PERIODS = (2, 3)
"""Hours between two draws that such a night can tell."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_LEAST_COUNTS = 3
"""Counts between the least hour of a night and the largest that tell draws from rounding."""
_RUNNING = 2
"""Hours between two counts from which continuous flow does not see what flows."""


def periods_of_nights(measured: pl.DataFrame, limits: Limits, zone: ZoneInfo) -> pl.DataFrame:
    """Finds nights with small draws in even steps, as of a cistern that refills or of a softener.

    Args:
        measured: As :func:`warehouse.transforms.leaks.hours.flows` gives them.
        limits: Limits.
        zone: The utility's zone.

    Returns:
        ``organisation``, ``metering_point``, ``day`` and ``period_h``: hours between draws, where the autocorrelation
        of the night's hours has its peak. Nights in which clocks change, and those with an unmeasured hour, tell none.
    """
    hour = pl.col("start").dt.convert_time_zone(zone.key).dt.hour().cast(pl.Int64)
    nights = (
        measured.with_columns(hour=hour)
        .filter(pl.col("hour") < NIGHT_HOURS)
        .sort(*POINT, "start")
        .group_by(*POINT, "day", maintain_order=True)
        .agg("litres", pl.col("hour").n_unique(), hours=pl.len(), count_l=pl.col("count_l").max())
        .filter(pl.col("hours") == NIGHT_HOURS, pl.col("hour") == NIGHT_HOURS)
        .with_columns(most=pl.col("litres").list.max(), least=pl.col("litres").list.min())
        .filter(
            pl.col("most") <= limits.draw_largest_l,
            pl.col("most") - pl.col("least") >= _LEAST_COUNTS * pl.col("count_l"),
        )
    )
    litres = nights["litres"].explode(empty_as_null=False).to_numpy().reshape(-1, NIGHT_HOURS)
    apart = litres - litres.mean(axis=1, keepdims=True)
    spread = (apart**2).mean(axis=1)
    alike = np.stack([(apart[:, step:] * apart[:, :-step]).mean(axis=1) / spread for step in PERIODS], axis=1)
    best = alike.argmax(axis=1)
    return nights.select(*POINT, "day", period_h=pl.Series(np.array(PERIODS, np.int32)[best])).filter(
        pl.Series(alike.max(axis=1) >= limits.draw_correlation)
    )


def slow_leaks(days: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Finds episodes in which the register never rests for long, though it counts too coarsely to move every hour.

    Between two counts that lie ``gap`` hours apart, one count has flowed within more than ``gap - 1`` and less than
    ``gap + 1`` hours: what leaks all the time is less than a count in ``gap - 1`` hours, and more than one in
    ``gap + 1`` where nothing else flowed then.

    Args:
        days: Rows of ``flow_daily``.
        limits: Limits.

    Returns:
        Columns of ``leak_events`` but ``known_from``; always ``suspected``. ``rate_lh`` is one count in the longest gap
        within a day whose hours were all measured, between ``rate_low_lh`` and ``rate_high_lh``.
    """
    kept = days.filter(
        pl.col("measured_hours") >= limits.least_hours,
        pl.col("longest_gap_h") <= limits.slow_longest_gap_h,
        pl.col("count_l").is_not_null(),
    ).sort(*POINT, "day")
    before = {name: pl.col(name).shift(1) for name in kept.columns}
    same = pl.all_horizontal(pl.col(name) == before[name] for name in (*POINT, "meter_id", "count_l"))
    since_last = (pl.col("first_tick_at") - before["last_tick_at"]).dt.total_minutes() / 60
    next_day = pl.col("day") - before["day"] == _DAY
    follows = (same & next_day & (since_last <= limits.slow_longest_gap_h)).fill_null(value=False)
    episodes = (
        kept.with_columns(follows=follows)
        .with_columns(episode=(~pl.col("follows")).cum_sum())
        .group_by("episode", maintain_order=True)
        .agg(
            pl.col(*POINT, "meter_id", "count_l").first(),
            first_seen=pl.col("first_tick_at").first(),
            last_seen=pl.col("last_tick_at").last() + _HOUR,
            gap=pl.col("measured_gap_h").max(),
            evidence_hours=pl.col("measured_hours").sum().cast(pl.Int32),
            ticks=pl.col("ticks").sum(),
            days=pl.len(),
        )
        .filter(
            pl.col("days") >= limits.slow_days,
            pl.col("gap") >= _RUNNING,
            pl.col("ticks") >= limits.least_counts,
        )
    )
    hours = (pl.col("last_seen") - pl.col("first_seen")).dt.total_seconds() / 3600
    count, gap = pl.col("count_l"), pl.col("gap")
    return _events(
        episodes.with_columns(
            kind=pl.lit(SLOW),
            rate_lh=count / gap,
            rate_low_lh=count / (gap + 1),
            rate_high_lh=count / (gap - 1),
            lost_l=count / gap * hours,
            confidence=(pl.col("evidence_hours") / hours).clip(0, 1) * (gap - 1) / (gap + 1),
            period_h=pl.lit(None, pl.Int32),
        )
    )


def periodic_draws(days: pl.DataFrame, limits: Limits, zone: ZoneInfo, since: pl.DataFrame) -> pl.DataFrame:
    """Joins days before which most nights had draws in the same steps to episodes.

    Args:
        days: Rows of ``flow_daily``, with those of :data:`HISTORY` before.
        limits: Limits.
        zone: The utility's zone.
        since: ``organisation``, ``metering_point`` and ``low``: the first day of each point that may be labelled.

    Returns:
        Columns of ``leak_events`` but ``known_from``: a label, of which nothing is taken for lost.
    """
    often = days.group_by(POINT).agg(nights=pl.col("period_h").count()).filter(pl.col("nights") >= limits.draw_nights)
    ordered = days.join(often.select(POINT), on=POINT, how="semi").sort(*POINT, "day")
    nights = [
        (pl.col("period_h") == period)
        .fill_null(value=False)
        .cast(pl.Int32)
        .rolling_sum_by("day", HISTORY, closed="right")
        .over(POINT, order_by="day")
        .alias(f"nights_{period}")
        for period in PERIODS
    ]
    step = pl.coalesce(
        pl.when(pl.col(f"nights_{period}") >= limits.draw_nights).then(pl.lit(period, pl.Int32)) for period in PERIODS
    )
    labelled = (
        ordered.with_columns(nights)
        .with_columns(step=step, nights=pl.max_horizontal(f"nights_{period}" for period in PERIODS))
        .filter(pl.col("step").is_not_null())
        .join(since.select(*POINT, "low"), on=POINT)
        .filter(pl.col("day") >= pl.col("low"))
    )
    ends = [day for day in (labelled["day"].min(), labelled["day"].max()) if isinstance(day, date)]
    bounds = local_days(ends[0], ends[1], zone) if ends else local_days(NO_DAY, NO_DAY, zone)
    follows = (((pl.col("day") - pl.col("day").shift(1)) == _DAY) & (pl.col("step") == pl.col("step").shift(1))).over(
        POINT
    )
    episodes = (
        labelled.join(bounds, on="day")
        .sort(*POINT, "day")
        .with_columns(episode=(~follows.fill_null(value=False)).cum_sum())
        .group_by("episode", maintain_order=True)
        .agg(
            pl.col(POINT).first(),
            pl.col("meter_id").last(),
            first_seen=pl.col("start").first(),
            last_seen=pl.col("end").last(),
            evidence_hours=(pl.len() * NIGHT_HOURS).cast(pl.Int32),
            confidence=(pl.col("nights") / HISTORY.days).mean(),
            period_h=pl.col("step").first(),
        )
    )
    nothing = [pl.lit(0.0).alias(name) for name in ("rate_lh", "lost_l")]
    unknown = [pl.lit(None, pl.Float64).alias(name) for name in ("rate_low_lh", "rate_high_lh")]
    return _events(episodes.with_columns(*nothing, *unknown, kind=pl.lit(PERIODIC)))


def _events(episodes: pl.DataFrame) -> pl.DataFrame:
    columns = [name for name in LEAK_EVENTS.schema if name != "known_from"]
    return episodes.with_columns(state=pl.lit("suspected")).select(columns)
