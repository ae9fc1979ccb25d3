"""A folder of an FTP server that files are put into, over TLS alone (RFC 959, 4217).

Of what a server answers only the code is told, since servers repeat what they were sent.
"""

import contextlib
import ftplib
import hashlib
import socket
import ssl
from collections.abc import Iterator
from typing import TextIO

from connectors.destinations import FtpsDestination
from connectors.errors import ConnectorError, Permanent, Transient
from connectors.sockets import connect

TIMEOUT_S = 10
"""For connecting, the greeting and the TLS handshake."""

ANSWER_TIMEOUT_S = 60
"""Longest silence of the server afterwards; some look through a file before they say that they have it."""

_FULL = "552"
"""The account's quota is used up: for good by its first digit, yet it passes as its owner takes files away."""

_UNKNOWN = ("500", "502", "504")
"""Answers to a command that the server does not have."""


@contextlib.contextmanager
def opened(destination: FtpsDestination, secret: bytes) -> Iterator["FtpsPlace"]:
    """The folder of a destination, over one connection.

    Args:
        destination: The destination.
        secret: Password in UTF-8.

    Raises:
        Transient: Nobody answers, the connection breaks, or the server is busy.
        Permanent: The certificate does not hold, the server does not speak TLS (nothing is said to it then), refuses
            the login or to protect the data, or the folder is missing.
    """
    place = FtpsPlace(destination)
    try:
        place.log_in(_password(destination, secret))
        yield place
        place.say_goodbye()
    finally:
        place.close()


class FtpsPlace:
    """A folder, while one is connected to it; see :class:`connectors.uploads.Place`."""

    def __init__(self, destination: FtpsDestination) -> None:
        self._to = destination
        self._client = _Client(destination)
        self._is_lost = False

    def log_in(self, password: str) -> None:
        """Connects, and goes into the folder."""
        to, client = self._to, self._client
        mode = "with TLS from its first byte on (implicit: true)" if to.implicit else "that is asked for TLS"
        with self._told("the connection", f"Check host and port: it has to be one {mode}."):
            client.open(to.host, to.actual_port, implicit=to.implicit)
        if not to.implicit:
            with self._told("TLS", "Nothing is sent unencrypted: use a port with TLS, or ask its operator."):
                client.ask_for_tls()
        with self._told("the login", "Check the user name and the destination's secret."):
            client.login(to.username, password)
        with self._told("the protection of data", "Nothing is sent unencrypted: ask the server's operator."):
            client.voidcmd("PBSZ 0")
            client.voidcmd("PROT P")
        if to.folder != ".":
            with self._told(f"the folder {to.folder}", "Check its name and the account's rights."):
                client.cwd(to.folder)
        with self._told("the type of files", "Ask the server's operator."):
            client.voidcmd("TYPE I")

    def store(self, name: str, content: Iterator[bytes]) -> int:
        """Writes a file.

        Raises:
            Transient: Lost connection, full disk or quota.
            Permanent: No right to write.
        """
        with self._told("writing", f"Ask for the right to write into the folder {self._to.folder}."):
            sent = self._client.store(name, content)
            try:
                return self._client.size(name) or 0
            except ftplib.error_perm as exc:
                if _code(exc) not in _UNKNOWN:
                    raise
                return sent  # it has said that it has all of it

    def rename(self, name: str, to: str) -> None:
        """Renames a file; what that does to another one of this name is up to the server."""
        with self._told("renaming", f"Ask for the right to rename in the folder {self._to.folder}."):
            self._client.rename(name, to)

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; where the server tells no sizes, there is none."""
        with self._told("looking", "Ask the server's operator."):
            try:
                self._client.size(name)
            except ftplib.error_perm:
                return False
            return True

    def remove(self, name: str) -> None:
        """Removes a file, if there is one and that is allowed; servers give both the same answer."""
        with self._told("removing", "Ask the server's operator."), contextlib.suppress(ftplib.error_perm):
            self._client.delete(name)

    def say_goodbye(self) -> None:
        """Takes leave; all is done, whatever comes of it."""
        with contextlib.suppress(OSError, EOFError, ftplib.Error):
            self._client.quit()

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    @contextlib.contextmanager
    def _told(self, what: str, remedy: str) -> Iterator[None]:
        """Errors come out as this package's, with what was refused, and what to do."""
        label = self._to.label
        if self._is_lost:
            raise Transient(f"{label}: the connection is lost. Try again.")
        try:
            yield
        except ftplib.error_perm as exc:
            if _code(exc) == _FULL:
                raise Transient(f"{label}: the account's quota is used up ({_FULL}). Ask for more room.") from None
            raise Permanent(f"{label}: {what} was refused ({_code(exc)}). {remedy}") from None
        except ftplib.error_temp as exc:
            full = " Its disk is full." if _code(exc) == "452" else ""
            raise Transient(f"{label}: {what} was put off ({_code(exc)}).{full} Try again.") from None
        except ftplib.Error:
            self._is_lost = True
            raise Permanent(f"{label}: it does not answer as an FTP server does. Check host and port.") from None
        except ssl.SSLCertVerificationError as exc:
            self._is_lost = True
            raise Permanent(
                f"{label}: the certificate does not hold ({exc.verify_message}). Use the name that it bears as host, "
                "or put the certificate, or its authority's, into the destination as certificate."
            ) from None
        except ConnectorError:
            self._is_lost = True  # answers are still to come
            raise
        except (OSError, EOFError) as exc:
            self._is_lost = True
            raise self._lost(exc, what, remedy) from None

    def _lost(self, exc: OSError | EOFError, what: str, remedy: str) -> ConnectorError:
        begins = what in ("the connection", "TLS")
        if begins and isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return Permanent(f"{self._to.label}: no TLS came about ({exc.reason}). {remedy}")
        detail = f"{type(exc).__name__}: {exc}".rstrip(": ")
        if what == "the connection" and isinstance(exc, TimeoutError) and not self._to.implicit:
            detail += "; a port that awaits TLS from the first byte on is silent, too"
        return Transient(f"{self._to.label}: {what} failed ({detail}). {f'{remedy} ' if begins else ''}Try again.")


