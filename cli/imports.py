"""``imports``: registry files that were dropped and refused."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

import typer

from assets.steps.addresses import check_new_addresses
from assets.steps.dropped import import_dropped, read_dropped, refused_files
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.registry import bring_up_to_date
from cli.tables import print_rows
from registry.errors import RegistryError
from registry.refusals import is_over

app = typer.Typer(add_completion=False, help="Dropped registry files that were refused.", no_args_is_help=True)

_COLUMNS = ("file", "source", "state", "tries", "first_at", "last_at", "reason")


@app.callback()
def imports() -> None:
    """Dropped registry files that were refused."""


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists refused files as CSV: waiting for another attempt, or left alone until they change."""
    rows = [
        (
            _name(refusal.path),
            refusal.source,
            "refused" if is_over(refusal) else "waiting",
            refusal.tries,
            refusal.first_at,
            refusal.last_at,
            refusal.reason,
        )
        for refusal in refused_files(open_home(home))
    ]
    print_rows(_COLUMNS, rows)


@app.command()
def again(
    file: Annotated[str, typer.Argument(help="Profile and name as 'imports list' shows them, or 'all'.")],
    home: HomeOption = None,
) -> None:
    """Takes refused files now, whole or not at all, then brings up to date what they touch."""
    house = open_home(home)
    found = [refusal for refusal in refused_files(house) if file in (_name(refusal.path), refusal.path, "all")]
    if not found:
        raise RegistryError(f"No refused file is called {file}: see 'meterhouse imports list'.")
    refused = 0
    for source in sorted({refusal.source for refusal in found}):
        paths = [refusal.path for refusal in found if refusal.source == source]
        for path, content in read_dropped(house, paths, source):
            done = import_dropped(house, path, content, source, identity=identity(), now=datetime.now(UTC))
            if done.refused:
                refused += 1
                complain(f"{_name(path)}: {done.refused}")
            else:
                say(f"{_name(path)} is imported.")
    check_new_addresses(house, identity=identity(), now=datetime.now(UTC))
    failed = bring_up_to_date(house) if refused < len(found) else 0
    raise typer.Exit(int(bool(refused or failed)))


def _name(path: str) -> str:
    """The file with its folder, which is the name of its profile."""
    return "/".join(PurePosixPath(path).parts[-2:])
