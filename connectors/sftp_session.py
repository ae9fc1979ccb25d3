"""A session with an SFTP server: whom to trust, how to log in, how long to wait."""

import contextlib
import errno
import io
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from connectors.errors import Permanent, Transient
from connectors.sockets import connect

TIMEOUT_S = 10
"""For connecting, the banner and the login."""

READ_TIMEOUT_S = 30
"""Longest silence of the server in an open session."""

_KINDS = (
    (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
    (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
    (rsa.RSAPrivateKey, paramiko.RSAKey),
)
_UNANSWERED = ("Authentication timeout.", "Authentication failed: transport shut down or saw EOF")
"""What the library calls failed logins, though nobody refused them."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a server, and what proves both to each other.

    Attributes:
        host: Server.
        port: Its port.
        username: Account.
        known_hosts: Lines as in OpenSSH's ``known_hosts``. A server that they do not pin is not spoken to.
        pinned_in: What holds these lines, for messages.
        private_key: Private key, or ``None``.
        password: Password, or ``None``.
        proved_by: What holds key and password, for messages.
    """

    host: str
    port: int
    username: str
    known_hosts: str = field(repr=False)
    pinned_in: str
    private_key: paramiko.PKey | None = field(repr=False)
    password: str | None = field(repr=False)
    proved_by: str

    @property
    def label(self) -> str:
        """The account, for messages."""
        return f"sftp://{self.username}@{self.host}:{self.port}"


class Session(paramiko.SFTPClient):  # type: ignore[misc]  # the library has no types
    """An SFTP client whose refusals all bear a number.

    The library numbers two of the protocol's errors alone. Here a request that the server does not know is
    ``EOPNOTSUPP``, and one that failed without a reason ``EIO``; an ``OSError`` without a number is the connection's.
    """

    def _convert_status(self, msg: paramiko.Message) -> None:
        code = int.from_bytes(msg.get_remainder()[:4], "big")
        try:
            super()._convert_status(msg)
        except OSError as exc:
            if exc.errno is not None:
                raise
            number = errno.EOPNOTSUPP if code == paramiko.sftp.SFTP_OP_UNSUPPORTED else errno.EIO
            raise OSError(number, str(exc)) from None


@contextlib.contextmanager
def opened(account: Account) -> Iterator[Session]:
    """An open session; errors of the connection come out as this package's.

    Raises:
        Transient: Time-out, refused or lost connection, also in the midst of the login.
        Permanent: Unknown or changed host key, refused login.
    """
    with contextlib.ExitStack() as stack:
        try:
            yield _session(account, stack)
        except paramiko.BadHostKeyException as exc:
            raise Permanent(
                f"{account.label}: the server shows another host key than {account.pinned_in} has. Ask its operator "
                "whether the key was changed before replacing the line."
            ) from exc
        except (OSError, EOFError, paramiko.SSHException) as exc:
            if isinstance(exc, paramiko.AuthenticationException) and str(exc) not in _UNANSWERED:
                raise Permanent(
                    f"{account.label}: login refused. Check user name, {account.proved_by}; a private key must have no "
                    "passphrase."
                ) from exc
            raise lost(account.label, exc) from exc


def lost(label: str, exc: Exception) -> Transient:
    """What is said of a connection that failed."""
    detail = f"{type(exc).__name__}: {exc}".rstrip(": ")
    return Transient(f"{label}: the connection failed ({detail}). Try again.")


def pinned(known_hosts: str, host: str, port: int) -> list[paramiko.PKey]:
    """The keys that lines of a ``known_hosts`` pin for a server; lines that cannot be read pin nothing."""
    name, keys = _entry(host, port), []
    for line in known_hosts.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "@")):
            continue
        with contextlib.suppress(paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(" ".join(line.split()))
            one = paramiko.HostKeys()
            for pattern in entry.hostnames if entry else ():
                one.add(pattern, entry.key.get_name(), entry.key)
            if one.lookup(name):
                keys.append(entry.key)
    return keys


def scan_hint(host: str, port: int) -> str:
    """How to come by a server's line."""
    return f"Put the server's line into it: ssh-keyscan -p {port} {host}, checked with its operator."


def read_private_key(content: bytes) -> paramiko.PKey:
    """Reads a private key without passphrase (OpenSSH, or PEM for RSA and ECDSA).

    Raises:
        ValueError: It is none, or none that can be used.
    """
    try:
        try:
            loaded: Any = serialization.load_ssh_private_key(content, None)
        except ValueError:
            loaded = serialization.load_pem_private_key(content, None)
        kind = next(key for form, key in _KINDS if isinstance(loaded, form))
        return kind.from_private_key(io.StringIO(content.decode("ascii")))
    except (ValueError, TypeError, StopIteration, paramiko.SSHException):
        pass  # the error may show what it read
    raise ValueError("no private key that can be read")


def _entry(host: str, port: int) -> str:
    """What a server is called in a ``known_hosts``."""
    return host if port == paramiko.config.SSH_PORT else f"[{host}]:{port}"


def _session(account: Account, stack: contextlib.ExitStack) -> Session:
    keys = pinned(account.known_hosts, account.host, account.port)
    if not keys:
        raise Permanent(
            f"{account.label}: the host key is unknown: {account.pinned_in} has no line for it. "
            f"{scan_hint(account.host, account.port)}"
        )
    try:
        client = _connected(account, keys, stack)
    except paramiko.BadHostKeyException as exc:
        # Of several keys of one kind, as while a server changes its own, the library looks at the first.
        if exc.key not in keys:
            raise
        client = _connected(account, [exc.key], stack)
    transport = client.get_transport()
    channel = transport.open_session(timeout=TIMEOUT_S)
    channel.settimeout(READ_TIMEOUT_S)
    # The library waits for this answer without end.
    guard = threading.Timer(READ_TIMEOUT_S, client.close)
    guard.start()
    try:
        channel.invoke_subsystem("sftp")
    finally:
        guard.cancel()
    return Session(channel)


def _connected(account: Account, keys: Iterable[paramiko.PKey], stack: contextlib.ExitStack) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    stack.callback(client.close)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    kinds: dict[str, paramiko.PKey] = {}
    for key in keys:
        kinds.setdefault(key.get_name(), key)
    for kind, key in kinds.items():
        client.get_host_keys().add(_entry(account.host, account.port), kind, key)
    connection = connect(account.host, account.port, TIMEOUT_S, READ_TIMEOUT_S)
    try:
        client.connect(
            account.host,
            account.port,
            sock=connection,
            username=account.username,
            pkey=account.private_key,
            password=account.password,
            allow_agent=False,
            look_for_keys=False,
            timeout=TIMEOUT_S,
            banner_timeout=TIMEOUT_S,
            auth_timeout=TIMEOUT_S,
            channel_timeout=TIMEOUT_S,
        )
    except BaseException:
        connection.close()
        raise
    return client
