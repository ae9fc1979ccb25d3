"""``registry``: where the registry lies."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from registry.copying import move as move_registry
from registry.engines import name_of
from registry.store import Registry

app = typer.Typer(add_completion=False, help="Where the registry lies.", no_args_is_help=True)


@app.callback()
def registry() -> None:
    """Where the registry lies."""


@app.command()
def move(
    to: Annotated[
        str, typer.Option("--to", help="URL of a database without a registry: sqlite:///… or postgresql://…")
    ],
    home: HomeOption = None,
) -> None:
    """Moves the registry into another database; the old one stays as it is, and is written by nobody any more."""
    house = open_home(home)
    target = Registry.open(to)
    counts = move_registry(
        house.registry, target, organisation=house.organisation, identity=identity(), now=datetime.now(UTC)
    )
    say(
        f"{sum(counts.values())} rows of {len(counts)} tables lie in {name_of(target.engine)} now, and the chain of "
        "audit events holds. Name it in METERHOUSE_REGISTRY_URL, or as registry_url in meterhouse.toml, and start "
        "again what is running. The old registry opens no more; delete it once the new one is backed up."
    )
