"""``meter priority``: the few meters that are read every five minutes; ``meter role``: what a point is for."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from cli.tables import print_rows
from registry.inventory import priority
from registry.inventory.meters import find_meter
from registry.inventory.roles import ROLES, set_role

app = typer.Typer(help="Priority meters, read every five minutes.", no_args_is_help=True)

_Meter = Annotated[str, typer.Argument(help="Meter id, or a serial that only one meter has.")]
_Reason = Annotated[str, typer.Option(help="Why; goes into the audit log, so that it names nobody.")]


@app.command()
def add(meter: _Meter, home: HomeOption = None, reason: _Reason = "") -> None:
    """Makes a meter a priority meter."""
    house = open_home(home)
    with house.registry.begin() as session:
        row = find_meter(session, house.organisation, meter)
        is_new = priority.give_priority(session, row, identity=identity(), now=datetime.now(UTC), reason=reason or None)
    publish_registry(house)
    say(f"{row.meter_id}: {'a priority meter now' if is_new else 'is a priority meter already'}.")


@app.command()
def remove(meter: _Meter, home: HomeOption = None, reason: _Reason = "") -> None:
    """Makes a meter one like others."""
    house = open_home(home)
    with house.registry.begin() as session:
        row = find_meter(session, house.organisation, meter)
        was = priority.take_priority(session, row, identity=identity(), now=datetime.now(UTC), reason=reason or None)
    publish_registry(house)
    say(f"{row.meter_id}: {'no priority meter any more' if was else 'is no priority meter'}.")


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the priority meters, and says how many there may be."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        rows = [
            (meter.meter_id, meter.priority_since) for meter in priority.priority_meters(session, house.organisation)
        ]
        most = priority.quota(session, house.organisation)
    print_rows(("meter_id", "priority_since"), rows)
    say(f"{len(rows)} of {most}.")


def role(
    point: Annotated[str, typer.Argument(help="Metering point.")],
    role: Annotated[str, typer.Argument(help=f"What it is for: {', '.join(ROLES)}.")],
    home: HomeOption = None,
    reason: _Reason = "",
) -> None:
    """Says what a metering point is for; only consumption stands in totals of consumption."""
    house = open_home(home)
    with house.registry.begin() as session:
        before = set_role(
            session,
            house.organisation,
            point,
            role,
            identity=identity(),
            now=datetime.now(UTC),
            reason=reason or None,
        )
    publish_registry(house)
    say(f"{point}: {before} -> {role}.")
    raise typer.Exit(bring_up_to_date(house))
