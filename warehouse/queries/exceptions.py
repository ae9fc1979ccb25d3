"""The queue of exceptions."""

from collections.abc import Collection
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import VEE_EXCEPTIONS
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
