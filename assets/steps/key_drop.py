"""The key drop: key files in ``imports/keys/`` are imported by themselves, and do not lie about afterwards.

A file whose keys all are stored is deleted, or moved to the archive of the settings. A file that does not open, or
names devices that are not registered, stays with the reason, and so does one with a line that cannot be used, of which
nothing is stored; :func:`circumstances` tells when to try it again.

Files of an SFTP drop are read into memory alone and left where they are: their owner takes them away. One of which
something stays is refused as registry files are, and tried again as they are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath

from sqlalchemy import func, select

from assets.installation import Installation
from assets.steps.dropped import read_dropped
from assets.steps.importing import store_key_file
from assets.steps.publishing import publish_registry
from connectors.errors import ConnectorError
from connectors.folder import remove
from connectors.landing import land
from registry import audit
from registry.errors import RegistryError
from registry.imports import KeyReport
from registry.keyfiles import KeyFile, KeyFileError, KeyPasswordError, read_key_file
from registry.models import Meter
from registry.people.rights import ORCHESTRATOR
from registry.refusals import forget_refusal, note_refusal

FETCHED = "sftp_keys"
"""Source of refusals of key files on an SFTP drop."""


@dataclass(frozen=True, slots=True)
class DroppedKeys:
    """What became of a dropped key file.

    Attributes:
        report: What its import did; ``None`` where there was none.
        left: Why the file stays in the drop; ``None`` where it is gone.
        again: Whether a later attempt may succeed though nothing is done about it.
    """

    report: KeyReport | None = None
    left: str | None = None
    again: bool = False


def circumstances(house: Installation) -> str:
    """What may let a key file in that was left: the file of passwords as it stands, and the registered meters.

    Args:
        house: The installation.

    Returns:
        A digest, which changes when one of them does.
    """
    file = house.settings.key_passwords_file
    try:
        status = file.stat() if file else None
    except OSError:
        status = None
    passwords = (status.st_ino, status.st_size, status.st_mtime_ns) if status else None
    with house.registry.begin(readonly=True) as session:
        newest = select(func.count(), func.max(Meter.imported_at)).where(Meter.organisation == house.organisation)
        meters = tuple(session.execute(newest).one())
    return hashlib.sha256(repr((str(file), passwords, meters)).encode()).hexdigest()[:32]


def import_key_drop(
    house: Installation, paths: Sequence[str], source: str, *, identity: str = ORCHESTRATOR, now: datetime
) -> dict[str, DroppedKeys]:
    """Imports dropped key files.

    Args:
        house: The installation.
        paths: The files; one that is gone was taken by an earlier run, or withdrawn.
        source: ``folder`` or ``sftp``.
        identity: Who asks.
        now: Instant of the import, UTC.

    Returns:
        What became of each. A remote file that changed meanwhile may be missing: the next look offers it again.
    """
    contents: dict[str, bytes] = {}
    done: dict[str, DroppedKeys] = {}
    for path, content in read_dropped(house, paths, source):
        if isinstance(content, ConnectorError):
            gone = source == "folder" and not Path(path).exists()
            done[path] = DroppedKeys() if gone else DroppedKeys(left=str(content), again=True)
            continue
        contents[path] = content
        try:
            done[path] = _stored(house, PurePath(path).name, content, identity, now)
        except RegistryError as exc:
            done[path] = DroppedKeys(left=str(exc), again=True)
    if any(one.report or one.left for one in done.values()):
        publish_registry(house)
    for path, content in contents.items():
        if source == "folder":
            done[path] = _cleared(house, Path(path), content, done[path], now)
        else:
            done[path] = _noted(house, path, content, done[path], now)
    return done


def _stored(house: Installation, name: str, content: bytes, identity: str, now: datetime) -> DroppedKeys:
    """Stores the keys of a file; one that is none, does not open or is refused leaves an event with the reason."""
    try:
        keys = _opened(house, name, content)
    except RegistryError as exc:
        _refuse(house, name, str(exc), identity, now)
        return DroppedKeys(left=str(exc))
    report = store_key_file(house, keys, content, name, identity=identity, now=now)
    unstored = {"not registered": report.unknown.height, "rejected": report.rejected.height}
    told = " and ".join(f"{count} {keys.unit}s {what}" for what, count in unstored.items() if count)
    if not report.stored:
        left = (
            f"Nothing is stored: {told}; see the table rejected_rows. Mend or remove the file, or take its other keys "
            "with 'meterhouse key import --partial'."
        )
        _refuse(house, name, left, identity, now)
        return DroppedKeys(report, left=left)
    remedy = "Register the devices, or remove the file."
    return DroppedKeys(report, left=f"{told}; see the table rejected_rows. {remedy}" if told else None)


def _refuse(house: Installation, name: str, reason: str, identity: str, now: datetime) -> None:
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="keys.refuse",
            identity=identity,
            now=now,
            target=name,
            reason=reason,
        )


def _opened(house: Installation, name: str, content: bytes) -> KeyFile:
    """The key file, under the first password that opens it.

    Raises:
        RegistryError: It is no key file, or none opens it; the message shows no password.
    """
    try:
        return read_key_file(content, name, _no_password)
    except KeyPasswordError:
        passwords = _passwords(house.settings.key_passwords_file)
    for password in passwords:
        try:
            return _opened_with(password, name, content)
        except KeyPasswordError:
            continue
    where = house.settings.key_passwords_file
    remedy = f"Put its password into {where}" if where else "Name a file of passwords in METERHOUSE_KEY_PASSWORDS_FILE"
    raise KeyFileError(f"{name} is encrypted, and no password opens it. {remedy}, one per line.")


def _opened_with(password: str, name: str, content: bytes) -> KeyFile:
    return read_key_file(content, name, lambda: password)


def _no_password() -> str:
    raise KeyPasswordError("a password is asked for")


def _passwords(file: Path | None) -> list[str]:
    """The passwords of the settings; none where no file of them is named.

    Raises:
        KeyFileError: The file cannot be read.
    """
    if file is None:
        return []
    try:
        lines = (line.rstrip("\r") for line in file.read_text(encoding="utf-8-sig").split("\n"))
        return list(dict.fromkeys(line for line in lines if line))
    except (OSError, UnicodeDecodeError):
        pass  # the error may show what it read
    raise KeyFileError(f"{file}, which METERHOUSE_KEY_PASSWORDS_FILE names, cannot be read as UTF-8 text.")


def _cleared(house: Installation, file: Path, content: bytes, one: DroppedKeys, now: datetime) -> DroppedKeys:
    """Takes a file away whose keys all are stored."""
    if one.report is None or one.left:
        return one
    archive = house.settings.key_archive
    try:
        if archive:
            archive.mkdir(mode=0o700, parents=True, exist_ok=True)
            land(archive, content, file.name, now)
        remove(file, content)
    except (ConnectorError, OSError) as exc:
        return DroppedKeys(one.report, left=f"Its keys are stored, and it still lies there: {exc}", again=True)
    return one


def _noted(house: Installation, path: str, content: bytes, one: DroppedKeys, now: datetime) -> DroppedKeys:
    """Keeps in the registry why something of a file of an SFTP drop is not stored; forgets it once all is."""
    if one.left is None:
        forget_refusal(house.registry, house.organisation, FETCHED, path)
        return one
    again = note_refusal(house.registry, house.organisation, FETCHED, path, content, one.left, now)
    return replace(one, again=again)
