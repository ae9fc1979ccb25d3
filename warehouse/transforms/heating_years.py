"""Heating years: twelve months that begin in summer, named by their first day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.calendar import local_days


def year_of(day: pl.Expr, first_month: int) -> pl.Expr:
    """First local day of the heating year that a local day lies in.

    Args:
        day: Local days.
        first_month: Month with which heating years begin.
    """
    year = day.dt.year() - (day.dt.month() < first_month).cast(pl.Int32)
    return pl.date(year, first_month, 1)


def last_day_of(first_day: date) -> date:
    """Last local day of the heating year that begins on a day."""
    return date.fromordinal(following(first_day).toordinal() - 1)


def following(first_day: date) -> date:
    """First day of the next heating year."""
    return first_day.replace(year=first_day.year + 1)


def before(first_day: date) -> date:
    """First day of the heating year before."""
    return first_day.replace(year=first_day.year - 1)


def bounds(first_day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of the heating year that begins on a day (UTC, half open)."""
    days = local_days(first_day, last_day_of(first_day), zone)
    start, end = days["start"][0], days["end"][-1]
    assert isinstance(start, datetime)  # noqa: S101  a year has days
    assert isinstance(end, datetime)  # noqa: S101
    return start, end
