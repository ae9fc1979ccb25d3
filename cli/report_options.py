"""What the commands of ``report`` share: options, members of groups, writing."""

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer

from assets.installation import Installation
from registry.errors import RegistryError
from warehouse.published import render
from warehouse.queries import subjects


class Format(StrEnum):
    """How a report is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


FromOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")]
GroupOption = Annotated[str, typer.Option("--group", help="Only metering points of this group.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the report is written.")]


def members(house: Installation, group: str) -> pl.DataFrame | None:
    """The metering points that belong to a group now; ``None`` where none is named.

    Raises:
        RegistryError: There is no such group.
    """
    if not group:
        return None
    if group not in subjects.groups(house.lake, house.organisation)["group"]:
        raise RegistryError(f"There is no group {group}; 'meterhouse group list' names them.")
    now = pl.lit(datetime.now(UTC))
    points = subjects.group(house.lake, house.organisation, group)
    begun = (pl.col("valid_from") <= now).fill_null(value=True)
    return points.filter(begun, (pl.col("valid_to") > now).fill_null(value=True)).select("metering_point")


def day_of(day: datetime | None) -> date | None:
    """The local day that was asked for; ``None`` where none was."""
    return day.date() if day else None


def noon_of(day: datetime | None, zone: ZoneInfo) -> datetime:
    """Noon of the local day that was asked for; the present where none was."""
    return day.replace(hour=12, tzinfo=zone).astimezone(UTC) if day else datetime.now(UTC)


def print_report(rows: pl.DataFrame, form: Format) -> None:
    """Writes a report to standard output."""
    sys.stdout.buffer.write(render(rows, form.value))
