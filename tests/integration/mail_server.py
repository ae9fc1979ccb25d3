"""A real mail server on loopback, with a certificate of an authority made for the test."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "meterhouse", "c0rrect-horse"
SENDER = "Meterhouse <meters@example.org>"


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a certificate of it for ``localhost``."""

    ca_file: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def authority(folder: Path, host: str = "localhost") -> Authority:
    """Makes an authority and a certificate for a host."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Test authority", host))
    now = datetime.now(UTC)

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        start = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        dated = start.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        return dated.serial_number(x509.random_serial_number()).add_extension(identifier, critical=False)

    signing = x509.KeyUsage(*(index in (5, 6) for index in range(9)))
    ca = build(ca_name, ca_key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca_signed = ca.add_extension(signing, critical=True).sign(ca_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    leaf = build(name, key.public_key()).add_extension(names, critical=False).add_extension(own, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca_signed.public_bytes(pem))
    (folder / "cert.pem").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Authority(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")


@dataclass
class Inbox:
    """What a server has taken, and how it behaves.

    Attributes:
        messages: Messages taken, as they came.
        recipients: Their envelopes' recipients.
        commands: Logins and senders it was told.
        password: The password it takes.
        on_sender: Called when a sender is told; an answer other than ``None`` refuses.
        on_recipient: The same for a recipient.
        on_taken: Called with the server once a message is taken; may answer otherwise, or end the connection.
    """

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    password: str = PASSWORD
    on_sender: object = None
    on_recipient: object = None
    on_taken: object = None

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802  the library's name
        self.commands.append("MAIL")
        if self.on_sender and (answer := self.on_sender(address)):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.on_recipient and (answer := self.on_recipient(address)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        return (self.on_taken and self.on_taken(server)) or "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        """Takes the one user with the one password."""
        self.commands.append("AUTH")
        return AuthResult(success=(data.login, data.password) == (USER.encode(), self.password.encode()), handled=False)

    @property
    def ids(self) -> list[str]:
        """Message-IDs in the order they came."""
        return [message["Message-ID"] for message in self.messages]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def mail_server(
    inbox: Inbox,
    tls: Authority | None,
    port: int | None = None,
    *,
    implicit: bool = False,
    login: bool = True,
    **more: object,
) -> Iterator[int]:
    """Runs a server that demands STARTTLS, or TLS from the start, or offers none, and a login; gives its port."""
    options: dict[str, object] = dict(more)
    if login:
        options |= {"authenticator": inbox.authenticate, "auth_required": True}
    if tls and not implicit:
        options |= {"tls_context": tls.context(), "require_starttls": True}
    if implicit or not tls:
        options |= {"auth_require_tls": False}
    context = tls.context() if tls and implicit else None
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=port or free_port(),
        ssl_context=context,
        server_hostname="localhost",
        **options,
    )
    controller.start()
    try:
        yield controller.port
    finally:
        with suppress(AssertionError):  # it is stopped already
            controller.stop()
