"""``meter role``: what a metering point is for."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from registry.inventory.roles import ROLES, set_role


def role(
    point: Annotated[str, typer.Argument(help="Metering point.")],
    role: Annotated[str, typer.Argument(help=f"What it is for: {', '.join(ROLES)}.")],
    home: HomeOption = None,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log, so that it names nobody.")] = "",
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
