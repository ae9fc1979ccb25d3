"""A watched folder on an SFTP server."""

import contextlib
import errno
import posixpath
import stat
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from connectors.cursor import Cursor, is_finished_name
from connectors.errors import Permanent
from connectors.sftp_session import Account, opened, scan_hint

_PACKET = 32_768
"""Largest answer of a server."""

_SECTION = 256 * _PACKET
"""Bytes that are asked for at once: they wait in memory, and their requests fit into any server's window."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the drop.

    Attributes:
        path: Its path on the server.
        size: Bytes.
        mtime: Modification time, seconds since 1970.
    """

    path: str
    size: int
    mtime: float

    @property
    def key(self) -> str:
        """What tells the file from others."""
        return self.path


@dataclass(frozen=True, slots=True)
class SftpDrop:
    """An SFTP folder that concentrators or an operator's system put files into.

    Attributes:
        host: Server.
        port: Its port.
        username: Account.
        folder: Folder to look into, with all folders inside; relative to the account's home.
        private_key_file: Private key without passphrase, or ``None``.
        password_file: File whose first line is the password, or ``None``.
        known_hosts_file: OpenSSH ``known_hosts`` with the server's key. A server that is not in it is not spoken to.
        left_out: Folders inside that are not looked into.
    """

    host: str
    port: int = 22
    username: str = ""
    folder: str = "."
    private_key_file: Path | None = None
    password_file: Path | None = None
    known_hosts_file: Path | None = None
    left_out: tuple[str, ...] = ()

    def poll(self, cursor: str | None) -> tuple[list[RemoteFile], str]:
        """Looks for new complete files; the rules are those of :func:`connectors.folder.poll`.

        Args:
            cursor: What the look before returned; ``None`` at the first.

        Returns:
            The files to take, oldest first, and the cursor for the next look.

        Raises:
            Transient: Time-out, refused or lost connection.
            Permanent: Unknown or changed host key, refused login, missing folder.
        """
        with self._session() as sftp:
            left_out = frozenset[str]()
            if self.left_out:
                root = _absolute(sftp, self.folder)
                left_out = frozenset(posixpath.relpath(_absolute(sftp, folder), root) for folder in self.left_out)
            listing = list(self._listing(sftp, self.folder, "", left_out))
        found, following = Cursor.load(cursor).look(listing)
        return found, following.dump()

    def fetch(self, files: Iterable[RemoteFile | str]) -> Iterator[tuple[RemoteFile, bytes]]:
        """Reads files over one connection.

        A file that changed since it was listed, or changes while it is read, is left out: the next look offers it
        again.

        Args:
            files: Files as listed, or their paths.

        Yields:
            Each file with its whole content.

        Raises:
            Transient: Time-out, refused or lost connection. What was yielded before is whole.
            Permanent: Unknown or changed host key, refused login; after all others were yielded: files that are gone or
                may not be read.
        """
        refused = []
        with self._session() as sftp:
            for wanted in files:
                path = wanted if isinstance(wanted, str) else wanted.path
                try:
                    file, content = _read(sftp, path)
                except (FileNotFoundError, PermissionError):
                    refused.append(path)
                    continue
                if content is not None and wanted in (file, path):
                    yield file, content
        if refused:
            raise Permanent(
                f"{self._name}: gone or not to be read: {', '.join(refused)}. Deliver again, or give rights."
            )

    @property
    def _name(self) -> str:
        return f"sftp://{self.username}@{self.host}:{self.port}"

    def _session(self) -> contextlib.AbstractContextManager[paramiko.SFTPClient]:
        key_file, password_file = self.private_key_file, self.password_file
        return opened(
            Account(
                host=self.host,
                port=self.port,
                username=self.username,
                known_hosts=self._known_hosts(),
                pinned_in=str(self.known_hosts_file),
                private_key=self._key(),
                password=self._password(),
                proved_by=f"{key_file or 'no private key file'} and {password_file or 'no password file'}",
            )
        )

    def _known_hosts(self) -> str:
        if self.known_hosts_file is None:
            raise Permanent(f"{self._name}: no known_hosts file is set. {scan_hint(self.host, self.port)}")
        try:
            return self.known_hosts_file.read_text(encoding="utf-8", errors="replace")
        except OSError as exc:
            raise Permanent(
                f"{self.known_hosts_file} cannot be read: {exc.strerror}. {scan_hint(self.host, self.port)}"
            ) from exc

    def _key(self) -> paramiko.PKey | None:
        if self.private_key_file is None:
            return None
        try:
            return paramiko.PKey.from_path(self.private_key_file)
        except (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.UnknownKeyType) as exc:
            raise Permanent(
                f"{self.private_key_file} is no private key that can be read. Name a key without passphrase."
            ) from exc

    def _password(self) -> str | None:
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as exc:
            raise Permanent(f"{self.password_file} cannot be read. Put the password into its first line.") from exc

    def _listing(
        self, sftp: paramiko.SFTPClient, folder: str, inside: str, left_out: frozenset[str]
    ) -> Iterator[RemoteFile]:
        """Files with finished names in a folder and the folders inside; links are not followed."""
        try:
            entries = sftp.listdir_attr(folder)
        except (FileNotFoundError, PermissionError) as exc:
            raise Permanent(
                f"{self._name}: the folder {folder} is missing or may not be read. Check its name."
            ) from exc
        for entry in entries:
            key = posixpath.join(inside, entry.filename)
            path = posixpath.join(folder, entry.filename)
            if not is_finished_name(key):
                continue
            if stat.S_ISDIR(entry.st_mode or 0):
                if key not in left_out:
                    yield from self._listing(sftp, path, key, left_out)
            elif stat.S_ISREG(entry.st_mode or 0):
                yield _remote(path, entry)


