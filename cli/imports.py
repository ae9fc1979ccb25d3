"""``imports``: registry and key files that were dropped and refused."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

import typer

from assets.installation import Installation
from assets.steps.addresses import check_new_addresses
from assets.steps.dropped import import_dropped, read_dropped, refused_files
from assets.steps.key_drop import FETCHED, import_key_drop
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.registry import bring_up_to_date
from cli.tables import print_rows
from registry.errors import RegistryError
from registry.refusals import is_over

app = typer.Typer(add_completion=False, help="Dropped files that were refused.", no_args_is_help=True)

_COLUMNS = ("file", "source", "state", "tries", "first_at", "last_at", "reason")


@app.callback()
def imports() -> None:
    """Dropped files that were refused."""


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
        for path, reason in _taken(house, paths, source):
            if reason:
                refused += 1
                complain(f"{_name(path)}: {reason}")
            else:
                say(f"{_name(path)} is imported.")
    check_new_addresses(house, identity=identity(), now=datetime.now(UTC))
    failed = bring_up_to_date(house) if refused < len(found) else 0
    raise typer.Exit(int(bool(refused or failed)))


def _taken(house: Installation, paths: Sequence[str], source: str) -> Iterator[tuple[str, str | None]]:
    """Each file with why it is refused, or ``None`` where it was taken."""
    who, now = identity(), datetime.now(UTC)
    if source == FETCHED:
        done = import_key_drop(house, paths, "sftp", identity=who, now=now)
        yield from ((path, one.left) for path, one in done.items())
        return
    for path, content in read_dropped(house, paths, source):
        yield path, import_dropped(house, path, content, source, identity=who, now=now).refused


def _name(path: str) -> str:
    """The file with its folder, which is the name of its profile."""
    return "/".join(PurePosixPath(path).parts[-2:])
