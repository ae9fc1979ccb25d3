"""Clocks of meters, day by day: V04 below the limit from which a single reading is questioned, and drift per day."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.phrases import phrase
from warehouse.transforms.validation.catalogue import DAY_KINDS
from warehouse.transforms.validation.rules import Rules, findings

DRIFT, SLOPE = DAY_KINDS  # a clock that is off, and one that goes wrong
_DAY = timedelta(days=1)


def clock_drift(device_time: pl.Expr, received_at: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """How far a meter's clock is ahead of the receipt [min]; by summer time or standard time, whichever is nearer."""
    wall = received_at.dt.convert_time_zone(zone.key)
    standard = wall.dt.base_utc_offset()
    apart = [
        (device_time - clock).dt.total_microseconds() / 60_000_000
        for clock in (wall.dt.replace_time_zone(None), received_at.dt.replace_time_zone(None) + standard)
    ]
    return pl.when(apart[0].abs() <= apart[1].abs()).then(apart[0]).otherwise(apart[1])


def judge_clocks(days: pl.DataFrame, spans: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Judges the clocks of meters on days (V04).

    A day is held against the ``slope_d`` days before it: their median is the usual delay of the receipt, as far as a
    delay may last, and their slope by Theil and Sen is what the clock goes wrong per day. Each day stands for all its
    readings with the median of their drifts: so there are 91 pairs in two weeks, and not 56,000.

    Args:
        days: A row per meter and local day with readings that tell the meter's clock, with the columns of scopes,
            ``day``, ``at`` (its start, UTC) and ``drift_min`` (median, as :func:`clock_drift` gives it); with as many
            days before the judged ones as the rule looks back, and one more.
        spans: ``meter_id``, ``first`` and ``last`` judged day, inclusive.
        rules: The rules.

    Returns:
        Findings at the start of a day; of consecutive days the first alone is told. Days on which single readings are
        questioned (:mod:`~warehouse.transforms.validation.identity`) have none of kind :data:`DRIFT`.
    """
    bounded = days.join(spans, on="meter_id").with_columns(reach=rules.parameter("V04", "slope_d").cast(pl.Int32))
    day = pl.col("day")
    parts = [bounded.clear().with_columns(delay=pl.col("drift_min"), known=pl.lit(0, pl.UInt32), slope_s_d="drift_min")]
    for one in bounded.filter(day.is_between(pl.col("first") - _DAY, "last"))["day"].unique().sort():
        now = bounded.filter((day == one) & pl.lit(one).is_between(pl.col("first") - _DAY, pl.col("last")))
        age = (pl.lit(one) - day).dt.total_days()
        past = bounded.filter((age >= 0) & (age <= pl.col("reach"))).join(now, on="meter_id", how="semi")
        before = past.filter(age > 0).group_by("meter_id").agg(delay=-pl.col("drift_min").median(), known=pl.len())
        slopes = clock_slopes(past.filter(age < pl.col("reach")), one)
        parts.append(now.join(before, on="meter_id", how="left").join(slopes, on="meter_id", how="left"))
    return _told(pl.concat(parts, how="vertical_relaxed"), rules)


def _told(days: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    least = rules.parameter("V04", "least_days_d")
    usual = pl.when(pl.col("known") >= least).then(
        pl.col("delay").clip(lower_bound=0.0, upper_bound=rules.parameter("V04", "latency_most_min"))
    )
    latency = pl.max_horizontal(rules.parameter("V04", "latency_min"), usual)
    drift = pl.col("drift_min") + latency
    plain = pl.col("drift_min") + rules.parameter("V04", "latency_min")
    slope = pl.when(pl.col("known") + 1 >= least).then("slope_s_d")
    judged = days.sort("meter_id", "day").with_columns(
        latency=latency,
        off=drift,
        slope=slope,
        is_off=(drift.abs() > rules.parameter("V04", "warn_min")) & (plain.abs() <= rules.parameter("V04", "fail_min")),
        is_slipping=(slope.abs() > rules.parameter("V04", "slope_s_d")).fill_null(value=False),
    )
    severity = pl.when(rules.severity("V04") == "pass").then(pl.lit("pass")).otherwise(pl.lit("warn"))
    inside = pl.col("day") >= pl.col("first")
    evidence = {
        "drift_min": pl.col("drift_min").round(3),
        "latency_min": pl.col("latency").round(3),
        "slope_s_d": pl.col("slope").round(3),
    }
    return findings(
        *(
            rules.found(
                judged,
                "V04",
                inside & pl.col(condition) & ~_on_the_day_before(condition),
                register=pl.lit("device_time"),
                reason=reason,
                evidence=evidence,
                kind=pl.lit(kind),
                severity=severity,
            )
            for kind, condition, reason in (
                (DRIFT, "is_off", phrase("The meter's clock is {} min ahead on the day.", pl.col("off").round(1))),
                (SLOPE, "is_slipping", phrase("The meter's clock gains {} s a day.", pl.col("slope").round(1))),
            )
        )
    )


def _on_the_day_before(condition: str) -> pl.Expr:
    same = (pl.col("meter_id") == pl.col("meter_id").shift(1)) & (pl.col("day") - pl.col("day").shift(1) == _DAY)
    return (same & pl.col(condition).shift(1)).fill_null(value=False)


def clock_slopes(days: pl.DataFrame, last: date) -> pl.DataFrame:
    """Drift of clocks per day, by Theil and Sen: the median of the slopes between all pairs of days.

    Args:
        days: ``meter_id``, ``day`` and ``drift_min``, each day once, over some weeks of at most some ten thousand
            meters.
        last: Newest day.

    Returns:
        ``meter_id`` and ``slope_s_d`` (seconds per day); null where there are fewer than two days.
    """
    meters = days["meter_id"].unique().sort()
    if meters.is_empty():
        return pl.DataFrame(schema={"meter_id": days.schema["meter_id"], "slope_s_d": pl.Float64})
    placed = days.select(
        row=pl.col("meter_id").rank("dense").cast(pl.Int64) - 1,
        age=(pl.lit(last) - pl.col("day")).dt.total_days(),
        drift="drift_min",
    ).drop_nulls()
    width = int(placed["age"].to_numpy().max(initial=0)) + 1
    drifts = np.full((meters.len(), width), np.nan)
    drifts[placed["row"].to_numpy(), placed["age"].to_numpy()] = placed["drift"].to_numpy()
    newer, older = np.triu_indices(width, 1)
    slopes = np.sort((drifts[:, newer] - drifts[:, older]) / (older - newer) * 60, axis=1)  # NaN stands last
    count = (~np.isnan(slopes)).sum(axis=1)
    rows = np.arange(meters.len())
    if slopes.shape[1]:
        low, high = slopes[rows, np.maximum(count - 1, 0) // 2], slopes[rows, np.minimum(count // 2, len(newer) - 1)]
        middle = np.where(count > 0, (low + high) / 2, np.nan)
    else:
        middle = np.full(meters.len(), np.nan)
    return pl.DataFrame({"meter_id": meters, "slope_s_d": middle}).with_columns(pl.col("slope_s_d").fill_nan(None))
