"""``backup``: back-ups of the installation, whether they hold, and their way back."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.steps.backing_up import back_up, told
from assets.steps.restoring import restore as restore_house
from assets.steps.restoring import verify as verify_backup
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.tables import print_rows
from connectors import backups
from pipelines.instance import prepare_instance
from registry.errors import RegistryError

app = typer.Typer(add_completion=False, help="Back-ups.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder of the back-ups.", file_okay=False)]
At = Annotated[str, typer.Option("--at", help="Name of the back-up, see 'backup list'; the newest by default.")]


@app.callback()
def backup() -> None:
    """Back-ups of registry, landing archive, lake and settings; never of the master key."""


@app.command()
def create(
    folder: Folder,
    home: HomeOption = None,
    keep: Annotated[int | None, typer.Option(min=1, help="Back-ups that stay; all by default.")] = None,
) -> None:
    """Makes a back-up while everything goes on; what did not change since the one before is not copied again."""
    house = open_home(home)
    made = back_up(house, folder, keep=keep, identity=identity(), now=datetime.now(UTC))
    say(f"{told(made)}. The master key is not in it: keep a copy of that elsewhere.")


@app.command("list")
def list_(folder: Folder) -> None:
    """Lists the back-ups in a folder, the newest first."""
    found = [backups.read(folder, name) for name in reversed(backups.names(folder))]
    print_rows(
        ("name", "meterhouse", "files", "bytes"),
        [(one.name, one.about["meterhouse"], len(one.files), sum(file.size for file in one.files)) for one in found],
    )


@app.command()
def verify(folder: Folder, home: HomeOption = None, at: At = "") -> None:
    """Tries a back-up out: every file, every table, the chain of audit events, and the installation's master key."""
    house = open_home(home)
    found = verify_backup(folder, at, house.master_key_source, datetime.now(UTC))
    say(
        f"{found.name} holds: {found.files} files as they were backed up, {found.tables} tables with their rows, "
        f"{found.events} audit events in their chain, and the master key opens its keys."
    )


@app.command()
def restore(
    folder: Folder,
    home: Annotated[Path, typer.Option("--home", help="Directory to be made; must not hold anything.")],
    at: At = "",
) -> None:
    """Makes an installation of a back-up."""
    done = restore_house(folder, at, home, identity=identity(), now=datetime.now(UTC))
    house, agreement = done.house, done.agreement
    os.environ["METERHOUSE_HOME"] = str(house.settings.home)
    prepare_instance(house.settings.dagster_path)
    say(
        f"{house.settings.home} is as it was at {done.name}. Landed files that the registry did not know: "
        f"{agreement.learned} with rows in the lake, {agreement.found} still to be read; {agreement.lost} are read "
        "again. Run 'meterhouse materialize', then 'meterhouse audit verify'; repeat erasures of since then."
    )
    try:
        _ = house.vault
    except RegistryError as exc:
        complain(f"Restored, but its keys do not open. {exc}")
        raise typer.Exit(1) from exc
    say("The master key opens its keys.")
