"""``sql``: read-only questions to the published tables."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from cli.home import HomeOption, open_home
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
    format_: Annotated[Format, typer.Option("--format", help="How the result is written.")] = Format.table,
) -> None:
    """Runs one SELECT over the published tables; instants are UTC."""
    house = open_home(home)
    result = query(connect(house.lake, house.organisation), statement)
    sys.stdout.buffer.write(render(result, format_.value))
