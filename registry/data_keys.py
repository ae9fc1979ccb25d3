"""Data keys: what records are wrapped under; they lie in the registry, wrapped under the master key.

A rotation brings a new master key and a new data key and wraps every other key anew, in one transaction.
Earlier data keys stay, under the new master key: a process that was started before the rotation, and records of tables
that it does not know, still open.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.master_keys import MASTER_BYTES, MasterKey, MasterKeySource, make_file, read_file, sync_folder, write_file
from registry.models import DataKey, MeterKey, SigningKey, SubjectKey
from registry.signing import BOUND_NAME
from registry.store import Registry
from registry.subjects import bound_name
from registry.vault import KeyVault

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did.

    Attributes:
        master_id: Name of the master key that is in force now.
        retired: File with the one before; ``None`` where it does not lie in a file of the installation.
        meter_keys: Keys of meters wrapped anew.
        subject_keys: Keys of persons wrapped anew.
        resumed: Whether it only finished one that was cut off after its transaction.
    """

    master_id: str
    retired: Path | None
    meter_keys: int
    subject_keys: int
    resumed: bool = False


def prepare(registry: Registry, source: MasterKeySource, now: datetime) -> None:
    """Makes the first data key where there is none; without a master key it waits until there is one.

    Whoever opens a registry calls this, since a vault is often opened inside of a writing transaction: what the opening
    writes would wait for that transaction, which waits for the vault.

    Args:
        registry: The registry.
        source: Where the master key is.
        now: Instant, for a new data key.

    Raises:
        RegistryError: What stands in the place of the master key is none.
    """
    if not _stored(registry) and source.is_there:
        _make_first(registry, source.read()[0], now)


def open_vault(registry: Registry, source: MasterKeySource, now: datetime) -> KeyVault:
    """Opens the vault of a registry; its first data key is made where there is none.

    Args:
        registry: The registry.
        source: Where the master key is.
        now: Instant, for a new data key.

    Returns:
        The vault.

    Raises:
        RegistryError: There is no master key, or it is another one than the registry was wrapped under.
    """
    masters = source.read()
    rows = _stored(registry)
    if not rows:
        _make_first(registry, masters[0], now)
        rows = _stored(registry)
    if rows[0].master_id not in {master.id for master in masters}:
        rows, masters = _stored(registry), source.read()  # a rotation may have come between the two
    return _vault(_opened(rows, masters))


def rotate(
    registry: Registry,
    source: MasterKeySource,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    new_file: Path | None = None,
) -> Rotation:
    """Brings in a new master key.

    Whenever it dies, everything still opens: until the transaction is committed with the old master key, from then on
    with the new one, which already lies beside it. The next rotation finishes what is left to do.

    Args:
        registry: The registry.
        source: Where the master key is.
        organisation: Whose audit event.
        identity: Who rotates.
        now: Instant of the rotation.
        new_file: Where a new master key is put that does not take the place of the old one by itself, since that comes
            from a variable or a program; a key that lies there already is taken.

    Returns:
        What was done.

    Raises:
        RegistryError: The master key is none, or the new one cannot be written; nothing is changed.
    """
    if source.is_file and new_file is not None:
        raise RegistryError("The master key lies in a file, which is exchanged by itself: leave --new-key-file out.")
    if not source.is_file and new_file is None:
        raise RegistryError(
            "The master key comes from a variable or a program: say with --new-key-file where the new one is to be put."
        )
    open_vault(registry, source, now)
    next_path = new_file or source.next_path
    # Asked for inside the transaction: a server may still be committing for a rotation whose process died.
    with registry.begin() as session:
        masters = source.read()
        in_force = _in_force(_rows(session), masters)
        resumed = source.is_file and in_force is not masters[0]
        if not resumed:
            fresh = read_file(next_path) if next_path.exists() else make_file(next_path)
            if fresh.id == in_force.id:
                raise RegistryError(f"{next_path} holds the master key that is in force already: name another file.")
            meter_keys, subject_keys = _rewrap(session, in_force, fresh, now)
            audit.record(
                session,
                organisation=organisation,
                event="keys.rotate",
                identity=identity,
                now=now,
                before={"master_key": in_force.id},
                after={"master_key": fresh.id},
                details={"meter_keys": meter_keys, "subject_keys": subject_keys},
            )
    if resumed:
        return Rotation(in_force.id, _exchange_files(source, masters[0]), 0, 0, resumed=True)
    retired = _exchange_files(source, in_force) if source.is_file else None
    return Rotation(fresh.id, retired, meter_keys, subject_keys)


