"""``import``: meters, customers, exchanges and readings from files of all layouts."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.importing import PLAIN, ImportOptions, import_file
from cli.acting import identity
from cli.address import run_check
from cli.home import HomeOption, open_home
from cli.messages import complain, messages, say
from pipelines.runs import RunError, catch_up
from registry.imports import ImportReport
from registry.profiles import Kind

SHOWN = 20
"""Rejected lines named one by one."""

KEPT = "; see the table rejected_rows"
"""Where rejected lines are, but for a dry run."""

NOTHING_STORED = "Nothing was stored: mend these lines, or take the others with --partial."


def import_(
    kind: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="File of that kind.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    profile: Annotated[
        str, typer.Option(help="Layout of the file: name of a profile or a .yaml file; by default that of its kind.")
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good lines where others are rejected; else none is taken.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    state: Annotated[Literal["in_use", "stock"], typer.Option(help="Where new meters go.")] = "in_use",
    stock: Annotated[bool, typer.Option("--stock", help="The same as --state stock.")] = False,
    scope: Annotated[
        Literal["all", "keyed"], typer.Option(help="Customers of all meters, or only of those that have a key.")
    ] = "all",
    overwrite_coordinates: Annotated[
        bool, typer.Option("--overwrite-coordinates", help="Let the file's coordinates win over those that stand.")
    ] = False,
    check_addresses: Annotated[
        bool | None,
        typer.Option(help="Look new addresses up afterwards, or not; by default as the setting check_addresses says."),
    ] = None,
    stock_without_key: Annotated[
        bool, typer.Option("--stock-without-key", help="Put new meters without a key in stock until it comes.")
    ] = False,
) -> None:
    """Imports a file, then brings up to date what it touches: waiting frames, consumption."""
    options = ImportOptions(
        profile=profile,
        partial=partial,
        dry_run=dry_run,
        target_state="stock" if stock else state,
        keyed_only=scope == "keyed",
        overwrite_coordinates=overwrite_coordinates,
        stock_without_key=stock_without_key,
    )
    house = open_home(home)
    status = run_import(house, kind, file, options)
    wanted = house.settings.check_addresses and kind == "customers" if check_addresses is None else check_addresses
    if wanted and not status and not dry_run:
        status = run_check(house)
    raise typer.Exit(status)


def run_import(house: Installation, kind: Kind, file: Path, options: ImportOptions = PLAIN) -> int:
    """Imports a file and says what came of it line by line.

    Returns:
        Exit status: 0, or 1 where lines were rejected and no part was asked for, or where the run that follows failed.
    """
    report = import_file(house, kind, file, identity=identity(), now=datetime.now(UTC), options=options)
    _tell(file.name, report, options)
    if options.dry_run:
        return int(report.rejected.height > 0 and not options.partial)
    return bring_up_to_date(house) if report.stored else 1


def _tell(name: str, report: ImportReport, options: ImportOptions) -> None:
    for warning in report.warnings:
        say(f"Note: {warning}")
    counts = ", ".join(f"{count} {kind}" for kind, count in report.classes.items())
    skipped = f", {report.skipped.height} skipped" if report.skipped.height else ""
    outcome = "Dry run, nothing is stored: " if options.dry_run else "" if report.stored else "Not stored: "
    say(
        f"{outcome}{name}: {report.added} added, {report.updated} updated, {report.unchanged} unchanged{skipped}, "
        f"{report.rejected.height} lines rejected.{f' By class: {counts}.' if counts else ''}"
    )
    tell_lines(f"{name} line", report.rejected, complain, "rejected" + ("" if options.dry_run else KEPT))
    tell_lines(f"{name} line", report.skipped, say, "skipped")
    if options.dry_run:
        for line, entry, field, before, after in report.changes.head(SHOWN).rows():
            print(f"line {line}: {entry} {field}: {before or '–'} → {after or '–'}")
        if report.changes.height > SHOWN:
            say(f"… and {report.changes.height - SHOWN} more changes.")
    elif report.stored and report.without_key:
        where = "in stock until it comes" if options.stock_without_key else "their encrypted frames wait for it"
        say(f"Without a key, {where}: {shortened(report.without_key)}. See 'meterhouse key import'.")
    elif not report.stored:
        say(NOTHING_STORED)


def tell_lines(where: str, rows: pl.DataFrame, tell: Callable[[str], None], what: str) -> None:
    """Says the reasons of the first lines, and how many more there are.

    Args:
        where: What stands before a line's number.
        rows: ``source_line`` and ``reason``.
        tell: How they are said.
        what: What became of the lines.
    """
    for line, reason in rows.select("source_line", "reason").head(SHOWN).rows():
        tell(f"{where} {line}: {reason}")
    if rows.height > SHOWN:
        say(f"… and {rows.height - SHOWN} more {what}.")


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
