"""Devices on the command line: the catalogue, claims, transfers and labels, as commands of ``key``."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.files import read_bytes
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.registry import bring_up_to_date, shortened
from cli.tables import print_rows
from registry import claims
from registry.claims import ClaimReport
from registry.device_catalogue import Filter
from registry.device_catalogue import devices as catalogue
from registry.device_types import DeviceTypes, device_types
from registry.errors import RegistryError
from registry.key_status import MISSING, statuses
from registry.keys import key_list
from registry.labels import set_labels
from registry.serial_lists import LARGEST, parse_serials, read_serials

Devices = Annotated[list[str] | None, typer.Argument(help="Serial numbers or meter_ids.")]
DevicesFile = Annotated[
    Path | None,
    typer.Option(
        "--file", help="Text, CSV (such as 'key list' prints) or Excel file of serial numbers.", dir_okay=False
    ),
]
Words = Annotated[list[str] | None, typer.Option(help="May be given several times: any of them.")]
Reason = Annotated[str, typer.Option(help="Why; for the audit log.")]


def list_(
    home: HomeOption = None,
    serial: Words = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Name of the device type; several: any.")] = None,
    claim_status: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(claims.STATES)}; several: any of them.")
    ] = None,
    label: Words = None,
    batch: Words = None,
    text: Annotated[str, typer.Option(help="Part of serial number, type, label or batch.")] = "",
    delimiter: Annotated[str, typer.Option(help="Between the fields: , or ; or tab.")] = ",",
) -> None:
    """Lists devices, with claim status, labels and batches, and counts them."""
    house = open_home(home)
    wanted = Filter(serial or (), type_ or (), claim_status or (), label or (), batch or (), text)
    table = catalogue(house.registry, house.organisation, _types(house), wanted)
    joined = table.with_columns(pl.col("labels", "batches").list.join(" "))
    print_rows(joined.columns, joined.rows(), delimiter)
    say(f"{table.height} devices.")


def status(
    home: HomeOption = None,
    devices: Devices = None,
) -> None:
    """Says of each meter whether its keys are missing, unverified, ok, wrong or expired, and names the keys."""
    house = open_home(home)
    now = datetime.now(UTC)
    with house.registry.begin(readonly=True) as session:
        chosen = claims.resolve(session, house.organisation, devices) if devices else None
        known = statuses(session, house.organisation, now)
    table = key_list(house.registry, house.organisation).with_columns(
        key_status=pl.col("meter_id").replace_strict(known, default=MISSING, return_dtype=pl.String)
    )
    if chosen is not None:
        table = table.filter(pl.col("meter_id").is_in(chosen))
    print_rows(table.columns, table.rows())


def claim(
    home: HomeOption = None,
    devices: Devices = None,
    file: DevicesFile = None,
    batch: Annotated[str, typer.Option(help="Claim all devices of this batch.")] = "",
    owner: Annotated[str, typer.Option(help="Who made the batch, where several have one of this reference.")] = "",
) -> None:
    """Claims devices; who holds them confirms, unless they come by a batch that needs no confirmation."""
    house = open_home(home)
    texts = named_serials(devices, file)
    if bool(batch) == bool(texts):
        raise typer.BadParameter("name either a batch or devices.")
    who, now = house.organisation, datetime.now(UTC)
    with house.registry.begin() as session:
        if batch:
            report = claims.claim_batch(
                session, house.vault, who, batch, identity=identity(), now=now, owner=owner or None
            )
        else:
            report = claims.claim_serials(session, house.vault, who, texts, identity=identity(), now=now)
    _tell(report)
    publish_registry(house)
    raise typer.Exit(bring_up_to_date(house) if report.claimed else 0)


def confirm(
    home: HomeOption = None,
    devices: Devices = None,
    file: DevicesFile = None,
    batch: Annotated[str, typer.Option(help="All pending claims that came by this batch.")] = "",
    reason: Reason = "",
) -> None:
    """Confirms pending claims on devices of one's own: they go to who claimed them."""
    house = open_home(home)
    done = _decide(house, devices, file, batch, reason, granted=True)
    say(f"{len(done)} claims confirmed: {shortened(done)}.")
    raise typer.Exit(bring_up_to_date(house))


