"""``sql``: read-only questions to the published tables."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from assets.installation import Installation
from cli.home import HomeOption, open_home
from registry.people import access, users
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
    seen_by: Annotated[
        str, typer.Option(help="Show what this person may see: e-mail address or number of the account.")
    ] = "",
    format_: Annotated[Format, typer.Option("--format", help="How the result is written.")] = Format.table,
) -> None:
    """Runs one SELECT over the published tables; instants are UTC."""
    house = open_home(home)
    meters = _meters_seen(house, seen_by) if seen_by else None
    result = query(connect(house.lake, house.organisation, meters), statement)
    sys.stdout.buffer.write(render(result, format_.value))


def _meters_seen(house: Installation, who: str) -> frozenset[str] | None:
    with house.registry.begin(readonly=True) as session:
        person = users.account_of(session, house.organisation, who)
        return access.visible_meters(session, f"user:{person.user_id}", house.organisation, datetime.now(UTC))
