"""``sql``: read-only questions to the published tables."""

from typing import Annotated

import typer

from cli.as_of import AsOfOption, known_at
from cli.home import HomeOption, open_home
from cli.report_options import Format, FormatOption, print_report
from cli.seen_by import SeenByOption, meters_seen
from warehouse.sql import Reader, query


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT statement.")],
    home: HomeOption = None,
    seen_by: SeenByOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Runs one SELECT over the published tables; instants are UTC."""
    house = open_home(home)
    meters = meters_seen(house, seen_by) if seen_by else None
    result = query(Reader(house.lake, house.organisation, meters, known_at(house, as_of)), statement)
    print_report(result, form)
