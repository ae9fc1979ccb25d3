"""Uploads: files go to a destination whole or not at all.

All files of an upload are written under temporary names (``<name>.part``, which watchers of folders leave alone, as
:mod:`connectors.cursor` does), their sizes are compared, and only then they get their names, in the order given: the
file that a receiver waits for comes last. A file that is there under a name already, as after a try whose answer was
lost, is replaced. Whatever is cut off leaves temporary names alone, which the next try writes anew.

What a failure means is told by its class:

* :class:`~connectors.errors.Transient`: nobody answers, the connection breaks, or the server says "not now" (FTP
  ``4xx``). So is a full disk or quota over there, which empties as its owner takes files away, and a failure for which
  an SFTP server gives no reason, since version 3 of the protocol has no word for a full disk. How long it is tried is
  up to the job.
* :class:`~connectors.errors.Permanent`: trying again would fail the same way, or would bring harm: another host key or
  certificate, no TLS, a refused login (accounts get locked by trying), a missing folder, no rights.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connectors import folder_upload, ftps, sftp_upload
from connectors.destinations import Destination, FolderDestination, FtpsDestination, SftpDestination
from connectors.errors import ConnectorError, Permanent, Transient

BLOCK = 32_768
"""Bytes sent at once: the largest packet that every SFTP server takes."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send.

    Attributes:
        name: Its name over there, without folders.
        path: The file here.
    """

    name: str
    path: Path

    def __post_init__(self) -> None:
        """Refuses names that lead elsewhere."""
        if not self.name.isprintable() or self.name in ("", ".", "..") or {"/", "\\"} & set(self.name):
            raise ValueError(f"{self.name!r} is no name of a file")


class Place(Protocol):
    """A folder somewhere, while one is connected to it; each method raises :class:`Transient` or :class:`Permanent`."""

    def store(self, name: str, content: Iterator[bytes]) -> int:
        """Writes a file, over one that is there if need be, and gives the size that it has there then [B]."""

    def rename(self, name: str, to: str) -> None:
        """Renames a file; over one that is there where the place can do that in one step."""

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def remove(self, name: str) -> None:
        """Removes a file, if there is one and the place allows that."""


def upload(destination: Destination, secret: bytes | None, files: Sequence[Upload], *, folder_root: Path) -> None:
    """Sends files to a destination.

    Args:
        destination: Where to; not a mail destination, whose messages go through the outbox.
        secret: Password or private key, as the destination's ``auth`` says; ``None`` for folders.
        files: The files, in the order in which they get their names: the data file last. They are read block by block.
        folder_root: The export folder, which folder destinations lie in.

    Raises:
        Transient: It may pass by itself.
        Permanent: Somebody has to do something first, here or there.
        ValueError: The destination is a mail destination.
    """
    with _opened(destination, secret, folder_root) as place:
        try:
            for file in files:
                _store(place, file, destination.label)
            for file in files:
                _name(place, _part(file.name), file.name)
        except ConnectorError:
            # As far as possible: the next try writes over what stays.
            with contextlib.suppress(ConnectorError):
                for file in files:
                    place.remove(_part(file.name))
            raise


def _opened(
    destination: Destination, secret: bytes | None, folder_root: Path
) -> contextlib.AbstractContextManager[Place]:
    if isinstance(destination, FolderDestination):
        return folder_upload.opened(destination, folder_root)
    if isinstance(destination, SftpDestination | FtpsDestination):
        if not secret:
            raise Permanent(f"{destination.label}: no password or key is stored for it. Set the destination's secret.")
        return (
            sftp_upload.opened(destination, secret)
            if isinstance(destination, SftpDestination)
            else ftps.opened(destination, secret)
        )
    raise ValueError("messages go through the outbox")


def _part(name: str) -> str:
    return f"{name}.part"


def _store(place: Place, file: Upload, label: str) -> None:
    with _reading(file.path):
        size = file.path.stat().st_size
    # What a dying connection of an earlier try still writes does not go into this try's file then.
    place.remove(_part(file.name))
    stored = place.store(_part(file.name), _blocks(file.path))
    if stored != size:
        raise Transient(f"{label}: {file.name} has {stored} of {size} bytes there. Try again.")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise Permanent(f"{path} cannot be read: {exc.strerror}. Check that it exists and may be read.") from exc


def _blocks(path: Path) -> Iterator[bytes]:
    # Errors of the place come in at the yield, so that only reading is watched.
    with _reading(path):
        stream = path.open("rb")
    with stream:
        while True:
            with _reading(path):
                block = stream.read(BLOCK)
            if not block:
                return
            yield block


def _name(place: Place, part: str, name: str) -> None:
    """Gives a file its name.

    Where the place does not rename over a file, the old one is set aside first and comes back if the new one is
    refused: at any time one of them is there whole, under one name or another.
    """
    try:
        place.rename(part, name)
    except ConnectorError:
        if not place.has(name):
            raise
    else:
        return
    aside = f"{name}.old.part"
    place.remove(aside)
    place.rename(name, aside)
    try:
        place.rename(part, name)
    except ConnectorError:
        place.rename(aside, name)
        raise
    place.remove(aside)
