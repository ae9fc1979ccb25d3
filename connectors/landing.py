"""The landing archive: delivered bytes, kept once and unchanged.

A file lies under ``<yyyy>/<mm>/<dd>/<sha256>-<name>`` of its arrival day (UTC). ``index/<aa>/<sha256>`` holds what is
known of it and is written after it, so that the index never names a file that is not there whole.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from connectors.errors import Permanent

_INDEX = "index"
_NAME_LENGTH = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file of the archive.

    Attributes:
        sha256: Hash of its content, lower-case hex.
        name: Name it was delivered under first.
        size: Bytes.
        path: Place relative to the archive.
        landed_at: When it landed first, UTC.
        redacted_sha256: Hash of what is left of it, where lines of it were erased.
        redacted_size: Bytes of that.
    """

    sha256: str
    name: str
    size: int
    path: str
    landed_at: datetime
    redacted_sha256: str | None = None
    redacted_size: int | None = None


def land(archive: Path, content: bytes | Path, name: str, landed_at: datetime) -> LandedFile:
    """Puts a delivered file into the archive, or finds it there.

    Args:
        archive: Root of the archive; made if missing.
        content: The bytes, or the file that holds them.
        name: Name at the source. In the archive's path only letters, digits, dot, dash and underscore of it are used.
        landed_at: Instant of arrival, with offset.

    Returns:
        The archived file; for content that is there already, the one from its first arrival. When this returns, the
        file is on the disk.

    Raises:
        Permanent: The file cannot be read, or the archive cannot be written (rights, full disk). Nothing half written
            stays.
        ValueError: ``landed_at`` has no offset.
    """
    if landed_at.tzinfo is None:
        raise ValueError("landed_at needs an offset")
    data = content if isinstance(content, bytes) else _read(content)
    sha256 = hashlib.sha256(data).hexdigest()
    if (known := _indexed(archive, sha256)) is not None:
        return known
    arrived = landed_at.astimezone(UTC)
    path = f"{arrived:%Y/%m/%d}/{sha256}-{_safe(name)}"
    file = LandedFile(sha256=sha256, name=name, size=len(data), path=path, landed_at=arrived)
    _write(archive / path, data)
    _note(archive, file)
    return file


def read_landed(archive: Path, sha256: str) -> bytes:
    """Reads a file of the archive and checks that it is unchanged.

    Args:
        archive: Root of the archive.
        sha256: Hash of its content, lower-case hex.

    Returns:
        The bytes as delivered; where lines were erased, what is left.

    Raises:
        Permanent: No such file, unreadable, or no longer what was delivered.
    """
    if not _SHA256.fullmatch(sha256):
        raise Permanent(f"{sha256!r} is no SHA-256 in lower-case hex.")
    known = _indexed(archive, sha256)
    # The index can be lost with the power, the file cannot: look for it.
    path = archive / known.path if known else next(archive.glob(f"[0-9]*/*/*/{sha256}-*"), None)
    if path is None:
        raise Permanent(f"{archive}: no file with the hash {sha256}. Restore it from a backup of the landing archive.")
    data = _read(path)
    if hashlib.sha256(data).hexdigest() not in (sha256, known.redacted_sha256 if known else None):
        raise Permanent(f"{path} is no longer what was delivered. Restore it from a backup of the landing archive.")
    return data


def archived(archive: Path) -> Iterator[LandedFile]:
    """Every file that the index names and that is there."""
    for entry in sorted((archive / _INDEX).glob("??/*")):
        if _SHA256.fullmatch(entry.name) and (file := _indexed(archive, entry.name)) is not None:
            yield file


def redact(archive: Path, sha256: str, change: Callable[[bytes], bytes]) -> None:
    """Puts what is left of a file in its place; its hash as delivered stays known, so that it never lands again.

    Args:
        archive: Root of the archive.
        sha256: Hash of the content as delivered.
        change: Gives what is left of the bytes.

    Raises:
        Permanent: No such file, unreadable, changed, or not to be written. Either all of it stays or what is left.
    """
    left = change(read_landed(archive, sha256))
    file = _indexed(archive, sha256)
    if file is None:
        raise Permanent(f"{archive}: the index does not name {sha256}. Deliver the file again, then repeat.")
    # The index comes first: it lets both pass, so that whatever dies in between can be repeated.
    _note(archive, replace(file, redacted_sha256=hashlib.sha256(left).hexdigest(), redacted_size=len(left)))
    _write(archive / file.path, left)


def _note(archive: Path, file: LandedFile) -> None:
    entry = asdict(file) | {"landed_at": file.landed_at.isoformat()}
    _write(_index(archive, file.sha256), json.dumps(entry).encode())


def _index(archive: Path, sha256: str) -> Path:
    return archive / _INDEX / sha256[:2] / sha256


def _indexed(archive: Path, sha256: str) -> LandedFile | None:
    """What the index says of a file; ``None`` where it says nothing or the file is gone."""
    try:
        entry = json.loads(_index(archive, sha256).read_bytes())
        file = LandedFile(**entry | {"landed_at": datetime.fromisoformat(entry["landed_at"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    except OSError as exc:
        raise _unwritable(archive, exc) from exc
    path = archive / file.path
    return file if path.is_file() and path.stat().st_size in (file.size, file.redacted_size) else None


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[-_NAME_LENGTH:].lstrip(".") or "unnamed"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise Permanent(f"{path} cannot be read: {exc.strerror}. Check that it exists and may be read.") from exc


def _unwritable(path: Path, exc: OSError) -> Permanent:
    return Permanent(f"{path} cannot be written: {exc.strerror}. Check the disk's free space and the rights.")


def _write(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all, also after a power cut."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o440)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        raise _unwritable(path, exc) from exc


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
