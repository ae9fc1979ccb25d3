"""A folder of an SFTP server that files are put into."""

import contextlib
import errno
import posixpath
import stat
from collections.abc import Iterator

import paramiko

from connectors.destinations import SftpDestination
from connectors.errors import Permanent, Transient
from connectors.sftp_session import Account, Session, lost, read_private_key
from connectors.sftp_session import opened as opened_session

_FSYNC = "fsync@openssh.com"


@contextlib.contextmanager
def opened(destination: SftpDestination, secret: bytes) -> Iterator["SftpPlace"]:
    """The folder of a destination, over one connection.

    Args:
        destination: The destination.
        secret: Password (UTF-8) or private key without passphrase.

    Raises:
        Transient: Time-out, refused or lost connection.
        Permanent: Another host key, refused login, or a secret that is no key or no text.
    """
    with opened_session(_account(destination, secret)) as session:
        yield SftpPlace(session, destination.folder, destination.label)


class SftpPlace:
    """A folder, while one is connected to it; see :class:`connectors.uploads.Place`."""

    def __init__(self, session: Session, folder: str, label: str) -> None:
        self._session = session
        self._folder = folder
        self._label = label

    def store(self, name: str, content: Iterator[bytes]) -> int:
        """Writes a file; it is on the server's disk where the server can promise that.

        Raises:
            Transient: Lost connection, or the server gives no reason, such as for a full disk.
            Permanent: Missing folder, no right to write.
        """
        with self._told("writing"), self._session.open(self._at(name), "wb") as stream:
            # Answers are awaited all at the end: one by one, each packet would cost the way there and back.
            stream.set_pipelined(True)
            block = next(content, b"")
            for following in content:
                stream.write(block)
                block = following
            # The library looks at the answers of all packets with the last one; those of a closed file it forgets, and
            # with them that the disk was full.
            stream.set_pipelined(False)
            stream.write(block)
            self._sync(stream)
            return stream.stat().st_size or 0

    def rename(self, name: str, to: str) -> None:
        """Renames a file; in one step over another one where the server has OpenSSH's extension."""
        with self._told("renaming"):
            try:
                self._session.posix_rename(self._at(name), self._at(to))
            except OSError as exc:
                if exc.errno not in (errno.EOPNOTSUPP, errno.EIO, errno.EACCES):
                    raise
                self._session.rename(self._at(name), self._at(to))

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; a folder is none."""
        with self._told("looking"):
            try:
                return stat.S_ISREG(self._session.lstat(self._at(name)).st_mode or 0)
            except FileNotFoundError:
                return False

    def remove(self, name: str) -> None:
        """Removes a file, if there is one and that is allowed."""
        with self._told("removing"), contextlib.suppress(FileNotFoundError, PermissionError):
            self._session.remove(self._at(name))

    def _at(self, name: str) -> str:
        return posixpath.join(self._folder, name)

    def _sync(self, stream: paramiko.SFTPFile) -> None:
        try:
            self._session._request(paramiko.sftp.CMD_EXTENDED, _FSYNC, stream.handle)
        except OSError as exc:
            if exc.errno not in (errno.EOPNOTSUPP, errno.EACCES):  # unknown to the server, or switched off there
                raise

    @contextlib.contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Errors come out as this package's."""
        try:
            yield
        except FileNotFoundError as exc:
            raise Permanent(
                f"{self._label}: {doing} in the folder {self._folder} failed: it is missing, or what was written there "
                "is gone. Check its name, and who takes files away before they have theirs."
            ) from exc
        except PermissionError as exc:
            raise Permanent(
                f"{self._label}: {doing} in the folder {self._folder} is not allowed. Ask its operator for the right."
            ) from exc
        except (OSError, EOFError, paramiko.SSHException) as exc:
            if isinstance(exc, OSError) and exc.errno in (errno.EIO, errno.EOPNOTSUPP):
                raise Transient(
                    f"{self._label}: {doing} in the folder {self._folder} failed, and the server does not say why. Ask "
                    "its operator whether its disk or the account's quota is full."
                ) from exc
            raise lost(self._label, exc) from exc


def _account(destination: SftpDestination, secret: bytes) -> Account:
    key = password = None
    try:
        if destination.auth == "private_key":
            key = read_private_key(secret)
        else:
            password = secret.decode("utf-8").rstrip("\r\n")
    except ValueError:
        pass  # the error may show what it read
    else:
        return Account(
            host=destination.host,
            port=destination.port,
            username=destination.username,
            known_hosts=destination.host_key,
            pinned_in="the destination's host_key",
            private_key=key,
            password=password,
            proved_by="and the destination's secret",
        )
    wanted = "private key without passphrase" if destination.auth == "private_key" else "password in UTF-8"
    raise Permanent(f"{destination.label}: the stored secret is no {wanted}. Set the destination's secret anew.")
