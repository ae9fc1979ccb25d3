"""``key batch``: deliveries under one reference."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.devices import Devices, DevicesFile, named_serials
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects
from registry import batches
from registry.imports.instants import read_instant

app = typer.Typer(add_completion=False, help="Batches of devices.", no_args_is_help=True)


@app.callback()
def batch() -> None:
    """Batches of devices."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its reference.")],
    devices: Devices = None,
    file: DevicesFile = None,
    home: HomeOption = None,
    target: Annotated[str, typer.Option(help="Whom it is meant for: short name or public id.")] = "",
    label: Annotated[str, typer.Option(help="Label of its devices.")] = "",
    confirmation: Annotated[
        bool, typer.Option("--confirmation/--no-confirmation", help="Whether claims by it wait for your confirmation.")
    ] = True,
) -> None:
    """Makes a batch of devices."""
    house = open_home(home)
    serials = named_serials(devices, file)
    with house.registry.begin() as session:
        meters = batches.create(
            session,
            house.organisation,
            name,
            serials,
            identity=identity(),
            now=datetime.now(UTC),
            target=target or None,
            label=label or None,
            needs_confirmation=confirmation,
            letters=house.letters,
        )
    publish_registry(house)
    say(f"The batch {name} has {len(meters)} devices.")


@app.command("list")
def list_(
    home: HomeOption = None,
    name: Annotated[str, typer.Option(help="Part of the reference.")] = "",
    confirmation: Annotated[str, typer.Option(help="open, pending or confirmed.")] = "",
    serial: Annotated[str, typer.Option(help="Serial number of a device.")] = "",
    created_from: Annotated[str, typer.Option(help="First day or time at which it was made.")] = "",
    created_to: Annotated[str, typer.Option(help="Day or time before which it was made.")] = "",
) -> None:
    """Lists batches, the newest first."""
    if confirmation not in ("", *batches.CONFIRMATIONS):
        raise typer.BadParameter(f"is none of {', '.join(batches.CONFIRMATIONS)}.", param_hint="--confirmation")
    house = open_home(home)
    zone = house.settings.zone
    with house.registry.begin(readonly=True) as session:
        entries = batches.listed(
            session,
            house.organisation,
            batch=name or None,
            confirmation=confirmation or None,
            serial=serial or None,
            created_from=read_instant(created_from, zone) if created_from else None,
            created_to=read_instant(created_to, zone) if created_to else None,
        )
    columns = batches.BatchEntry.__slots__
    print_objects(columns, entries)
    say(f"{len(entries)} batches.")
