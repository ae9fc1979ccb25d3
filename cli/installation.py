"""``init``: a new, empty installation."""

from pathlib import Path
from typing import Annotated

import typer

import settings
from assets.installation import open_installation
from assets.steps.publishing import publish_registry
from cli.home import HomeOption
from cli.messages import say
from pipelines.instance import prepare_instance
from registry.master_keys import make_file


def init(
    timezone: Annotated[str, typer.Option(help="IANA zone of the utility, e.g. Europe/Copenhagen.")],
    home: HomeOption = None,
    organisation: Annotated[str, typer.Option(help="Name of the organisation.")] = "default",
) -> None:
    """Makes a new, empty installation: directory, registry, master key, lake."""
    directory = make(settings.named(home), timezone, organisation)
    say(f"Made a new installation in {directory}; local days are those of {timezone}.")
    source = open_installation(directory).master_key_source
    if source.is_file:
        say(f"Its master key is {source.path}: keep a copy, elsewhere.")


def make(directory: Path, timezone: str, organisation: str = "default") -> Path:
    """Makes an installation.

    Args:
        directory: Where; must not hold one.
        timezone: IANA zone.
        organisation: Name of the organisation.

    Returns:
        The absolute directory.

    Raises:
        InstallationError: The zone is unknown or there is one already.
        RegistryError: There is no master key.
    """
    home = settings.create(directory, timezone, organisation)
    house = open_installation(home)
    source = house.master_key_source
    if source.is_file and not source.path.exists():
        make_file(source.path)
    _ = house.vault  # sees that there is a master key
    prepare_instance(house.settings.dagster_path)
    publish_registry(house)
    return home
