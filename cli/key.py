"""``key``: the keys of meters."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.importing import import_key_file
from cli.home import HomeOption, identity, open_home
from cli.messages import complain, say
from cli.registry import SHOWN, bring_up_to_date
from registry.imports import KeyReport
from registry.keyfiles import KeyFile, KeyFileError

PASSWORD_VARIABLE = "METERHOUSE_KEY_FILE_PASSWORD"  # noqa: S105  the variable's name

app = typer.Typer(help="Keys of meters.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Keys of meters."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="KEM or KEM2 file, or CSV export.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help=f"File with the password of an encrypted file; else {PASSWORD_VARIABLE}, or you are asked.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Layout of a CSV export: kms, lora, wmbus, or a .toml file; by default by its header.")
    ] = "",
    register: Annotated[
        bool, typer.Option("--register", help="Add meters that are not registered, where the file says who they are.")
    ] = False,
    stock: Annotated[bool, typer.Option("--stock", help="Put added meters in stock instead of in use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Imports the keys of a key file, then decodes the frames that waited for them."""
    state = ("stock" if stock else "in_use") if register else None
    house = open_home(home)
    raise typer.Exit(run_key_import(house, file, password_file, profile, register=state, dry_run=dry_run))


def run_key_import(
    house: Installation,
    file: Path,
    password_file: Path | None = None,
    profile: str = "",
    *,
    register: str | None = None,
    dry_run: bool = False,
) -> int:
    """Imports a key file and says what came of it line by line.

    Returns:
        Exit status: 0, or 1 where the run that follows failed.
    """
    keys, report = import_key_file(
        house,
        file,
        password=lambda: _password(file, password_file),
        profile=profile,
        identity=identity(),
        register=register,
        dry_run=dry_run,
        now=datetime.now(UTC),
    )
    _tell(file.name, keys, report, dry_run=dry_run)
    return 0 if dry_run else bring_up_to_date(house)


def _password(file: Path, password_file: Path | None) -> str:
    """The password of a file; never from the command line, which every process may read.

    Raises:
        KeyFileError: There is none, or its file cannot be read.
    """
    if password_file is not None:
        try:
            return password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as exc:
            raise KeyFileError(f"{password_file} cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError:
            pass  # the error shows what it could not read
        raise KeyFileError(f"{password_file} is not UTF-8 text.")
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {file.name}", hide_input=True, err=True))
    raise KeyFileError(f"{file.name} is encrypted: give its password in --password-file or {PASSWORD_VARIABLE}.")


def _tell(name: str, keys: KeyFile, report: KeyReport, *, dry_run: bool) -> None:
    would = "Dry run, nothing is stored: " if dry_run else ""
    registered = f", {report.registered} meters registered" if report.registered else ""
    say(
        f"{would}{name} ({keys.form}): {report.new} keys new, {report.changed} changed, {report.equal} equal"
        f"{registered}; {report.unknown.height} {keys.unit}s unknown, {report.rejected.height} rejected."
    )
    bad = pl.concat([report.unknown, report.rejected]).sort("source_line")
    for rows, tell in ((bad, complain), (report.repeated, say)):
        for line, reason in rows.select("source_line", "reason").head(SHOWN).rows():
            tell(f"{name} {keys.unit} {line}: {reason}")
    more = bad.height - SHOWN
    if more > 0:
        say(f"… and {more} more unknown or rejected{'' if dry_run else '; see the table rejected_rows'}.")
    if report.repeated.height > SHOWN:
        say(f"… and {report.repeated.height - SHOWN} more known already.")
