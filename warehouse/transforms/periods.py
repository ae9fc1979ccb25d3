"""Periods between two boundary registers: their consumption, quality and columns, and those made of shorter ones."""

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import CONSUMPTION_HOURLY, Table
from warehouse.transforms import calendar
from warehouse.transforms.boundaries import QUALITIES, A, E, F, I, M, N, X
from warehouse.transforms.estimation.policy import CODES, EXACT, HOLD, LIN, METHODS
from warehouse.transforms.exact import decimal, millionths

INSTANT_BEFORE = timedelta(microseconds=1)
CROSSED = ("correction", "unknown", "exchanged", "estimated")
"""What happened after the start of a period up to its end."""

_POINT = "metering_point"
_USUAL = {M: EXACT, X: EXACT, A: LIN, F: HOLD, I: LIN, E: HOLD, N: HOLD}
"""Method of a boundary of which only the quality is known."""


def roll_up(daily: pl.DataFrame, events: pl.DataFrame, *, zone: ZoneInfo) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Months and years of whole years of days: :func:`monthly`, and :func:`yearly` of it."""
    months = monthly(daily, events, zone=zone)
    return months, yearly(months, events, zone=zone)


def monthly(daily: pl.DataFrame, events: pl.DataFrame, *, zone: ZoneInfo) -> pl.DataFrame:
    """Reckons months from the boundary registers of their first and last days.

    Args:
        daily: Rows of ``consumption_daily`` of whole local months, as far as there are any, in any order.
        events: Rows of ``register_events`` of the same time, both ends included; others do no harm.
        zone: The utility's zone.

    Returns:
        Rows of ``consumption_monthly`` without ``known_from``, ``day`` being the first of the month, sorted as the
        table is. A month whose first or last day has no row lacks that boundary: quality ``N``, consumption null; its
        missing days count as interpolated in ``share_interpolated``.
    """
    return _rolled_up(daily, events, calendar.local_months, "1mo", zone)


def yearly(monthly: pl.DataFrame, events: pl.DataFrame, *, zone: ZoneInfo) -> pl.DataFrame:
    """Reckons years from the boundary registers of their first and last months.

    Args:
        monthly: Rows of ``consumption_monthly`` of whole local years, as far as there are any, in any order.
        events: Rows of ``register_events`` of the same time, both ends included; others do no harm.
        zone: The utility's zone.

    Returns:
        Rows of ``consumption_yearly`` without ``known_from``, as :func:`monthly` gives months.
    """
    return _rolled_up(monthly, events, calendar.local_years, "1y", zone)


def difference() -> pl.Expr:
    """Difference of the two registers plus the corrections; null where one of them is unknown."""
    difference = pl.col("end_value") - pl.col("start_value") + pl.col("correction")
    return pl.when(~pl.col("unknown")).then(difference).alias("consumption")


def judgement() -> list[pl.Expr]:
    """The worse quality of the two boundaries, the coarser method, and the gap that the period ends or begins in."""
    known = pl.col("consumption").is_not_null()
    ranks = pl.max_horizontal("start_rank", "end_rank", pl.when("estimated").then(E))
    names = pl.max_horizontal("start_method", "end_method").replace_strict(
        dict(enumerate(METHODS)), return_dtype=pl.String
    )
    ends_in_one = pl.col("end_gap").is_not_null()
    return [
        pl.when(known).then(ranks).otherwise(N).alias("rank"),
        pl.when(known).then(pl.when("exchanged").then(pl.lit("EXCHANGE")).otherwise(names)).alias("method"),
        pl.coalesce("end_gap", "start_gap").alias("gap_id"),
        pl.when(ends_in_one).then("end_gap_hours").otherwise("start_gap_hours").alias("gap_hours"),
    ]


def published(periods: pl.DataFrame) -> pl.DataFrame:
    """Gives periods the columns of the consumption tables, but ``known_from``."""
    letters = dict(enumerate(QUALITIES))
    return periods.with_columns(
        decimal("consumption"),
        decimal("start_value").alias("register_start"),
        decimal("end_value").alias("register_end"),
        *(
            pl.col(rank).replace_strict(letters, return_dtype=pl.String).alias(name)
            for rank, name in (("rank", "quality"), ("start_rank", "start_quality"), ("end_rank", "end_quality"))
        ),
        calendar.month(pl.col("period_start")).alias("month"),
    ).select(columns_of(CONSUMPTION_HOURLY))


def columns_of(table: Table) -> list[str]:
    """Names of a table's columns but ``known_from``, which only the writer knows."""
    return [column.name for column in table.columns if column.name != "known_from"]