def refuse(
    home: HomeOption = None,
    devices: Devices = None,
    file: DevicesFile = None,
    batch: Annotated[str, typer.Option(help="All pending claims that came by this batch.")] = "",
    reason: Reason = "",
) -> None:
    """Refuses pending claims on devices of one's own: they are unclaimed again."""
    done = _decide(open_home(home), devices, file, batch, reason, granted=False)
    say(f"{len(done)} claims refused: {shortened(done)}.")


def transfer(
    target: Annotated[str, typer.Argument(help="Short name or public id of the new owner.")],
    devices: Devices = None,
    file: DevicesFile = None,
    home: HomeOption = None,
    reason: Reason = "",
) -> None:
    """Hands claimed devices and their keys over to another organisation; their history stays."""
    house = open_home(home)
    with house.registry.begin() as session:
        meter_ids = named_devices(session, house.organisation, devices, file)
        claims.transfer(
            session,
            house.vault,
            house.organisation,
            meter_ids,
            target,
            identity=identity(),
            now=datetime.now(UTC),
            reason=reason or None,
        )
    say(f"{len(meter_ids)} devices are {target}'s now: {shortened(meter_ids)}.")
    publish_registry(house)
    raise typer.Exit(bring_up_to_date(house))


def label(
    word: Annotated[str, typer.Argument(help="The label.")],
    devices: Devices = None,
    file: DevicesFile = None,
    home: HomeOption = None,
) -> None:
    """Puts a label on devices."""
    _label(open_home(home), word, devices, file, remove=False)


def unlabel(
    word: Annotated[str, typer.Argument(help="The label.")],
    devices: Devices = None,
    file: DevicesFile = None,
    home: HomeOption = None,
) -> None:
    """Takes a label off devices."""
    _label(open_home(home), word, devices, file, remove=True)


def _label(house: Installation, word: str, devices: Sequence[str] | None, file: Path | None, *, remove: bool) -> None:
    with house.registry.begin() as session:
        meter_ids = named_devices(session, house.organisation, devices, file)
        done = set_labels(
            session, house.organisation, meter_ids, [word], identity=identity(), now=datetime.now(UTC), remove=remove
        )
    publish_registry(house)
    say(f"{done} of {len(meter_ids)} devices changed.")


def _decide(
    house: Installation, devices: Sequence[str] | None, file: Path | None, batch: str, reason: str, *, granted: bool
) -> list[str]:
    texts = named_serials(devices, file)
    if not (batch or texts):
        raise typer.BadParameter("name a batch or devices.")
    with house.registry.begin() as session:
        done = claims.decide(
            session,
            house.vault,
            house.organisation,
            confirm=granted,
            identity=identity(),
            now=datetime.now(UTC),
            meter_ids=claims.resolve(session, house.organisation, texts),
            batch=batch or None,
            reason=reason or None,
        )
    publish_registry(house)
    return done


def _tell(report: ClaimReport) -> None:
    say(
        f"{len(report.claimed)} claimed, {len(report.pending)} pending, {len(report.already)} claimed before, "
        f"{len(report.unknown)} unknown."
    )
    for text, reason in report.unknown:
        complain(f"{text}: {reason}")
    for warning in report.warnings:
        say(f"Note: {warning}")


def named_devices(session: Session, organisation: str, devices: Sequence[str] | None, file: Path | None) -> list[str]:
    """The organisation's devices that arguments and a file name.

    Raises:
        RegistryError: There are none, or one is not registered or ambiguous.
    """
    texts = named_serials(devices, file)
    if not texts:
        raise RegistryError("No device is named: give serial numbers, or --file.")
    return claims.resolve(session, organisation, texts)


def named_serials(devices: Sequence[str] | None, file: Path | None) -> list[str]:
    """The texts that name devices, in arguments and a file.

    Raises:
        RegistryError: The file cannot be read, or is no list.
    """
    typed = parse_serials(" ".join(devices or []))
    if file is None:
        return typed
    return [*typed, *read_serials(read_bytes(file, LARGEST), str(file))]


def _types(house: Installation) -> DeviceTypes:
    return device_types(house.settings.home / "device_types")