def _rewrap(session: Session, in_force: MasterKey, fresh: MasterKey, now: datetime) -> tuple[int, int]:
    """Wraps all data keys under the fresh master key, and all records under a new data key."""
    rows = _rows(session)
    values = _opened(rows, [in_force])
    old = _vault(values)
    values[max(values) + 1] = secrets.token_bytes(MASTER_BYTES)
    new = _vault(values)
    for row in rows:
        row.wrapped, row.master_id = _wrapped(row.number, values[row.number], fresh), fresh.id
    newest = max(values)
    session.add(_data_key(newest, values[newest], fresh, now))
    keys = [
        {
            "organisation": organisation,
            "meter_id": meter_id,
            "key_no": key_no,
            "wrapped": new.wrap(old.unwrap(wrapped, organisation, meter_id), organisation, meter_id),
        }
        for organisation, meter_id, key_no, wrapped in session.execute(
            select(MeterKey.organisation, MeterKey.meter_id, MeterKey.key_no, MeterKey.wrapped)
        )
    ]
    subjects = [
        {
            "organisation": organisation,
            "subject": subject,
            "wrapped": new.wrap(
                old.unwrap(wrapped, organisation, bound_name(subject)), organisation, bound_name(subject)
            ),
        }
        for organisation, subject, wrapped in session.execute(
            select(SubjectKey.organisation, SubjectKey.subject, SubjectKey.wrapped)
        )
    ]
    signing = [
        {"organisation": row.organisation, "wrapped": new.wrap(old.unwrap(row.wrapped, *place), *place)}
        for row in session.scalars(select(SigningKey))
        for place in [(row.organisation, BOUND_NAME)]
    ]
    for model, changed in ((MeterKey, keys), (SubjectKey, subjects), (SigningKey, signing)):
        if changed:
            session.execute(update(model), changed)
    return len(keys), len(subjects)


def _vault(values: dict[int, bytes]) -> KeyVault:
    return KeyVault(values[1], {number: value for number, value in values.items() if number > 1})


def _exchange_files(source: MasterKeySource, old: MasterKey) -> Path:
    """Puts the next master key in the place of the old one, which is kept beside it: older back-ups need it."""
    retired = source.path.with_name(f"{source.path.name}.{old.id}.retired")
    if not retired.exists():
        write_file(retired, old.value)
    os.replace(source.next_path, source.path)  # noqa: PTH105  one step, so that there is always one
    sync_folder(source.path.parent)
    return retired


def _make_first(registry: Registry, master: MasterKey, now: datetime) -> None:
    try:
        with registry.begin() as session:
            if session.get(DataKey, 1) is None:
                session.add(_data_key(1, _first(session, master), master, now))
    except IntegrityError:
        pass  # another process was faster


def _first(session: Session, master: MasterKey) -> bytes:
    """The first data key. Records from before there were data keys are under the master key itself."""
    older = session.scalar(select(MeterKey.meter_id).limit(1)) or session.scalar(select(SubjectKey.subject).limit(1))
    return master.value if older else secrets.token_bytes(MASTER_BYTES)


def _rows(session: Session) -> Sequence[DataKey]:
    return session.scalars(select(DataKey).order_by(DataKey.number)).all()


def _stored(registry: Registry) -> Sequence[DataKey]:
    with registry.begin(readonly=True) as session:
        return _rows(session)


def _in_force(rows: Sequence[DataKey], masters: Sequence[MasterKey]) -> MasterKey:
    """The master key that the registry is wrapped under.

    Raises:
        RegistryError: It is none of these.
    """
    by_id = {master.id: master for master in masters}
    wanted = rows[0].master_id
    if wanted not in by_id:
        raise RegistryError(
            f"The registry's keys are under the master key {wanted}; the one found is {masters[0].id} "
            f"({masters[0].source}). Restore the right one from its copy, or from a file ending in .retired."
        )
    return by_id[wanted]


def _opened(rows: Sequence[DataKey], masters: Sequence[MasterKey]) -> dict[int, bytes]:
    cipher = AESGCM(_in_force(rows, masters).value)
    try:
        return {
            row.number: cipher.decrypt(row.wrapped[:_NONCE_BYTES], row.wrapped[_NONCE_BYTES:], _bound(row.number))
            for row in rows
        }
    except InvalidTag as exc:
        raise RegistryError(
            "A data key does not open under its master key: it was altered. Restore a back-up."
        ) from exc


def _data_key(number: int, value: bytes, master: MasterKey, now: datetime) -> DataKey:
    return DataKey(number=number, wrapped=_wrapped(number, value, master), master_id=master.id, created_at=now)


def _wrapped(number: int, value: bytes, master: MasterKey) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(master.value).encrypt(nonce, value, _bound(number))


def _bound(number: int) -> bytes:
    return f"data key|{number}".encode()
