"""``key``: the keys of meters."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.importing import import_key_file
from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.batch import app as batch_app
from cli.devices import (
    Devices,
    DevicesFile,
    claim,
    confirm,
    label,
    list_,
    named_devices,
    refuse,
    status,
    transfer,
    unlabel,
)
from cli.files import ask_secret, private_file, read_bytes, read_text, refuse_existing, secret_option
from cli.home import HomeOption, open_home
from cli.key_signing import public, verify
from cli.messages import complain, say
from cli.registry import KEPT, NOTHING_STORED, bring_up_to_date, tell_lines
from cli.tables import print_objects
from registry import audit, claims, data_keys, key_export
from registry.imports import ImportMode, KeyReport
from registry.imports.instants import read_instant
from registry.imports.report import WHOLE_FILE
from registry.keyfiles import KeyFile
from registry.keys import VALIDITY, set_validity
from registry.people import users
from registry.people.locale import Locale
from registry.signing import read_public

PASSWORD_VARIABLE = "METERHOUSE_KEY_FILE_PASSWORD"  # noqa: S105  the variable's name

EXPORT_PASSWORD_VARIABLE = "METERHOUSE_EXPORT_PASSWORD"  # noqa: S105  the variable's name

app = typer.Typer(add_completion=False, help="Keys of meters.", no_args_is_help=True)
for command in (list_, status, claim, confirm, refuse, transfer, label, unlabel, public, verify):
    app.command(command.__name__.strip("_"))(command)
app.add_typer(batch_app, name="batch")

PasswordFile = Annotated[Path | None, secret_option("the password of the encrypted file", EXPORT_PASSWORD_VARIABLE)]


@app.callback()
def keys() -> None:
    """Keys of meters."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="KEM or KEM2 file, or CSV export.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    password_file: Annotated[Path | None, secret_option("the password of an encrypted file", PASSWORD_VARIABLE)] = None,
    profile: Annotated[
        str, typer.Option(help="Layout of a CSV export: kms, lora, wmbus, or a .toml file; by default by its header.")
    ] = "",
    register: Annotated[
        bool, typer.Option("--register", help="Add meters that are not registered, where the file says who they are.")
    ] = False,
    stock: Annotated[bool, typer.Option("--stock", help="Put added meters in stock instead of in use.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good lines where others are rejected; else none is taken.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Imports the keys of a key file, then decodes the frames that waited for them."""
    state = ("stock" if stock else "in_use") if register else None
    house = open_home(home)
    mode = ImportMode(partial=partial, dry_run=dry_run)
    raise typer.Exit(run_key_import(house, file, password_file, profile, register=state, mode=mode))


def run_key_import(
    house: Installation,
    file: Path,
    password_file: Path | None = None,
    profile: str = "",
    *,
    register: str | None = None,
    mode: ImportMode = WHOLE_FILE,
) -> int:
    """Imports a key file and says what came of it line by line.

    Returns:
        Exit status: 0, or 1 where lines were rejected and no part was asked for, or where the run that follows failed.
    """
    keys, report = import_key_file(
        house,
        file,
        password=lambda: ask_secret(f"password of {file.name}", password_file, PASSWORD_VARIABLE),
        profile=profile,
        identity=identity(),
        register=register,
        mode=mode,
        now=datetime.now(UTC),
    )
    _tell(file.name, keys, report, mode)
    if mode.dry_run:
        return int(report.rejected.height > 0 and not mode.partial)
    return bring_up_to_date(house) if report.stored else 1


@app.command()
def rotate(
    home: HomeOption = None,
    new_key_file: Annotated[
        Path | None,
        typer.Option(
            help="Where to put the new master key, if the present one comes from a variable or a program.",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Brings in a new master key and wraps all keys anew."""
    house = open_home(home)
    with house.alone("rotation"):
        done = data_keys.rotate(
            house.registry,
            house.master_key_source,
            organisation=house.organisation,
            identity=identity(),
            now=datetime.now(UTC),
            new_file=new_key_file,
        )
    publish_registry(house)
    if done.resumed:
        say(f"A rotation that was cut off is finished; the master key is {done.master_id}.")
    else:
        say(
            f"The master key is now {done.master_id}; {done.meter_keys} keys of meters and {done.subject_keys} of "
            "persons are wrapped anew. Restart what is running: 'serve', sensors, pages."
        )
    if done.retired:
        say(f"Copy {house.master_key_source.path} elsewhere. Delete {done.retired} once no older back-up needs it.")
    else:
        say(f"Put the key of {new_key_file} where the present one comes from, now: nothing opens before that.")


@app.command()
def validity(
    serial: Annotated[str, typer.Argument(help="Serial number or meter_id.")],
    key_no: Annotated[int, typer.Argument(help="Number of the key, see 'key status'.")],
    home: HomeOption = None,
    from_: Annotated[str, typer.Option("--from", help="First time of reception, with offset; empty: always.")] = "",
    to: Annotated[str, typer.Option("--to", help="Time from which on it is not tried; empty: for ever.")] = "",
) -> None:
    """Says for frames of which time a key is tried, then decodes what waited for it."""
    house = open_home(home)
    start, end = (read_instant(text, house.settings.zone) if text else None for text in (from_, to))
    now = datetime.now(UTC)
    with house.registry.begin() as session:
        (meter_id,) = claims.resolve(session, house.organisation, [serial])
        change = set_validity(session, house.organisation, meter_id, key_no, start, end, now)
        audit.record_changes(
            session, organisation=house.organisation, event=VALIDITY, identity=identity(), now=now, changes=[change]
        )
    publish_registry(house)
    raise typer.Exit(bring_up_to_date(house))


@app.command()
def download(
    out: Annotated[Path, typer.Argument(help="Encrypted file to be made.", dir_okay=False)],
    devices: Devices = None,
    file: DevicesFile = None,
    home: HomeOption = None,
    password_file: PasswordFile = None,
    person: Annotated[
        str,
        typer.Option("--for", help="Who gets it, by e-mail address or number: the table is in that format."),
    ] = "",
    delimiter: Annotated[
        str, typer.Option(help="Between the fields of the table, without --for: a comma, a semicolon, | or tab.")
    ] = ",",
) -> None:
    """Writes the keys of claimed devices to an encrypted file; 'key open' reads it."""
    house = open_home(home)
    refuse_existing(out)
    password = ask_secret(f"password of {out.name}", password_file, EXPORT_PASSWORD_VARIABLE, twice=True)
    locale, recipient = Locale(csv_delimiter="\t" if delimiter == "tab" else delimiter), None
    with private_file(out) as write, house.registry.begin() as session:
        if person:
            account = users.account_of(session, house.organisation, person)
            locale, recipient = account.locale, f"user:{account.user_id}"
        content = key_export.download(
            session,
            house.vault,
            house.organisation,
            named_devices(session, house.organisation, devices, file),
            password,
            identity=identity(),
            now=datetime.now(UTC),
            locale=locale,
            recipient=recipient,
        )
        write(content)
    publish_registry(house)
    say(f"Wrote {out}.")


@app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(help="File made by 'key download' or 'key bundle'.", dir_okay=False)],
    password_file: PasswordFile = None,
    revocations: Annotated[
        Path | None, typer.Option(help="Revocation list; a revoked bundle does not open.", exists=True, dir_okay=False)
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            help="File made by 'key public': file and list open only as they were signed.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Prints the keys of an encrypted file as CSV; needs no installation."""
    known = read_public(read_text(public_key), public_key.name) if public_key else None
    revoked: tuple[str, ...] = ()
    if revocations:
        revoked = key_export.parse_revocations(read_text(revocations), revocations.name, known).bundles
    content = read_bytes(file)
    if known:
        key_export.verify_file(content, file.name, known)
    password = ask_secret(f"password of {file.name}", password_file, EXPORT_PASSWORD_VARIABLE)
    opened = key_export.open_file(content, file.name, password, now=datetime.now(UTC), revoked=revoked)
    typer.echo(opened.table, nl=False)


@app.command()
def bundle(
    out: Annotated[Path, typer.Argument(help="Encrypted file to be made.", dir_okay=False)],
    device: Annotated[str, typer.Option(help="Name of the field device.")],
    days: Annotated[int, typer.Option(help="Days for which the bundle holds.", min=1, max=366)],
    devices: Devices = None,
    file: DevicesFile = None,
    group: Annotated[str, typer.Option(help="Group of metering points whose meters it is for.")] = "",
    home: HomeOption = None,
    password_file: PasswordFile = None,
) -> None:
    """Writes the keys of a route to an encrypted file for a field device."""
    house = open_home(home)
    if bool(group) == bool(devices or file):
        raise typer.BadParameter("name either a group or devices.")
    refuse_existing(out)
    now = datetime.now(UTC)
    password = ask_secret(f"password of {out.name}", password_file, EXPORT_PASSWORD_VARIABLE, twice=True)
    with private_file(out) as write, house.registry.begin() as session:
        if group:
            meter_ids = key_export.group_meters(session, house.organisation, group, now)
        else:
            meter_ids = named_devices(session, house.organisation, devices, file)
        number, content = key_export.make_bundle(
            session,
            house.vault,
            house.organisation,
            meter_ids,
            password,
            device=device,
            expires_at=now + timedelta(days=days),
            identity=identity(),
            now=now,
        )
        write(content)
    publish_registry(house)
    say(f"Wrote {out}.")
    typer.echo(number)


@app.command()
def bundles(
    home: HomeOption = None,
    revocations: Annotated[bool, typer.Option("--revocations", help="Print the revocation list as JSON.")] = False,
) -> None:
    """Lists the bundles that were handed out, or the revocation list for field devices."""
    house = open_home(home)
    with house.registry.begin(readonly=not revocations) as session:
        if revocations:
            now = datetime.now(UTC)
            told = key_export.revocation_list(session, house.vault, house.organisation, identity=identity(), now=now)
            typer.echo(told)
            return
        rows = key_export.bundles(session, house.organisation)
    columns = ("bundle", "device", "meters", "created_at", "expires_at", "revoked_at")
    print_objects(columns, rows)


@app.command("revoke-bundle")
def revoke_bundle(
    number: Annotated[str, typer.Argument(help="Id of the bundle.")],
    home: HomeOption = None,
    reason: Annotated[str, typer.Option(help="Why; for the audit log.")] = "",
) -> None:
    """Puts a bundle on the revocation list."""
    house = open_home(home)
    with house.registry.begin() as session:
        key_export.revoke_bundle(
            session, house.organisation, number, identity=identity(), now=datetime.now(UTC), reason=reason or None
        )
    publish_registry(house)
    say(f"{number} is revoked. Give field devices the list of 'meterhouse key bundles --revocations'.")


def _tell(name: str, keys: KeyFile, report: KeyReport, mode: ImportMode) -> None:
    for warning in report.warnings:
        say(f"Note: {warning}")
    outcome = "Dry run, nothing is stored: " if mode.dry_run else "" if report.stored else "Not stored: "
    registered = f", {report.registered} meters registered" if report.registered else ""
    say(
        f"{outcome}{name} ({keys.form}): {report.new} keys new, {report.changed} changed, {report.equal} equal"
        f"{registered}; {report.unknown.height} {keys.unit}s unknown, {report.rejected.height} rejected."
    )
    bad = pl.concat([report.unknown, report.rejected]).sort("source_line")
    tell_lines(f"{name} {keys.unit}", bad, complain, "unknown or rejected" + ("" if mode.dry_run else KEPT))
    tell_lines(f"{name} {keys.unit}", report.repeated, say, "known already")
    if not (report.stored or mode.dry_run):
        say(NOTHING_STORED)