def _absolute(sftp: paramiko.SFTPClient, folder: str) -> str:
    """A folder's path from the root; of one that is not there, as near as may be."""
    try:
        return str(sftp.normalize(folder))
    except OSError as exc:
        if exc.errno not in (errno.EIO, errno.ENOENT, errno.EACCES):
            raise
        return posixpath.join(str(sftp.normalize(".")), posixpath.normpath(folder))


def _remote(path: str, attributes: paramiko.SFTPAttributes) -> RemoteFile:
    return RemoteFile(path, attributes.st_size or 0, attributes.st_mtime or 0)


def _read_ahead(stream: paramiko.SFTPFile, end: int) -> None:
    """Has a thread ask for all up to an offset, and waits until it has asked.

    An answer that came before the next request was out would end the library's reading ahead: the rest would be asked
    for a second time, packet by packet. The library's thread also dies with a traceback on standard error when the
    connection is lost. The reader meets the same loss and reports it, so the thread may end in silence.
    """
    asked = threading.Event()

    def send(*arguments: object) -> None:
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            paramiko.SFTPFile._prefetch_thread(stream, *arguments)
        asked.set()

    stream._prefetch_thread = send
    stream.prefetch(end)
    asked.wait()


def _packets(stream: paramiko.SFTPFile, size: int) -> Iterator[bytes]:
    """Reads section by section, packet by packet: one read of a large size would copy all it has so far each time."""
    for start in range(0, size, _SECTION):
        left = min(_SECTION, size - start)
        if left > _PACKET:  # below, reading ahead only costs a thread
            _read_ahead(stream, start + left)
        while left > 0:
            packet = stream.read(min(left, _PACKET))
            if not packet:
                return
            left -= len(packet)
            yield packet


def _read(sftp: paramiko.SFTPClient, path: str) -> tuple[RemoteFile, bytes | None]:
    """A file as it was before reading and its content, ``None`` where it changed meanwhile."""
    with sftp.open(path, "rb") as stream:
        before = _remote(path, stream.stat())
        content = b"".join(_packets(stream, before.size))
        after = _remote(path, stream.stat())
    whole = before == after and len(content) == before.size
    return before, content if whole else None
