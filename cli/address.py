"""``address``: where customers' addresses are."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import Progress

from assets.installation import Installation
from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import messages, say
from registry.addresses import (
    STATES,
    AddressRegister,
    check_addresses,
    forget_misses,
    located,
    pick_address,
    waiting,
)

app = typer.Typer(add_completion=False, help="Where customers' addresses are.", no_args_is_help=True)


@app.callback()
def addresses() -> None:
    """Where customers' addresses are."""


@app.command("check")
def check(
    home: HomeOption = None,
    register: Annotated[
        Path | None,
        typer.Option(help="Address register: CSV; by default addresses.csv of the installation.", dir_okay=False),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Look again for what was not found or had several answers.")
    ] = False,
) -> None:
    """Looks up addresses that have not been looked up; a check that was interrupted goes on where it stopped."""
    raise typer.Exit(run_check(open_home(home), register, again=again))


def run_check(house: Installation, register: Path | None = None, *, again: bool = False) -> int:
    """Checks addresses, on demand also those that were not found before, and says what came of it.

    Returns:
        Exit status: 0.
    """
    addresses = AddressRegister.load(register or house.settings.address_register_path)
    if again:
        forget_misses(house.registry, house.organisation, identity=identity(), now=datetime.now(UTC))
    with Progress(console=messages, transient=True) as progress:
        task = progress.add_task("Looking addresses up …", total=waiting(house.registry, house.organisation))
        counts = check_addresses(
            house.registry,
            addresses,
            organisation=house.organisation,
            identity=identity(),
            now=datetime.now(UTC),
            told=lambda done: progress.advance(task, done),
        )
    publish_registry(house)
    told = ", ".join(f"{count} {STATES[state]}" for state, count in sorted(counts.items()))
    say(f"Addresses: {told or 'none to look up'}.")
    return 0


@app.command("list")
def list_(
    home: HomeOption = None,
    state: Annotated[
        Literal["ok", "not_found", "no_place", "alternatives", "manual"] | None,
        typer.Option(help="Only of this state."),
    ] = None,
) -> None:
    """Lists metering points with their addresses, coordinates and what the check found."""
    house = open_home(home)
    for place in located(house.registry, house.organisation, state):
        written = ", ".join(filter(None, (place.address, place.postal_code, place.city)))
        where = f"{place.latitude} {place.longitude}" if place.latitude else ""
        print(f"{place.metering_point}\t{STATES.get(place.state or '', 'not checked')}\t{where}\t{written}")
        for number, choice in enumerate(place.alternatives, 1):
            print(f"\t{number}: {choice['address']}, {choice['postal_code']} {choice['city']}")


@app.command("pick")
def pick(
    metering_point: Annotated[str, typer.Argument(help="The metering point.")],
    number: Annotated[int, typer.Argument(help="Which of its addresses, as 'address list' numbers them.")],
    home: HomeOption = None,
) -> None:
    """Takes one of several addresses that were found."""
    house = open_home(home)
    pick_address(
        house.registry,
        house.vault,
        organisation=house.organisation,
        identity=identity(),
        now=datetime.now(UTC),
        metering_point=metering_point,
        number=number,
    )
    publish_registry(house)
    say(f"{metering_point}: taken.")