class _Client(ftplib.FTP):
    """The library's client, with three things that its own client for TLS has not.

    It begins with TLS where that is wanted. It resumes the session of the control connection on those for data, by
    which servers see that both belong to one client; many demand it. And where a connection for data breaks, it asks
    for the server's answer, which says why.
    """

    sock: socket.socket

    def __init__(self, destination: FtpsDestination) -> None:
        super().__init__(timeout=ANSWER_TIMEOUT_S, encoding="utf-8")
        self._label = destination.label
        self._context = ssl.create_default_context(cadata=destination.certificate)
        self._takes_unsigned = destination.allow_self_signed
        self._fingerprint = destination.fingerprint
        if self._takes_unsigned:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def open(self, host: str, port: int, *, implicit: bool) -> None:
        """Connects and awaits the greeting."""
        self.host, self.port = host, port
        self.sock = connect(host, port, TIMEOUT_S, ANSWER_TIMEOUT_S)
        self.af = self.sock.family
        if implicit:
            self.sock = self._wrapped(self.sock)
        self.file = self._lines()
        self.welcome = self.getresp()
        if implicit:
            self.sock.settimeout(ANSWER_TIMEOUT_S)

    def ask_for_tls(self) -> None:
        """Begins TLS; what was said before in clear, and not yet read, is forgotten."""
        self.voidcmd("AUTH TLS")
        self.sock = self._wrapped(self.sock)
        self.file = self._lines()
        self.sock.settimeout(ANSWER_TIMEOUT_S)

    def store(self, name: str, content: Iterator[bytes]) -> int:
        """Writes a file and gives how much was sent [B]."""
        sent = 0
        connection = self.transfercmd(f"STOR {name}")
        # With TLS 1.3 a session can be resumed once its ticket has come, which is after the handshake: by now it has.
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        try:
            with self._wrapped(connection, session) as stream:
                for block in content:
                    stream.sendall(block)
                    sent += len(block)
                # Closed with tickets unread, the connection would be reset, and the file's end lost with it. A server
                # that closes without a word breaks this; what it says on the control connection counts.
                stream.unwrap()
        except ssl.SSLCertVerificationError:
            raise
        except OSError:
            pass  # the answer says why
        self.voidresp()
        return sent

    def _wrapped(self, plain: socket.socket, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        try:
            stream = self._context.wrap_socket(plain, server_hostname=self.host, session=session)
        except BaseException:
            plain.close()
            raise
        try:
            self._check(stream)
        except BaseException:
            stream.close()
            raise
        return stream

    def _check(self, stream: ssl.SSLSocket) -> None:
        """Compares a certificate that nobody signed with the pinned one, else with the first one shown."""
        if not self._takes_unsigned:
            return
        shown = hashlib.sha256(stream.getpeercert(binary_form=True) or b"").hexdigest()
        self._fingerprint = self._fingerprint or shown
        if shown != self._fingerprint:
            raise Permanent(
                f"{self._label}: the server shows another certificate than the pinned one, with the fingerprint "
                f"{shown}. Ask its operator whether it was changed before replacing the fingerprint."
            )

    def _lines(self) -> TextIO:
        # What a server says in another encoding is not worth an error.
        return self.sock.makefile("r", encoding=self.encoding, errors="replace")


def _password(destination: FtpsDestination, secret: bytes) -> str:
    try:
        password = secret.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        pass  # the error shows what it could not read
    else:
        if password.isprintable():  # a line break would begin another command
            return password
    raise Permanent(
        f"{destination.label}: the stored secret is no password in UTF-8. Set the destination's secret anew."
    )


def _code(exc: ftplib.Error) -> str:
    return str(exc)[:3]
