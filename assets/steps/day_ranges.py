"""Touched local days, and what was heard in them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl

from assets.installation import Installation
from warehouse.schemas import OUTCOMES, Table
from warehouse.transforms.calendar import local_day, local_days

DAYS_AT_ONCE = 31
"""Local days reckoned and committed together; bounds the memory of a back-fill."""


class DayRange(NamedTuple):
    """Consecutive local days that are reckoned together.

    Attributes:
        first: First day.
        last: Last day, inclusive.
        meters: Meters to be reckoned again; ``None``: all there are.
    """

    first: date
    last: date
    meters: pl.Series | None


def touched_days(house: Installation, spans: pl.DataFrame) -> list[date]:
    """The local days of some stretches, in order.

    Args:
        house: The installation.
        spans: ``meter_id``, ``first_at``, ``last_at`` (UTC, both inclusive).
    """
    zone = house.settings.zone
    ranges = spans.select(first=local_day(pl.col("first_at"), zone), last=local_day(pl.col("last_at"), zone)).unique()
    days: list[date] = ranges.select(day=pl.date_ranges("first", "last")).explode("day").to_series().unique().to_list()
    return sorted(day for day in days if day is not None)


def runs(days: Sequence[date], meters: pl.Series | None) -> list[DayRange]:
    """Runs of consecutive days, at most ``DAYS_AT_ONCE`` long."""
    table = pl.DataFrame({"day": sorted(set(days))}, schema={"day": pl.Date})
    table = table.with_columns(run=(pl.col("day").diff() != timedelta(days=1)).fill_null(value=True).cum_sum())
    table = table.with_columns(part=pl.int_range(pl.len()).over("run") // DAYS_AT_ONCE)
    bounds = table.group_by("run", "part").agg(first=pl.col("day").min(), last=pl.col("day").max()).sort("first")
    return [DayRange(first, last, meters) for first, last in bounds.select("first", "last").rows()]


def bounds_of(house: Installation, days: DayRange) -> tuple[datetime, datetime]:
    """Start of the first and end of the last day, UTC."""
    found = local_days(days.first, days.last, house.settings.zone)
    return found["start"][0], found["end"][-1]


def rows_between(
    house: Installation, table: Table, at: str, bounds: tuple[datetime, datetime], meters: pl.Series | None
) -> pl.LazyFrame:
    """Rows of the organisation in a half-open stretch of time, of some meters or of all."""
    rows = house.lake.scan(table).filter(
        (pl.col("organisation") == house.organisation)
        & pl.col(at).is_between(pl.lit(bounds[0]), pl.lit(bounds[1]), closed="left")
    )
    return rows if meters is None else rows.filter(pl.col("meter_id").is_in(meters.implode()))


def last_attempts(
    house: Installation,
    bounds: tuple[datetime, datetime],
    meters: pl.Series | None,
    columns: Sequence[str],
    *,
    unread: bool = False,
) -> pl.DataFrame:
    """What became in the end of the receptions of a stretch of time of which a meter is known.

    Args:
        house: The installation.
        bounds: Start and end of the stretch, UTC, half-open.
        meters: Of these meters; ``None``: of all.
        columns: Columns of ``outcomes`` to give, ``frame_id`` and ``outcome`` besides.
        unread: Whether only those that gave no reading are asked for.
    """
    attempts = rows_between(house, OUTCOMES, "received_at", bounds, meters).filter(pl.col("meter_id").is_not_null())
    if unread:
        attempts = attempts.filter(~_is_read() | (pl.col("attempt") > 1))
    found = attempts.select({"frame_id", "outcome", "attempt", *columns}).collect()
    # Nearly all are decoded at the first attempt: only the others need be compared.
    again = found.filter(pl.col("attempt") > 1).select("frame_id").unique()
    if again.height:
        last = found.join(again, on="frame_id", how="semi").sort("attempt").unique("frame_id", keep="last")
        found = pl.concat([found.join(again, on="frame_id", how="anti"), last])
    return found.filter(~_is_read()) if unread else found


def _is_read() -> pl.Expr:
    return pl.col("outcome").is_in(["decoded", "partial"])
