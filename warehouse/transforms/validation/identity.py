"""Times and identity: V01 to V04. V24, another meter without registers, is an event of registers."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.phrases import phrase
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.validation.catalogue import WHOLE
from warehouse.transforms.validation.clocks import clock_drift
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
    # What is less stands in the findings about the day, which know the meter's usual delay.
    drift = pl.col("drift_min") + rules.parameter("V04", "latency_min")
    return rules.found(
        rows,
        "V04",
        drift.abs() > rules.parameter("V04", "fail_min"),
        register=_ALL,
        reason=phrase("The meter's clock is {} min ahead of the receipt.", drift.round(1)),
        evidence={"drift_min": drift, "device_time": pl.col("device_time").cast(pl.String)},
        series=_SERIES,
    )
