"""The queue of exceptions."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import READINGS, VEE_EXCEPTIONS
from warehouse.transforms.calendar import local_day


def exceptions(
    lake: Readable,
    organisation: str,
    *,
    zone: ZoneInfo,
    states: Collection[str] = ("open",),
    rule: str = "",
    meter_id: str = "",
    first: date | None = None,
    last: date | None = None,
) -> pl.DataFrame:
    """Exceptions, the newest first.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        zone: The utility's zone.
        states: Only of these states; empty takes all.
        rule: Only of this rule.
        meter_id: Only of this meter.
        first: First local day.
        last: Last local day, inclusive.

    Returns:
        Rows of ``vee_exceptions``.
    """
    rows = lake.scan(VEE_EXCEPTIONS).filter(pl.col("organisation") == organisation)
    if states:
        rows = rows.filter(pl.col("state").is_in(list(states)))
    if rule:
        rows = rows.filter(pl.col("rule") == rule)
    if meter_id:
        rows = rows.filter(pl.col("meter_id") == meter_id)
    day = local_day(pl.col("at"), zone)
    if first is not None:
        rows = rows.filter(day >= first)
    if last is not None:
        rows = rows.filter(day <= last)
    return rows.sort("at", "meter_id", "register", "rule", descending=[True, False, False, False]).collect()


def extent(lake: Readable, organisation: str, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day of any exception; ``None`` where there never was one."""
    rows = lake.scan(VEE_EXCEPTIONS).filter(pl.col("organisation") == organisation)
    first, last = rows.select(first=pl.col("at").min(), last=pl.col("at").max()).collect().row(0)
    return None if first is None else (first.astimezone(zone).date(), last.astimezone(zone).date())


def around(
    lake: Readable, organisation: str, meter_id: str, register: str, at: datetime, reach: timedelta = timedelta(days=7)
) -> pl.DataFrame:
    """Readings of a meter around a questioned value.

    Args:
        lake: Where the tables are.
        organisation: Whose meter.
        meter_id: The meter.
        register: Register or gauge.
        at: Time of the questioned value, UTC.
        reach: How far to either side.

    Returns:
        ``measured_at``, ``value`` (of the register; never null), ``quality`` and ``source``, by time.
    """
    first, last = at - reach, at + reach
    return (
        lake.scan(READINGS)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}")),
            pl.col("meter_id") == meter_id,
            pl.col("measured_at").is_between(pl.lit(first), pl.lit(last)),
            pl.col(register).is_not_null(),
        )
        .select("measured_at", "quality", "source", value=register)
        .sort("measured_at")
        .collect()
    )