def _rolled_up(
    parts: pl.DataFrame,
    events: pl.DataFrame,
    calendar_of: Callable[[date, date, ZoneInfo], pl.DataFrame],
    every: str,
    zone: ZoneInfo,
) -> pl.DataFrame:
    """Longer periods from their parts and events."""
    if parts.is_empty():
        return parts.select(columns_of(CONSUMPTION_HOURLY))
    first, last = parts.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    bounds = calendar_of(first, last, zone).rename({"day": "first_day", "start": "period_start", "end": "period_end"})
    start_rank, end_rank = (rank_of(name) for name in ("start_quality", "end_quality"))
    opens, closes = pl.col("part_start") == pl.col("period_start"), pl.col("part_end") == pl.col("period_end")
    measured = (1 - pl.col("share_interpolated")) * (pl.col("part_end") - pl.col("part_start")).dt.total_microseconds()
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_microseconds()
    summed = (
        parts.rename({"period_start": "part_start", "period_end": "part_end"})
        .with_columns(first_day=pl.col("day").dt.truncate(every))
        .join(bounds, on="first_day")
        .sort("part_start")
        .group_by("organisation", _POINT, "register", "unit", "first_day", "period_start", "period_end")
        .agg(
            meter_id=pl.col("meter_id").last(),
            start_value=millionths("register_start").filter(opens).first(),
            end_value=millionths("register_end").filter(closes).last(),
            start_rank=start_rank.filter(opens).first(),
            end_rank=end_rank.filter(closes).last(),
            start_method=method_of(start_rank).filter(opens).first(),
            end_method=method_of(end_rank).filter(closes).last(),
            # A gap that begins inside the first part is not the one that its start lies in.
            start_gap=pl.col("gap_id").filter(opens & (pl.col("gap_id") < pl.col("part_start"))).first(),
            start_gap_hours=pl.col("gap_hours").filter(opens & (pl.col("gap_id") < pl.col("part_start"))).first(),
            end_gap=pl.col("gap_id").filter(closes & (end_rank > X) & (end_rank < N)).last(),
            end_gap_hours=pl.col("gap_hours").filter(closes & (end_rank > X) & (end_rank < N)).last(),
            measured=measured.sum(),
        )
        .with_columns(
            pl.col("start_rank", "end_rank").fill_null(N),
            pl.col("start_method", "end_method").fill_null(HOLD),
            share_interpolated=1 - pl.col("measured") / whole,
        )
    )
    exchange = pl.col("kind") == "EXCHANGE"
    crossed = (
        events.with_columns(
            first_day=calendar.local_day(pl.col("at") - INSTANT_BEFORE, zone).dt.truncate(every),
            correction=millionths("correction"),
        )
        .group_by("organisation", _POINT, "register", "first_day")
        .agg(
            pl.col("correction").sum(),
            unknown=pl.col("correction").is_null().any(),
            exchanged=exchange.any(),
            estimated=(exchange & pl.col("before").is_null()).any(),
        )
    )
    return published(
        summed.join(crossed, on=["organisation", _POINT, "register", "first_day"], how="left")
        .with_columns(
            pl.col("correction").fill_null(0),
            pl.col("unknown", "exchanged", "estimated").fill_null(value=False),
            day="first_day",
        )
        .with_columns(difference())
        .with_columns(judgement())
        .sort(_POINT, "register", "period_start")
    )


def rank_of(quality: str) -> pl.Expr:
    """Index in ``QUALITIES`` of a column of quality letters."""
    ranks = {letter: rank for rank, letter in enumerate(QUALITIES)}
    return pl.col(quality).replace_strict(ranks, return_dtype=pl.Int8)


def method_of(rank: pl.Expr) -> pl.Expr:
    """Method of a boundary: that of the part beside it where it is estimated, else the usual one of its quality."""
    method = pl.col("method").replace_strict(CODES, default=None, return_dtype=pl.Int8)
    usual = rank.replace_strict(_USUAL, return_dtype=pl.Int8)
    return pl.when((rank > X) & (rank < N)).then(pl.coalesce(method, usual)).otherwise(usual)
