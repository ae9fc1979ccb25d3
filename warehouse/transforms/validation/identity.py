"""Times and identity: V01 to V04. V24, another meter without registers, is an event of registers."""

from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.phrases import phrase
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.validation.catalogue import WHOLE
from warehouse.transforms.validation.rules import Rules, findings

_SERIES = ("meter_id",)
_ALL = pl.lit(WHOLE)


def minutes(name: pl.Expr) -> pl.Expr:
    """A number of minutes as a duration."""
    return pl.duration(microseconds=(name * 60_000_000).cast(pl.Int64))


def judge_times(rows: pl.DataFrame, rules: Rules, zone: ZoneInfo) -> pl.DataFrame:
    """Judges when readings were taken (V01 to V04).

    Args:
        rows: As :func:`~warehouse.transforms.validation.inputs.placed` gives them.
        rules: The rules.
        zone: The utility's zone: meters' clocks show its time, or its standard time all year.

    Returns:
        Findings.
    """
    judged = rows.lazy().with_columns(drift_min=clock_drift(pl.col("device_time"), pl.col("received_at"), zone))
    return findings(_repeated(judged, rules), _ahead(judged, rules), _old(judged, rules), _clock(judged, rules))


def clock_drift(device_time: pl.Expr, received_at: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """How far a meter's clock is ahead of the receipt [min]; by summer time or standard time, whichever is nearer."""
    wall = received_at.dt.convert_time_zone(zone.key)
    standard = wall.dt.base_utc_offset()
    apart = [
        (device_time - clock).dt.total_microseconds() / 60_000_000
        for clock in (wall.dt.replace_time_zone(None), received_at.dt.replace_time_zone(None) + standard)
    ]
    return pl.when(apart[0].abs() <= apart[1].abs()).then(apart[0]).otherwise(apart[1])


def _repeated(rows: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    same = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in ("meter_id", "device_time", *CUMULATIVE)]
    known = pl.col("device_time").is_not_null()
    return rules.found(
        rows,
        "V01",
        known & pl.all_horizontal(same),
        register=_ALL,
        reason=phrase("The same reading stands at {}, too.", pl.col("at").shift(1)),
        evidence={"device_time": pl.col("device_time").cast(pl.String)},
    )


def _ahead(rows: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    receipt = pl.min_horizontal("received_at", "landed_at")
    ahead = (pl.col("at") - receipt).dt.total_microseconds() / 60_000_000
    return rules.found(
        rows,
        "V02",
        ahead > rules.parameter("V02", "ahead_min"),
        register=_ALL,
        reason=phrase("The reading time lies {} min after its receipt.", ahead.round(1)),
        evidence={"ahead_min": ahead, "limit_min": rules.parameter("V02", "ahead_min")},
    )


def _old(rows: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    # A frame that was heard is as old as its reception; what a meter sends before it is installed is V20's.
    dated = (pl.col("at") != pl.col("received_at")) | pl.col("source").is_in(["import", "manual"])
    early = (pl.col("first_installed_at") - pl.col("at")).dt.total_microseconds() / 86_400_000_000
    age = (pl.col("landed_at") - pl.col("at")).dt.total_microseconds() / 86_400_000_000
    too_early = (dated & (early > rules.parameter("V03", "before_install_d"))).fill_null(value=False)
    too_old = (pl.col("source") != "logger") & (age > rules.parameter("V03", "before_receipt_d"))
    return rules.found(
        rows,
        "V03",
        too_early | too_old,
        register=_ALL,
        reason=pl.when(too_early)
        .then(phrase("The reading is {} days older than the first installation.", early.round(1)))
        .otherwise(phrase("The reading came {} days after its time.", age.round(1))),
        evidence={"before_install_d": early, "before_receipt_d": age},
        series=_SERIES,
    )


def _clock(rows: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    drift = pl.col("drift_min") + rules.parameter("V04", "latency_min")
    severity = (
        pl.when(drift.abs() > rules.parameter("V04", "fail_min"))
        .then(rules.severity("V04"))
        .when(rules.severity("V04").is_not_null())
        .then(pl.when(rules.severity("V04") == "pass").then(pl.lit("pass")).otherwise(pl.lit("warn")))
    )
    return rules.found(
        rows,
        "V04",
        drift.abs() > rules.parameter("V04", "warn_min"),
        register=_ALL,
        reason=phrase("The meter's clock is {} min ahead of the receipt.", drift.round(1)),
        evidence={"drift_min": drift, "device_time": pl.col("device_time").cast(pl.String)},
        severity=severity,
        series=_SERIES,
    )


def clock_slopes(drifts: pl.DataFrame) -> pl.DataFrame:
    """Drift of clocks per day, by Theil and Sen: the median of the slopes between all pairs of days.

    Args:
        drifts: ``meter_id``, ``at`` (UTC) and ``drift_min``, over some days of few meters.

    Returns:
        ``meter_id`` and ``slope_s_d`` (seconds per day); null where there are fewer than two days.
    """
    daily = drifts.group_by("meter_id", day=pl.col("at").dt.truncate("1d")).agg(
        pl.col("drift_min").median(), at=pl.col("at").median()
    )
    pairs = daily.join(daily, on="meter_id", suffix="_later").filter(pl.col("day") < pl.col("day_later"))
    apart_d = (pl.col("at_later") - pl.col("at")).dt.total_microseconds() / 86_400_000_000
    slopes = pairs.group_by("meter_id").agg(
        slope_s_d=((pl.col("drift_min_later") - pl.col("drift_min")) * np.float64(60) / apart_d).median()
    )
    return drifts.select("meter_id").unique().join(slopes, on="meter_id", how="left").sort("meter_id")
