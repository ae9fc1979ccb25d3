"""Keys on their way out: downloads of claimed devices, and bundles for field devices, as encrypted files."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry import audit
from registry.claims import require_claimed
from registry.errors import RegistryError
from registry.groups import evaluate, present
from registry.models import Installation, KeyBundle, Label, Meter, MeterKey
from registry.people.locale import MACHINE, Locale, write_csv
from registry.sealed_files import MAGIC, check_signature, seal, unseal
from registry.signing import check, signer
from registry.vault import KeyVault

HEADER = (
    "manufacturer", "serial", "version", "device_type", "model", "key_class", "algorithm", "usage",
    "device_eui", "join_eui", "valid_from", "valid_to", "labels", "key",
)  # fmt: skip
"""Columns of the CSV table inside; the profile ``wmbus`` of ``key import`` reads them back."""

AT_ONCE = 10_000

LIST_PURPOSE = "revocation list"
"""What signatures of lists are for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an encrypted file held.

    Attributes:
        kind: ``keys`` or ``bundle``.
        table: The CSV table.
        bundle: Id of the bundle.
        expires_at: Instant from which on the bundle does not hold.
    """

    kind: str
    table: str
    bundle: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revocations:
    """A revocation list.

    Attributes:
        issued_at: When it was made.
        bundles: Ids of the revoked bundles.
    """

    issued_at: datetime
    bundles: tuple[str, ...]


def download(
    session: Session,
    vault: KeyVault,
    organisation: str,
    meter_ids: Sequence[str],
    password: str,
    *,
    identity: str,
    now: datetime,
    locale: Locale = MACHINE,
    recipient: str | None = None,
) -> bytes:
    """Hands out the keys of claimed devices as an encrypted file.

    Args:
        session: A writing transaction.
        vault: Opens the keys.
        organisation: Whose devices.
        meter_ids: The devices.
        password: Password of the file.
        identity: Who downloads; the audit log names the devices.
        now: Instant of the download.
        locale: How the table is written, as the person has it set who gets it.
        recipient: Who gets it, for the audit log, where that is not who downloads.

    Returns:
        The file; see :mod:`registry.sealed_files`.

    Raises:
        RegistryError: A device is not claimed, none has a key, or the password is too short.
    """
    require_claimed(session, organisation, meter_ids, "downloaded")
    table, keyed = _table(session, vault, organisation, meter_ids, locale)
    if not keyed:
        raise RegistryError("None of these devices has a key.")
    audit.record(
        session,
        organisation=organisation,
        event="keys.download",
        identity=identity,
        now=now,
        target=_target(meter_ids),
        details={
            "serials": sorted(meter.split("-")[1] for meter in meter_ids),
            "meter_ids": sorted(meter_ids),
            "recipient": recipient,
        },
    )
    return seal(table.encode(), password, {"kind": "keys", "created_at": now.isoformat()})


def group_meters(session: Session, organisation: str, group: str, now: datetime) -> list[str]:
    """The meters that are installed now at the metering points of a group.

    Raises:
        RegistryError: There is no such group.
    """
    found = evaluate(session, organisation)
    if group not in found.groups["group"]:
        raise RegistryError(f"There is no group {group}.")
    points = present(found.members.filter(pl.col("group") == group), now)["metering_point"].drop_nulls()
    i = Installation
    statement = (
        select(i.meter_id)
        .where(i.organisation == organisation, i.metering_point.in_(points.to_list()), i.known_to.is_(None))
        .where(i.installed_at <= now, or_(i.removed_at.is_(None), i.removed_at > now))
    )
    return sorted(set(session.scalars(statement)))


def make_bundle(
    session: Session,
    vault: KeyVault,
    organisation: str,
    meter_ids: Sequence[str],
    password: str,
    *,
    device: str,
    expires_at: datetime,
    identity: str,
    now: datetime,
) -> tuple[str, bytes]:
    """Makes a key bundle for a field device: the keys of its route and no other, until an instant.

    Args:
        session: A writing transaction.
        vault: Opens the keys.
        organisation: Whose meters.
        meter_ids: The meters of the route.
        password: Password of the file.
        device: Name of the field device.
        expires_at: Instant from which on the bundle does not hold.
        identity: Who hands it out; the audit log names device and meters.
        now: Instant.

    Returns:
        Id of the bundle, and the file, signed.

    Raises:
        RegistryError: It would be expired already, none of the meters has a key, or the password is too short.
    """
    if expires_at <= now:
        raise RegistryError("The bundle would be expired already: give a later instant.")
    table, keyed = _table(session, vault, organisation, meter_ids, MACHINE, valid_at=now)
    if not keyed:
        raise RegistryError("None of these meters has a key that is valid now.")
    bundle = str(uuid.uuid4())
    row = KeyBundle(
        organisation=organisation,
        bundle=bundle,
        device=device,
        meters=len(keyed),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    audit.record(
        session,
        organisation=organisation,
        event="bundles.create",
        identity=identity,
        now=now,
        target=bundle,
        after={"device": device, "expires_at": expires_at},
        details={"meter_ids": keyed},
    )
    about = {"kind": "bundle", "bundle": bundle, "expires_at": expires_at.astimezone(UTC).isoformat()}
    by = signer(session, vault, organisation, identity=identity, now=now)
    return bundle, seal(table.encode(), password, about, by)


def revoke_bundle(
    session: Session, organisation: str, bundle: str, *, identity: str, now: datetime, reason: str | None = None
) -> None:
    """Puts a bundle on the revocation list.

    Raises:
        RegistryError: There is none of that id.
    """
    row = session.get(KeyBundle, (organisation, bundle))
    if row is None:
        raise RegistryError(f"There is no bundle {bundle}: see 'meterhouse key bundles'.")
    if row.revoked_at is None:
        row.revoked_at = now
        audit.record(
            session, organisation=organisation, event="bundles.revoke", identity=identity, now=now, target=bundle,
            reason=reason,
        )  # fmt: skip


def bundles(session: Session, organisation: str) -> Sequence[KeyBundle]:
    """The bundles that were handed out, the newest first."""
    statement = select(KeyBundle).where(KeyBundle.organisation == organisation)
    return session.scalars(statement.order_by(KeyBundle.created_at.desc(), KeyBundle.bundle)).all()


def revocation_list(session: Session, vault: KeyVault, organisation: str, *, identity: str, now: datetime) -> str:
    """The revoked bundles that are not expired by themselves, as signed JSON for field devices.

    Args:
        session: A writing transaction, since the first list may have the signing key made.
        vault: Opens the signing key.
        organisation: Whose bundles.
        identity: Who asks.
        now: When; a device takes no list that is older than the one it has.
    """
    revoked = [row.bundle for row in bundles(session, organisation) if row.revoked_at and row.expires_at > now]
    by = signer(session, vault, organisation, identity=identity, now=now)
    issued_at = now.astimezone(UTC).isoformat()
    content = {"issued_at": issued_at, "revoked": sorted(revoked), "signed_by": by.key_id}
    return json.dumps({**content, "signature": by.sign(LIST_PURPOSE, _canonical(content)).hex()})


def open_file(content: bytes, name: str, password: str, *, now: datetime, revoked: Collection[str] = ()) -> Opened:
    """Opens an encrypted file of keys.

    Args:
        content: The file.
        name: Its name, for messages.
        password: Its password.
        now: Instant, for bundles that expire.
        revoked: Ids of revoked bundles.

    Returns:
        What it holds.

    Raises:
        RegistryError: It is no such file, the password is another one, or the bundle is expired or revoked.
    """
    header, table = unseal(content, name, password)
    if header.get("kind") != "bundle":
        return Opened("keys", table.decode())
    expires_at = datetime.fromisoformat(header["expires_at"])
    if header["bundle"] in revoked:
        raise RegistryError(f"The bundle {header['bundle']} is revoked: ask for a new one.")
    if expires_at <= now:
        raise RegistryError(f"The bundle {header['bundle']} expired at {expires_at.isoformat()}: ask for a new one.")
    return Opened("bundle", table.decode(), header["bundle"], expires_at)


def parse_revocations(text: str, name: str, public: Ed25519PublicKey | None = None) -> Revocations:
    """Reads a revocation list.

    Args:
        text: The list.
        name: Its name, for messages.
        public: Public key of the installation; ``None`` leaves the signature unseen.

    Raises:
        RegistryError: It is none; or, with a key, it is not signed, was changed, or is of another installation.
    """
    try:
        content = json.loads(text)
        ids, issued_at = content["revoked"], datetime.fromisoformat(content["issued_at"])
        signature = bytes.fromhex(content.pop("signature", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        ids = None
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise RegistryError(f"{name} is no revocation list: make one with 'meterhouse key bundles --revocations'.")
    if public is not None:
        if not signature:
            raise RegistryError(f"{name} is not signed: ask for a new list.")
        check(public, LIST_PURPOSE, _canonical(content), signature, name)
    return Revocations(issued_at, tuple(ids))


def verify_file(content: bytes, name: str, public: Ed25519PublicKey) -> str:
    """Sees that a bundle or a revocation list is as an installation has signed it; needs no password.

    Args:
        content: The file.
        name: Its name, for messages.
        public: The installation's public key.

    Returns:
        What it is, in a line.

    Raises:
        RegistryError: It is neither, is not signed, was changed, or is of another installation.
    """
    if content.startswith(MAGIC):
        header = check_signature(content, name, public)
        return f"{name} is the bundle {header['bundle']}, which holds until {header['expires_at']}"
    found = parse_revocations(content.decode(errors="replace"), name, public)
    return f"{name} is the revocation list of {found.issued_at.isoformat()} with {len(found.bundles)} bundles"


def _canonical(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _table(
    session: Session,
    vault: KeyVault,
    organisation: str,
    meter_ids: Sequence[str],
    locale: Locale,
    *,
    valid_at: datetime | None = None,
) -> tuple[str, list[str]]:
    """The CSV table of the meters' keys, and the meters that have some."""
    lines: list[tuple[object, ...]] = []
    keyed: dict[str, None] = {}
    wanted = sorted(set(meter_ids))
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        labels: dict[str, list[str]] = {}
        for meter_id, label in session.execute(
            select(Label.meter_id, Label.label)
            .where(Label.organisation == organisation, Label.meter_id.in_(part))
            .order_by(Label.label)
        ):
            labels.setdefault(meter_id, []).append(label)
        rows = session.execute(
            select(Meter, MeterKey)
            .join(MeterKey, (MeterKey.organisation == Meter.organisation) & (MeterKey.meter_id == Meter.meter_id))
            .where(Meter.organisation == organisation, Meter.meter_id.in_(part))
            .order_by(Meter.meter_id, MeterKey.key_no)
        )
        for meter, key in rows:
            if valid_at is not None and not _is_valid(key, valid_at):
                continue
            keyed[meter.meter_id] = None
            value = vault.unwrap(key.wrapped, organisation, meter.meter_id).hex().upper()
            lines.append((
                meter.manufacturer, meter.serial, meter.version, meter.device_type, meter.model,
                key.key_class, key.algorithm, key.usage, key.device_eui, key.join_eui, key.valid_from, key.valid_to,
                " ".join(labels.get(meter.meter_id, [])), value,
            ))  # fmt: skip
    return write_csv(HEADER, lines, locale), list(keyed)


def _is_valid(key: MeterKey, at: datetime) -> bool:
    return (key.valid_from is None or key.valid_from <= at) and (key.valid_to is None or key.valid_to > at)


def _target(meter_ids: Sequence[str]) -> str:
    return meter_ids[0] if len(meter_ids) == 1 else f"{len(meter_ids)} devices"
