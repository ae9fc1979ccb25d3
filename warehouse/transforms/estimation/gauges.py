"""Gauges between two readings: linear, across short gaps only (§3.6).

For pages and exports that show a gauge on a grid. Nothing derived from gauges is stored, so measured values stay what
they are. Info codes are no gauges: what a code said between two readings is not known.
"""

from datetime import timedelta

import polars as pl

from warehouse.schemas.registers import GAUGES
from warehouse.transforms.boundaries import QUALITIES, A, I, M, N
from warehouse.transforms.estimation.choice import ALIGNED

LONGEST = 3
"""Longest gap that is filled, in expected intervals."""


def gauge_at(readings: pl.DataFrame, instants: pl.DataFrame, gauge: str, expected_interval: timedelta) -> pl.DataFrame:
    """Interpolates a gauge at instants.

    Args:
        readings: ``meter_id``, ``measured_at`` (UTC), ``quality`` and the gauge, in any order; only measured values
            count.
        instants: ``meter_id`` and ``at`` (UTC).
        gauge: Name of a gauge of ``readings``.
        expected_interval: Time between two readings of the source.

    Returns:
        The instants, sorted, with the gauge (its unit; null where the readings around lie more than three expected
        intervals apart, or one is missing) and its ``quality``: ``M`` at a reading, ``A`` between two that follow each
        other as expected, else ``I`` or ``N``.

    Raises:
        ValueError: The column is no gauge: a register is differenced, and a code is not a number.
    """
    if gauge not in GAUGES:
        raise ValueError(f"{gauge} is no gauge and is never interpolated; gauges are {', '.join(GAUGES)}.")
    known = (
        readings.filter(pl.col("quality") == "M", pl.col(gauge).is_not_null())
        .select("meter_id", from_at="measured_at", value=gauge)
        .unique(["meter_id", "from_at"])
        .sort("meter_id", "from_at")
        .with_columns(
            next_at=pl.col("from_at").shift(-1).over("meter_id"), next_value=pl.col("value").shift(-1).over("meter_id")
        )
    )
    found = instants.sort("meter_id", "at").join_asof(
        known, left_on="at", right_on="from_at", by="meter_id", strategy="backward", check_sortedness=False
    )
    width = pl.col("next_at") - pl.col("from_at")
    share = (pl.col("at") - pl.col("from_at")) / width
    rank = (
        pl.when(pl.col("at") == pl.col("from_at"))
        .then(M)
        .when(width <= expected_interval * ALIGNED)
        .then(A)
        .when(width <= expected_interval * LONGEST)
        .then(I)
        .otherwise(N)
    )
    line = pl.col("value") + (pl.col("next_value") - pl.col("value")) * share
    return found.with_columns(rank=rank).select(
        *instants.columns,
        pl.when(pl.col("rank") == M).then("value").when(pl.col("rank") < N).then(line).alias(gauge),
        quality=pl.col("rank").replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String),
    )
