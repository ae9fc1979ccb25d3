"""The installation a command works on."""

import os
from pathlib import Path
from typing import Annotated

import typer

import settings
from assets.installation import Installation, open_installation
from cli.acting import act_in

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Directory of the installation; METERHOUSE_HOME by default.")
]


def open_home(home: Path | None) -> Installation:
    """Opens the installation and names it to everything this process starts.

    Args:
        home: Directory given on the command line, if any.

    Returns:
        Its handles.

    Raises:
        InstallationError: There is none.
        Denied: The service that the command acts as may not run it.
    """
    directory = settings.locate(home)
    os.environ["METERHOUSE_HOME"] = str(directory)
    os.environ["DAGSTER_HOME"] = str(directory / "dagster")
    house = open_installation(directory)
    act_in(house)
    return house
