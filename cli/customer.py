"""``customer``: customers by hand."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from assets.steps.publishing import publish_registry
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.work import Work, given
from registry.addresses import STATES
from registry.customers import add_customer, edit_customer, move_out, occupancies
from registry.imports.occupancies import PERSONAL

app = typer.Typer(add_completion=False, help="Customers by hand.", no_args_is_help=True)

Point = Annotated[str, typer.Argument(help="The metering point.")]
Text = Annotated[str | None, typer.Option()]
When = Annotated[str, typer.Option("--from", help="When they moved in: ISO 8601, local without offset.")]


@app.callback()
def customers() -> None:
    """Customers by hand."""


def _texts_command(change: Callable[..., Any], outcome: Callable[[Any], str]) -> Callable[..., None]:
    """The command by which the personal fields come."""

    def command(
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
        work = Work.begin(home)
        texts = given(
            customer_number=customer_number,
            name=name,
            address=address,
            address2=address2,
            postal_code=postal_code,
            city=city,
            telephone=telephone,
            email=email,
            latitude=latitude,
            longitude=longitude,
        )
        done = change(
            work.house.registry,
            work.house.vault,
            organisation=work.organisation,
            metering_point=metering_point,
            texts=texts,
            occupied_from=work.instant(occupied_from),
            **work.by,
        )
        publish_registry(work.house)
        say(f"{metering_point}: {outcome(done)}.")

    return command


app.command(
    "add", help="Lets somebody move in, who needs a customer number; the metering point is made where it is new."
)(_texts_command(add_customer, lambda _: "added"))
app.command("edit", help="Changes what is known of who lives there; an empty text clears a field.")(
    _texts_command(edit_customer, lambda changed: f"{', '.join(changed) or 'nothing'} changed")
)


@app.command("move-out")
def move_out_(
    metering_point: Point,
    home: HomeOption = None,
    at: Annotated[str, typer.Option(help="When: ISO 8601, local without offset; by default now.")] = "",
) -> None:
    """Lets who lives there move out; they are kept as a former occupant until they are erased."""
    work = Work.begin(home)
    move_out(
        work.house.registry,
        work.house.vault,
        organisation=work.organisation,
        metering_point=metering_point,
        at=work.instant(at) or work.now,
        **work.by,
    )
    publish_registry(work.house)
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
        for name in PERSONAL:
            if value := getattr(customer, name):
                print(f"{name:<17} {value}")
        print(f"coordinates       {STATES.get(customer.coordinate_status or '', 'not checked')}\n")
