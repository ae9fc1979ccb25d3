"""``timezone``: the zone of the utility's days."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.installation import open_installation
from assets.steps.rezoning import migrate as migrate_zone
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from cli.tables import print_rows

app = typer.Typer(add_completion=False, help="The zone of the utility's days.", no_args_is_help=True)


@app.callback()
def timezone() -> None:
    """The zone of the utility's days: set by 'init', and changed by 'timezone migrate' alone."""


@app.command()
def migrate(
    zone: Annotated[str, typer.Argument(help="IANA zone, e.g. Europe/London.")],
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be reckoned again.")] = False,
) -> None:
    """Gives the installation another zone, and reckons every figure of local days again; instants stay."""
    house = open_home(home)
    counts = migrate_zone(house, zone, identity=identity(), now=datetime.now(UTC), dry_run=dry_run)
    print_rows(("table", "rows"), counts.items())
    before = house.settings.timezone
    if dry_run:
        say(f"Dry run, nothing is changed: from {before} to {zone} these rows would be reckoned again.")
        return
    open_installation.cache_clear()
    status = bring_up_to_date(open_home(home))
    if not status:
        say(f"Local days are those of {zone} now, no longer of {before}. Start again what is running.")
    raise typer.Exit(status)
