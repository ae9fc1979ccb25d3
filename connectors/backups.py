"""Back-ups: a folder of contents, each kept once under its hash, and a manifest per back-up that names them.

A manifest is written last, in one step, and contents are never changed: whatever dies while a back-up is made, the ones
before it stay whole. What two back-ups share is there once.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.errors import Permanent

_MANIFESTS, _CONTENTS = "manifests", "contents"
_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a back-up.

    Attributes:
        path: Its place below the installation.
        sha256: Hash of its content.
        size: Bytes.
        mode: Its rights.
        modified_ns: When it was changed last, by which an unchanged one is known.
    """

    path: str
    sha256: str
    size: int
    mode: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A back-up.

    Attributes:
        name: Instant it tells of, UTC, such as ``20260115T023000Z``.
        about: What it is of: version of Meterhouse, installation, tables with version and rows.
        files: Its files.
    """

    name: str
    about: Mapping[str, Any]
    files: tuple[Entry, ...]


def names(folder: Path) -> list[str]:
    """The back-ups in a folder, the oldest first."""
    return sorted(path.stem for path in (folder / _MANIFESTS).glob("*.json") if _NAME.fullmatch(path.stem))


def read(folder: Path, name: str = "") -> Manifest:
    """Reads a manifest.

    Args:
        folder: Folder of the back-ups.
        name: Which one; the newest by default.

    Raises:
        Permanent: There is none, or it is not as it was written.
    """
    known = names(folder)
    if not known or (name and name not in known):
        raise Permanent(f"{folder} holds no back-up{f' {name}; there are: ' + ', '.join(known) if known else '.'}")
    path = _manifest(folder, name or known[-1])
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise Permanent(f"{path} is damaged: take an older back-up with --at.")
        content = json.loads(text)
    except (OSError, ValueError) as exc:
        raise Permanent(f"{path} cannot be read or is damaged: take an older back-up with --at.") from exc
    return Manifest(content["name"], content["about"], tuple(Entry(**entry) for entry in content["files"]))


def write(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest of a back-up whose contents are all there.

    Raises:
        Permanent: It cannot be written.
    """
    text = json.dumps(asdict(manifest), sort_keys=True)
    content = f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode()
    _put(_manifest(folder, manifest.name), lambda: iter([content]))


def keep(folder: Path, source: Path, path: str, known: Mapping[str, Entry]) -> Entry:
    """Keeps a file's content, unless it is there.

    Args:
        folder: Folder of the back-ups.
        source: The file.
        path: Its place below the installation.
        known: Files of the back-up before by their place: one that did not change since is not read again.

    Returns:
        The file as the manifest names it.

    Raises:
        FileNotFoundError: The file has gone meanwhile.
        Permanent: It cannot be read, or the folder cannot be written.
    """
    state = source.stat()
    before = known.get(path)
    same = before and (before.size, before.modified_ns) == (state.st_size, state.st_mtime_ns)
    if before and same and content_of(folder, before).is_file():
        return before
    sha256 = digest(source)
    entry = Entry(path, sha256, state.st_size, state.st_mode & 0o777, state.st_mtime_ns)
    target = content_of(folder, entry)
    if not target.is_file():
        written = _put(target, lambda: _blocks(source))
        if written != sha256:
            target.unlink()
            raise Permanent(f"{source} changed while it was backed up: try again.")
    return entry


def content_of(folder: Path, entry: Entry) -> Path:
    """Where a file's content lies."""
    return folder / _CONTENTS / entry.sha256[:2] / entry.sha256


def damaged(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The files of a back-up whose content is missing or is not what was backed up.

    Yields:
        Their places below the installation.
    """
    for entry in manifest.files:
        content = content_of(folder, entry)
        try:
            holds = digest(content) == entry.sha256
        except OSError:
            holds = False
        if not holds:
            yield entry.path


def prune(folder: Path, count: int) -> list[str]:
    """Deletes all but the newest back-ups, and every content that none of these names.

    Args:
        folder: Folder of the back-ups.
        count: How many stay.

    Returns:
        The back-ups that went.

    Raises:
        Permanent: A manifest that stays is damaged; then nothing is deleted.
    """
    known = names(folder)
    gone, stay = known[:-count], known[-count:]
    named = {entry.sha256 for name in stay for entry in read(folder, name).files}
    for name in gone:
        _manifest(folder, name).unlink()
    for content in (folder / _CONTENTS).glob("??/*"):
        if content.name not in named:
            content.unlink()
    return gone


def digest(file: Path) -> str:
    """Hash of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest(folder: Path, name: str) -> Path:
    return folder / _MANIFESTS / f"{name}.json"


def _blocks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _put(target: Path, content: Callable[[], Iterable[bytes]]) -> str:
    """Writes a file that is there whole or not at all, also after a power cut; gives its hash."""
    hashed = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as file:
            for block in content():
                hashed.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(target)  # readable by its owner alone, as temporary files are
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise Permanent(
            f"{target} cannot be written: {exc.strerror}. Check the free space and rights of the folder."
        ) from exc
    return hashed.hexdigest()
