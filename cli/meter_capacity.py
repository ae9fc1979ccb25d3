"""``meter capacity``: how many meters may be in use, and how often they may be read."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from registry.inventory import capacity
from registry.inventory.meters import count_in_use

app = typer.Typer(add_completion=False, help="The capacity plan.", no_args_is_help=True)


@app.command()
def show(home: HomeOption = None) -> None:
    """Says what the plan allows and how much of it is used; fails where readings are expected too often."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        plan = capacity.plan(session, house.organisation)
        count = count_in_use(session, house.organisation)
        limit = plan.max_in_use if plan else None
        print(f"meters in use: {count} of {'any number' if limit is None else limit}")
        print(f"priority meters: at most {capacity.priority_quota(session, house.organisation)}")
        if plan and plan.finest_interval_s:
            print(f"shortest interval between readings: {plan.finest_interval_s} s")
        capacity.check_interval(session, house.organisation, house.settings.expected_interval_s)


@app.command("set")
def set_(
    home: HomeOption = None,
    meters: Annotated[int | None, typer.Option(help="Meters that may be in use.", min=0)] = None,
    interval: Annotated[int | None, typer.Option(help="Shortest interval between readings [s].", min=1)] = None,
    priority_meters: Annotated[int | None, typer.Option("--priority", help="Priority meters.", min=0)] = None,
) -> None:
    """Sets the plan; what is left out is not limited, but priority meters to the usual number."""
    house = open_home(home)
    with house.registry.begin() as session:
        capacity.set_plan(
            session,
            house.organisation,
            max_in_use=meters,
            finest_interval_s=interval,
            max_priority=priority_meters,
            identity=identity(),
            now=datetime.now(UTC),
        )
        capacity.check_interval(session, house.organisation, house.settings.expected_interval_s)
    publish_registry(house)
    say("The capacity plan is set.")
