"""``sql``: read-only questions to the published tables."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from cli.as_of import AsOfOption, known_at
from cli.home import HomeOption, open_home
from cli.seen_by import SeenByOption, meters_seen
from warehouse.published import render
from warehouse.sql import connect, query


class Format(StrEnum):
    """How the result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT statement.")],
    home: HomeOption = None,
    seen_by: SeenByOption = "",
    as_of: AsOfOption = "",
    format_: Annotated[Format, typer.Option("--format", help="How the result is written.")] = Format.table,
) -> None:
    """Runs one SELECT over the published tables; instants are UTC."""
    house = open_home(home)
    meters = meters_seen(house, seen_by) if seen_by else None
    result = query(connect(house.lake, house.organisation, meters, known_at(house, as_of)), statement)
    sys.stdout.buffer.write(render(result, format_.value))
