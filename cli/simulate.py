"""``simulate``: a fleet's concentrator files with known truth."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.messages import messages, say
from simulator import Fleet, describe
from simulator import simulate as run


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if missing.")],
    meters: Annotated[int, typer.Option(help="Number of meters.", min=1)] = 100,
    days: Annotated[int, typer.Option(help="Number of local days.", min=1)] = 7,
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First local day.")] = None,
    timezone: Annotated[str, typer.Option(help="IANA zone of the utility.")] = "Europe/Copenhagen",
    seed: Annotated[int, typer.Option(help="Equal arguments give equal files.")] = 1,
    electricity: Annotated[int, typer.Option(help="Number of electricity meters besides.", min=0)] = 0,
    incidents: Annotated[
        bool, typer.Option(help="With losses, outages, leaks, an exchange, wrong keys and more.")
    ] = True,
    breakdowns: Annotated[
        bool, typer.Option("--breakdowns", help="With a meter and a concentrator that break down for good.")
    ] = False,
    trickles: Annotated[
        bool, typer.Option("--trickles", help="With a refilling cistern and a slow leak behind a coarse meter besides.")
    ] = False,
) -> None:
    """Writes a simulated fleet: registry files, concentrator files and the truth they were made from."""
    fleet = Fleet(
        meters=meters,
        days=days,
        timezone=timezone,
        seed=seed,
        incidents=incidents,
        electricity=electricity,
        breakdowns=breakdowns,
        trickles=trickles,
    )
    if start is not None:
        fleet = replace(fleet, start=start.date())
    with messages.status("Simulating …"):
        summary = run(fleet, folder)
    say(describe(summary))
