"""The installation a command works on."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

import settings
from assets.installation import Installation, open_installation

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
    """
    directory = settings.locate(home)
    os.environ["METERHOUSE_HOME"] = str(directory)
    os.environ["DAGSTER_HOME"] = str(directory / "dagster")
    return open_installation(directory)


def identity() -> str:
    """Who the command line acts as: the owner of the installation's directory, on this machine."""
    return f"local:{getpass.getuser()}"
