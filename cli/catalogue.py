"""``catalogue``: a file that any SQL client opens."""

from pathlib import Path
from typing import Annotated

import typer

from cli.home import HomeOption, open_home
from cli.messages import say
from warehouse.catalogue import write_catalogue


def catalogue(
    file: Annotated[Path, typer.Argument(help="The file; one that is there is replaced.")],
    home: HomeOption = None,
) -> None:
    """Writes a read-only catalogue of the published tables for DuckDB, DBeaver and other SQL clients."""
    house = open_home(home)
    write_catalogue(house.lake, file.absolute(), house.organisation)
    say(f"{file} shows the tables of {house.organisation} as they are now.")
