"""``collector``: what is noted of concentrators and other receivers, and where they stand."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects
from registry import collectors
from registry.audit import By

app = typer.Typer(add_completion=False, help="Collectors: comments, and where they stand.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Collectors: comments, and where they stand."""


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the collectors as CSV."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        rows = collectors.collectors(session, house.organisation)
    print_objects(("collector", "comment", "latitude", "longitude"), rows)


@app.command()
def edit(
    collector: Annotated[str, typer.Argument(help="Its name.")],
    home: HomeOption = None,
    comment: Annotated[str | None, typer.Option(help="What it is; an empty one takes it away.")] = None,
    place: Annotated[
        str | None, typer.Option(help="Latitude and longitude, e.g. '55.6761, 12.5683'; empty: nobody knows.")
    ] = None,
) -> None:
    """Notes what a collector is and where it stands; what is not given stays."""
    if comment is None and place is None:
        raise typer.BadParameter("say what changes: --comment or --place.")
    known = None if place is None else collectors.read_place(place)
    house = open_home(home)
    who: By = {"identity": identity(), "now": datetime.now(UTC)}
    with house.registry.begin() as session:
        collectors.get(session, house.organisation, collector)
        if comment is not None:
            collectors.set_comment(session, house.organisation, collector, comment, **who)
        if place is not None:
            collectors.set_place(session, house.organisation, collector, known, **who)
    publish_registry(house)
    say(f"{collector} is saved.")
