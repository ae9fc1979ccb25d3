"""Continuous flow: a day without a dry hour."""

from datetime import timedelta

import polars as pl

from warehouse.transforms.leaks.hours import POINT, TINY_L
from warehouse.transforms.leaks.limits import Limits

KIND = "continuous_flow"
CHRONIC_WITHIN = timedelta(days=30)


def continuous_flow(measured: pl.DataFrame, since: pl.DataFrame, earlier: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Finds episodes without a dry hour.

    An hour is dry when less than one count of the register flowed. A window is evidence when it ends with a measured
    hour, holds enough of them and none that is dry. Windows that overlap or follow one another within their length,
    without a dry hour between, are one episode.

    Args:
        measured: As :func:`warehouse.transforms.leaks.hours.flows` gives them. To reckon again from an instant on, give
            the hours from one window before it, or from the start of the episodes that reach into that window.
        since: ``organisation``, ``metering_point`` and ``since``: from when on the hours of each point are given.
        earlier: ``organisation``, ``metering_point``, ``first_seen`` and ``last_seen`` of episodes before that.
        limits: Limits.

    Returns:
        Columns of ``leak_events`` that all kinds have, but ``known_from``. ``rate_lh`` is the second smallest flow of
        the last window, ``lost_l`` what flowed up to that rate in each measured hour.
    """
    window = timedelta(hours=limits.window_h)
    least = pl.max_horizontal("count_l", pl.lit(limits.least_rate_lh))
    given = measured.join(since, on=POINT, maintain_order="left")
    judged = given.with_columns(is_dry=pl.col("litres") < least - TINY_L).with_columns(
        dry_until=pl.when("is_dry").then("end").forward_fill().over(POINT),
        back=pl.col("start").shift(limits.least_hours - 1).over(POINT),
    )
    opened = pl.col("end") - window
    evidence = judged.filter(
        ~pl.col("is_dry"),
        pl.col("back") >= opened,
        (pl.col("dry_until") <= opened).fill_null(value=True),
        opened >= pl.col("since"),
    ).with_columns(opened=opened)
    same = (
        (pl.col("opened") <= pl.col("end").shift(1))
        & (pl.col("dry_until").ne_missing(pl.col("dry_until").shift(1)).not_())
    ).over(POINT)
    episodes = (
        evidence.with_columns(episode=(~same.fill_null(value=False)).cum_sum())
        .group_by("episode", maintain_order=True)
        .agg(
            pl.col(POINT).first(),
            pl.col("meter_id", "count_l").last(),
            first_seen=pl.col("opened").first(),
            last_seen=pl.col("end").last(),
        )
    )
    return _stated(_measured_in(episodes, measured, window), earlier, limits)


def _measured_in(episodes: pl.DataFrame, measured: pl.DataFrame, window: timedelta) -> pl.DataFrame:
    """Rate, loss and evidence of each episode; those of one point do not overlap, so that an hour is of one at most."""
    hours = (
        measured.select(*POINT, "start", "end", "litres", "rate_lh")
        .sort("start")
        .join_asof(
            episodes.select("episode", *POINT, "first_seen", "last_seen").sort("first_seen"),
            left_on="start",
            right_on="first_seen",
            by=POINT,
            check_sortedness=False,
        )
        .filter(pl.col("end") <= pl.col("last_seen"))
    )
    last = hours.filter(pl.col("start") >= pl.col("last_seen") - window)
    rates = last.group_by("episode").agg(rate_lh=pl.col("rate_lh").bottom_k(2).max())
    lost = (
        hours.join(rates.rename({"rate_lh": "rate"}), on="episode")
        .group_by("episode")
        .agg(
            lost_l=(pl.min_horizontal("rate_lh", "rate") * pl.col("litres") / pl.col("rate_lh")).fill_nan(0).sum(),
            evidence_hours=pl.len(),
        )
    )
    return episodes.join(rates, on="episode").join(lost, on="episode")


def _stated(episodes: pl.DataFrame, earlier: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """State and confidence."""
    spans = [*POINT, "first_seen", "last_seen"]
    every = pl.concat([earlier.select(spans), episodes.select(spans)])
    began = pl.col("last_seen") - CHRONIC_WITHIN
    shared = pl.min_horizontal("last_seen", "other_last") - pl.max_horizontal("first_other", began)
    of_late = (
        episodes.select("episode", *POINT, "last_seen")
        .join(every.rename({"first_seen": "first_other", "last_seen": "other_last"}), on=POINT)
        .filter(pl.col("first_other") < pl.col("last_seen"), pl.col("other_last") > began)
        .group_by("episode")
        .agg(days=(shared.dt.total_seconds() / 86_400).sum())
    )
    hours = (pl.col("last_seen") - pl.col("first_seen")).dt.total_seconds() / 3600
    return episodes.join(of_late, on="episode", how="left").select(
        *POINT,
        "meter_id",
        "first_seen",
        "last_seen",
        "rate_lh",
        "lost_l",
        pl.col("evidence_hours").cast(pl.Int32),
        kind=pl.lit(KIND),
        state=pl.when(pl.col("days") > limits.chronic_days)
        .then(pl.lit("chronic"))
        .when(hours >= limits.confirmed_h)
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("suspected")),
        confidence=(pl.col("evidence_hours") / hours).clip(0, 1)
        * (pl.col("rate_lh") / (pl.col("rate_lh") + pl.col("count_l"))),
    )
