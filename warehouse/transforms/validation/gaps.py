"""Missing values: V12 and V21."""

from datetime import date, timedelta

import polars as pl

from warehouse.phrases import phrase
from warehouse.transforms.validation.catalogue import WHOLE
from warehouse.transforms.validation.rules import Rules, findings


def judge_gaps(rows: pl.DataFrame, rules: Rules, expected_interval: timedelta) -> pl.DataFrame:
    """Finds stretches without an expected reading (V12).

    Args:
        rows: As :func:`~warehouse.transforms.validation.inputs.placed` gives them.
        rules: The rules.
        expected_interval: Time between two readings of the source.

    Returns:
        Findings at the time at which the first missing reading was expected.
    """
    same = (pl.col("meter_id") == pl.col("meter_id").shift(1)) & pl.col("metering_point").eq_missing(
        pl.col("metering_point").shift(1)
    )
    since = pl.when(same).then(pl.col("at").shift(1))
    widths = (pl.col("at") - since).dt.total_microseconds() / (expected_interval / timedelta(microseconds=1))
    judged = rows.lazy().with_columns(intervals=widths, missed_at=since + expected_interval)
    return rules.found(
        judged,
        "V12",
        pl.col("metering_point").is_not_null() & (pl.col("intervals") > rules.parameter("V12", "intervals")),
        at="missed_at",
        register=pl.lit(WHOLE),
        reason=phrase("No reading until {}.", pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
        evidence={"missing": (pl.col("intervals").round() - 1).cast(pl.Int64)},
    )


def judge_silence(last_seen: pl.DataFrame, rules: Rules, as_of: date) -> pl.DataFrame:
    """Finds meters of which no reading ever came (V21).

    Args:
        last_seen: Meters without a reading with the columns of scopes, ``day`` (local day of installation) and ``at``
            (end of that day, UTC).
        rules: The rules.
        as_of: Newest day that was reckoned.

    Returns:
        Findings at the end of the day of installation.
    """
    silent = (pl.lit(as_of) - pl.col("day")).dt.total_days()
    return findings(
        rules.found(
            last_seen,
            "V21",
            silent > rules.parameter("V21", "days_d"),
            register=pl.lit(WHOLE),
            reason=phrase("No reading ever came; it was installed on {}.", pl.col("day")),
            evidence={"installed_on": pl.col("day").cast(pl.String)},
        )
    )
