"""What reports and other results share: their options, and how they are written."""

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer

from warehouse.published import render


class Format(StrEnum):
    """How a result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


FromOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is written.")]


def day_of(day: datetime | None) -> date | None:
    """The local day that was asked for; ``None`` where none was."""
    return day.date() if day else None


def noon_of(day: datetime | None, zone: ZoneInfo, now: datetime) -> datetime:
    """Noon of the local day that was asked for; the present where none was."""
    return day.replace(hour=12, tzinfo=zone).astimezone(UTC) if day else now


def print_report(rows: pl.DataFrame, form: Format, *, for_people: bool = False) -> None:
    """Writes a result to standard output, shielded against formulas where people open it in a spreadsheet."""
    sys.stdout.buffer.write(render(rows, form.value, for_people=for_people))
