"""Consumption over any stretch of local days, from the boundary registers of the periods that open and close it."""

import polars as pl

from warehouse.schemas import INSTANT
from warehouse.transforms.boundaries import QUALITIES, N
from warehouse.transforms.estimation.policy import HOLD
from warehouse.transforms.exact import decimal, millionths
from warehouse.transforms.periods import difference, judgement, method_of, rank_of

_COURSE = ("metering_point", "register")


def between(opening: pl.DataFrame, closing: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Reckons one stretch of each course; what happened inside does not matter but for breaks (ALGORITHMS §2.2, §2.5).

    Args:
        opening: Rows of a consumption table whose periods begin with the stretch, one per metering point and register.
        closing: Rows of a consumption table whose periods end with it.
        events: Rows of ``register_events`` after its start up to its end, this included.

    Returns:
        ``metering_point``, ``register``, ``meter_id`` (the last one), ``unit``, ``consumption`` (Decimal; null where a
        boundary is unknown), ``quality`` (of the worse boundary; ``N`` where null), ``method``, ``register_start`` and
        ``register_end``, by point and register. A course with one of the boundaries alone has a row, too.
    """
    starts, ends = (
        rows.select(
            *_COURSE,
            "unit",
            "meter_id",
            millionths(f"register_{side}").alias(f"{side}_value"),
            rank_of(f"{side}_quality").alias(f"{side}_rank"),
            method_of(rank_of(f"{side}_quality")).alias(f"{side}_method"),
            pl.lit(None, INSTANT).alias(f"{side}_gap"),
            pl.lit(None, pl.Float64).alias(f"{side}_gap_hours"),
        )
        for rows, side in ((opening, "start"), (closing, "end"))
    )
    exchange = pl.col("kind") == "EXCHANGE"
    crossed = (
        events.with_columns(correction=millionths("correction"))
        .group_by(_COURSE)
        .agg(
            pl.col("correction").sum(),
            unknown=pl.col("correction").is_null().any(),
            exchanged=exchange.any(),
            estimated=(exchange & pl.col("before").is_null()).any(),
        )
    )
    letters = dict(enumerate(QUALITIES))
    return (
        starts.join(ends, on=_COURSE, how="full", coalesce=True)
        .join(crossed, on=_COURSE, how="left")
        .with_columns(
            pl.col("correction").fill_null(0),
            pl.col("unknown", "exchanged", "estimated").fill_null(value=False),
            pl.col("start_rank", "end_rank").fill_null(N),
            pl.col("start_method", "end_method").fill_null(HOLD),
            pl.coalesce("meter_id_right", "meter_id").alias("meter_id"),
            pl.coalesce("unit", "unit_right").alias("unit"),
        )
        .with_columns(difference())
        .with_columns(judgement())
        .select(
            *_COURSE,
            "meter_id",
            "unit",
            decimal("consumption"),
            pl.col("rank").replace_strict(letters, return_dtype=pl.String).alias("quality"),
            "method",
            decimal("start_value").alias("register_start"),
            decimal("end_value").alias("register_end"),
        )
        .sort(_COURSE)
    )
