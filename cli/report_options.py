"""What reports and other results share: their options, and how they are written."""

import sys
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import polars as pl
import typer

from registry.errors import RegistryError
from registry.imports.instants import YEARS
from warehouse.published import render

_Day = TypeVar("_Day", bound=date | None)


class Format(StrEnum):
    """How a result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def possible(day: _Day) -> _Day:
    """A day as it was given, if it lies in years that calendars can go on from.

    Raises:
        BadParameter: It does not.
    """
    if day is not None and not YEARS[0] <= day.year <= YEARS[1]:
        raise typer.BadParameter(f"{day.isoformat()[:10]} lies outside the years {YEARS[0]} to {YEARS[1]}.")
    return day


DAY = ["%Y-%m-%d"]
"""How days are written."""

FromOption = Annotated[datetime | None, typer.Option("--from", formats=DAY, callback=possible, help="First local day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=DAY, callback=possible, help="Last local day.")]
OnOption = Annotated[
    datetime | None, typer.Option("--on", formats=DAY, callback=possible, help="Local day; today if none.")
]
HeatingDayOption = Annotated[
    datetime | None,
    typer.Option("--on", formats=DAY, callback=possible, help="A day of the heating year; by default today."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is written.")]


def day_of(day: datetime | None) -> date | None:
    """The local day that was asked for; ``None`` where none was."""
    return day.date() if day else None


def given_days(from_: datetime | None, to: datetime | None) -> tuple[date | None, date | None]:
    """First and last local day that were asked for; ``None`` where none was.

    Raises:
        RegistryError: The last one lies before the first one.
    """
    first, last = day_of(from_), day_of(to)
    if first and last:
        _in_order(first, last)
    return first, last


def days_of(from_: datetime | None, to: datetime | None, *, latest: date, back: int) -> tuple[date, date]:
    """First and last local day of a period.

    Args:
        from_: First day that was given.
        to: Last day that was given.
        latest: Last day where none was given.
        back: Days of the period where no first day was given.

    Returns:
        Both days.

    Raises:
        RegistryError: The last one lies before the first one.
    """
    last = day_of(to) or latest
    first = day_of(from_) or last - timedelta(days=back - 1)
    _in_order(first, last)
    return first, last


def _in_order(first: date, last: date) -> None:
    if last < first:
        raise RegistryError(f"The period would end on {last}, before it begins on {first}: change --from or --to.")


def noon_of(day: datetime | None, zone: ZoneInfo, now: datetime) -> datetime:
    """Noon of the local day that was asked for; the present where none was."""
    return day.replace(hour=12, tzinfo=zone).astimezone(UTC) if day else now


def print_report(rows: pl.DataFrame, form: Format, *, for_people: bool = False) -> None:
    """Writes a result to standard output, shielded against formulas where people open it in a spreadsheet."""
    sys.stdout.buffer.write(render(rows, form.value, for_people=for_people))
