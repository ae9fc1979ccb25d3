"""``customer``: customers by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from registry.addresses import STATES
from registry.customers import add_customer, edit_customer, move_out, occupancies
from registry.imports.instants import read_instant

app = typer.Typer(help="Customers by hand.", no_args_is_help=True)

Point = Annotated[str, typer.Argument(help="The metering point.")]
Text = Annotated[str | None, typer.Option()]
When = Annotated[str, typer.Option("--from", help="When they moved in: ISO 8601, local without offset.")]


@app.callback()
def customers() -> None:
    """Customers by hand."""


@app.command("add")
def add(
    metering_point: Point,
    customer_number: Annotated[str, typer.Option()],
    home: HomeOption = None,
    name: Text = None,
    address: Text = None,
    address2: Text = None,
    postal_code: Text = None,
    city: Text = None,
    telephone: Text = None,
    email: Text = None,
    latitude: Text = None,
    longitude: Text = None,
    occupied_from: When = "",
) -> None:
    """Lets somebody move in; the metering point is made where it is new."""
    texts = {
        "customer_number": customer_number, "name": name, "address": address, "address2": address2,
        "postal_code": postal_code, "city": city, "telephone": telephone, "email": email, "latitude": latitude,
        "longitude": longitude,
    }  # fmt: skip
    _change(add_customer, metering_point, home, texts=_given(texts), since=occupied_from)
    say(f"{metering_point}: added.")


@app.command("edit")
def edit(
    metering_point: Point,
    home: HomeOption = None,
    customer_number: Text = None,
    name: Text = None,
    address: Text = None,
    address2: Text = None,
    postal_code: Text = None,
    city: Text = None,
    telephone: Text = None,
    email: Text = None,
    latitude: Text = None,
    longitude: Text = None,
    occupied_from: When = "",
) -> None:
    """Changes what is known of who lives there; an empty text clears a field."""
    texts = {
        "customer_number": customer_number, "name": name, "address": address, "address2": address2,
        "postal_code": postal_code, "city": city, "telephone": telephone, "email": email, "latitude": latitude,
        "longitude": longitude,
    }  # fmt: skip
    changed = _change(edit_customer, metering_point, home, texts=_given(texts), since=occupied_from)
    say(f"{metering_point}: {', '.join(changed) or 'nothing'} changed.")


def _given(texts: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}


def _change(change: Callable[..., Any], metering_point: str, home: Any, *, texts: dict[str, str], since: str) -> Any:
    house = open_home(home)
    changed = change(
        house.registry,
        house.vault,
        organisation=house.organisation,
        identity=identity(),
        now=datetime.now(UTC),
        metering_point=metering_point,
        texts=texts,
        occupied_from=read_instant(since, house.settings.zone) if since else None,
    )
    publish_registry(house)
    return changed


@app.command("move-out")
def move_out_(
    metering_point: Point,
    home: HomeOption = None,
    at: Annotated[str, typer.Option(help="When: ISO 8601, local without offset; by default now.")] = "",
) -> None:
    """Lets who lives there move out; they are kept as a former occupant until they are erased."""
    house = open_home(home)
    now = datetime.now(UTC)
    move_out(
        house.registry,
        house.vault,
        organisation=house.organisation,
        identity=identity(),
        now=now,
        metering_point=metering_point,
        at=read_instant(at, house.settings.zone) if at else now,
    )
    publish_registry(house)
    say(f"{metering_point}: moved out.")


@app.command("show")
def show(metering_point: Point, home: HomeOption = None) -> None:
    """Shows who lives and lived at a metering point, the latest first."""
    house = open_home(home)
    zone = house.settings.zone
    for customer in occupancies(house.registry, house.organisation, metering_point):
        since, until = (
            at.astimezone(zone).isoformat() if at else "" for at in (customer.occupied_from, customer.occupied_to)
        )
        print(f"occupancy         {customer.occupancy}\noccupied          {since or '?'} – {until}")
        for name in (
            "customer_number", "name", "address", "address2", "postal_code", "city", "telephone", "email", "latitude",
            "longitude",
        ):  # fmt: skip
            if value := getattr(customer, name):
                print(f"{name:<17} {value}")
        print(f"coordinates       {STATES.get(customer.coordinate_status or '', 'not checked')}\n")
