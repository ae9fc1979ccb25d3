"""``import``: meters, customers, exchanges and readings from CSV files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assets.installation import Installation
from assets.steps.importing import import_file
from cli.home import HomeOption, identity, open_home
from cli.messages import complain, messages, say
from pipelines.runs import RunError, catch_up

SHOWN = 20
"""Rejected lines named one by one."""


class Kind(StrEnum):
    """What a file holds."""

    meters = "meters"
    customers = "customers"
    exchanges = "exchanges"
    readings = "readings"


def import_(
    kind: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV file with a header.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    profile: Annotated[str, typer.Option(help="Layout of the file; by default the predefined one of its kind.")] = "",
    stock: Annotated[bool, typer.Option("--stock", help="Put new meters in stock instead of in use.")] = False,
    stock_without_key: Annotated[
        bool, typer.Option("--stock-without-key", help="Put new meters without a key in stock until it comes.")
    ] = False,
) -> None:
    """Imports a file, then brings up to date what it touches: waiting frames, consumption."""
    if profile not in ("", kind.value):
        raise typer.BadParameter(f"there is no profile {profile!r}; there is {kind.value}.", param_hint="--profile")
    house = open_home(home)
    state = "stock" if stock else "in_use"
    raise typer.Exit(run_import(house, kind.value, file, state, stock_without_key=stock_without_key))


def run_import(
    house: Installation, kind: str, file: Path, target_state: str = "in_use", *, stock_without_key: bool = False
) -> int:
    """Imports a file and says what came of it line by line.

    Returns:
        Exit status: 0, or 1 where the run that follows failed.
    """
    report = import_file(
        house,
        kind,
        file,
        identity=identity(),
        target_state=target_state,
        now=datetime.now(UTC),
        stock_without_key=stock_without_key,
    )
    say(
        f"{file.name}: {report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.rejected.height} lines rejected."
    )
    for line, reason in report.rejected.select("source_line", "reason").head(SHOWN).rows():
        complain(f"{file.name} line {line}: {reason}")
    if report.rejected.height > SHOWN:
        say(f"… and {report.rejected.height - SHOWN} more; see the table rejected_rows.")
    if report.without_key:
        where = "in stock until it comes" if stock_without_key else "their encrypted frames wait for it"
        say(f"Without a key, {where}: {shortened(report.without_key)}. See 'meterhouse key import'.")
    return bring_up_to_date(house)


def shortened(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def bring_up_to_date(house: Installation) -> int:
    """Decodes what waited for an import, and reckons again what it touches.

    Returns:
        Exit status: 0, or 1 where the run failed.
    """
    try:
        with messages.status("Bringing figures up to date …"):
            catch_up(house, identity=identity())
    except RunError as exc:
        complain(str(exc))
        return 1
    return 0
