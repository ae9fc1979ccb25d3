"""``meter configure``: how a meter is set, and since when."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from cli.tables import print_objects
from cli.work import given
from registry.imports.instants import read_instant
from registry.inventory.configurations import SETTINGS, configurations, configure
from registry.inventory.meters import find_meter


def configure_meter(
    meter: Annotated[str, typer.Argument(help="Meter id, or a serial that only one meter has.")],
    home: HomeOption = None,
    interval: Annotated[
        int | None, typer.Option(help="Seconds between two transmissions; 0 where that is not known any more.", min=0)
    ] = None,
    tariffs: Annotated[str | None, typer.Option(help="Tariffs; an empty text takes them away.")] = None,
    pulse_inputs: Annotated[str | None, typer.Option(help="Pulse inputs; an empty text takes them away.")] = None,
    package: Annotated[str | None, typer.Option(help="Content of the radio package; an empty text: not known.")] = None,
    at: Annotated[str, typer.Option("--at", help="Since when, local or with an offset; now by default.")] = "",
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log, so that it names nobody.")] = "",
) -> None:
    """Notes that a meter was set in another way; without anything to note, lists how it was set when."""
    house, now = open_home(home), datetime.now(UTC)
    changes: dict[str, int | str] = given(
        interval_s=None if interval is None else interval or "",
        tariffs=tariffs,
        pulse_inputs=pulse_inputs,
        package=package,
    )
    if not changes:
        with house.registry.begin(readonly=True) as session:
            row = find_meter(session, house.organisation, meter)
            rows = configurations(session, house.organisation, row.meter_id)
            print_objects(("meter_id", "valid_from", "valid_to", *SETTINGS), rows)
        return
    since = read_instant(at, house.settings.zone) if at else now
    with house.registry.begin() as session:
        row = find_meter(session, house.organisation, meter)
        changed = configure(
            session,
            house.organisation,
            row.meter_id,
            changes,
            at=since,
            identity=identity(),
            now=now,
            reason=reason or None,
        )
        name = row.meter_id
    if not changed:
        say(f"{name}: unchanged.")
        return
    publish_registry(house)
    say(f"{name}: configured from {since.isoformat()}.")
    raise typer.Exit(bring_up_to_date(house))
