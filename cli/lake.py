"""``lake``: upkeep of the lake's files by hand; the orchestrator does the same each night."""

from collections.abc import Mapping
from datetime import UTC, datetime

import typer

from assets.steps.upkeep import compact_lake, vacuum_lake
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import messages, say

app = typer.Typer(add_completion=False, help="Upkeep of the lake's files.", no_args_is_help=True)


@app.callback()
def lake() -> None:
    """Upkeep of the lake's files; the orchestrator does the same each night."""


@app.command()
def compact(home: HomeOption = None) -> None:
    """Rewrites months and days that lie in many small files: sorted where they are over, joined where they grow."""
    house = open_home(home)
    with messages.status("Compacting …"):
        done = compact_lake(house, identity=identity(), now=datetime.now(UTC))
    _tell(done, "partitions rewritten")


@app.command()
def vacuum(home: HomeOption = None) -> None:
    """Deletes files that no version of the last days needs (lake_retention_days, by default 7)."""
    house = open_home(home)
    with messages.status("Deleting old files …"):
        done = vacuum_lake(house, identity=identity(), now=datetime.now(UTC))
    _tell(done, "files deleted")


def _tell(done: Mapping[str, int], what: str) -> None:
    for name, count in done.items():
        typer.echo(f"{name},{count}")
    say(f"{sum(done.values())} {what}.")
