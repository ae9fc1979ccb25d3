"""A mail server that messages are handed to (SMTP, RFC 5321), always over TLS."""

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import Path

from connectors.errors import MessageUndelivered, Trouble

TIMEOUT_S = 30
"""Longest silence of the server before and between commands."""

TAKING_TIMEOUT_S = 600
"""Longest silence after the message itself. A client that gives up sooner than RFC 5321 (4.5.3.2.6) allows sends twice
what a slow server took."""

_7BIT = SMTP.clone(cte_type="7bit")
"""Headers and bodies in ASCII, encoded where they are not: every server takes them."""


class MailError(MessageUndelivered):
    """A message was not handed to a mail server."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, and to whom.

    Attributes:
        message_id: Left side of the Message-ID; the same whenever this message is sent again.
        written_at: For the Date header.
        address: Recipient.
        name: How the recipient is shown, or empty.
        subject: One line.
        text: Plain text.
        html: The same as HTML.
        language: Language tag.
        files: Files that go with it: name, media type such as ``application/pdf``, content.
    """

    message_id: str
    written_at: datetime
    address: str = field(repr=False)
    name: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str = "en"
    files: Sequence[tuple[str, str, bytes]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, and who writes.

    Attributes:
        host: Server; its certificate has to bear this name.
        sender: Address that messages come from, such as ``Meterhouse <meters@example.org>``.
        port: Its port; by default 587, and 465 with implicit TLS.
        implicit_tls: Whether the connection begins with TLS; otherwise STARTTLS is demanded before anything is said.
        username: Account; empty where the server asks for none.
        password: Its password, or ``None``.
        password_file: File whose first line is the password, where ``password`` is ``None``.
        ca_file: Certificates to trust instead of those of the machine (PEM), or ``None``.
    """

    host: str
    sender: str
    port: int | None = None
    implicit_tls: bool = False
    username: str = ""
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    ca_file: Path | None = None

    @contextlib.contextmanager
    def session(self) -> Iterator["SmtpSession"]:
        """An open session for any number of messages.

        Raises:
            MailError: The server cannot be reached, is not the one its certificate names, or refuses the login.
        """
        sender = self._sender()
        password = self._password() if self.username else None
        client = self._connected(self._trust())
        try:
            if password is not None:
                self._login(client, password)
            yield SmtpSession(self, client, sender)
        finally:
            # What was taken is taken: a server that dies before it says goodbye does not change that.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    @property
    def label(self) -> str:
        """The server, for messages."""
        return f"smtp://{self.host}:{self._port}"

    @property
    def _port(self) -> int:
        return self.port or (465 if self.implicit_tls else 587)

    def _sender(self) -> Address:
        name, address = parseaddr(self.sender)
        parsed = _address(address, name)
        if parsed is None or not self.sender.isprintable():
            raise MailError(
                f"{self.label}: no sender is set, or it is no address. Set METERHOUSE_SMTP_SENDER to one such as "
                "'Meterhouse <meters@example.org>'."
            )
        return parsed

    def _password(self) -> str:
        if self.password is not None:
            return self.password
        if self.password_file is None:
            raise MailError(
                f"{self.label}: there is a user name, and no password. Set METERHOUSE_SMTP_PASSWORD_FILE or "
                "METERHOUSE_SMTP_PASSWORD."
            )
        remedy = "Put the password into its first line."
        try:
            return self.password_file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except OSError as exc:
            raise MailError(f"{self.password_file} cannot be read: {exc.strerror}. {remedy}") from exc
        except UnicodeDecodeError:
            pass  # the error shows what it could not read
        raise MailError(f"{self.password_file} is no UTF-8 text. {remedy}")

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise MailError(
                f"{self.ca_file} holds no certificates that can be read. Name a PEM file with the authority that "
                f"signed the certificate of {self.host}."
            ) from exc

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        """A client whose connection is encrypted, to the server that its certificate names."""
        client: smtplib.SMTP | None = None
        try:
            if self.implicit_tls:
                client = smtplib.SMTP_SSL(self.host, self._port, timeout=TIMEOUT_S, context=context)
            else:
                client = smtplib.SMTP(self.host, self._port, timeout=TIMEOUT_S)
                client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
        except BaseException as exc:
            if client is not None:
                client.close()
            if isinstance(exc, OSError | smtplib.SMTPException):
                raise self._unconnected(exc) from None
            raise
        return client

    def _unconnected(self, exc: Exception) -> MailError:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return MailError(
                f"{self.label}: the certificate does not hold ({exc.verify_message}). Use the name that it bears "
                "as METERHOUSE_SMTP_HOST, or name its authority in METERHOUSE_SMTP_CA_FILE."
            )
        if isinstance(exc, smtplib.SMTPNotSupportedError):
            return MailError(
                f"{self.label}: the server offers no STARTTLS, and nothing is sent unencrypted. Use a port with TLS "
                "(METERHOUSE_SMTP_SECURITY=tls for implicit TLS), or ask its operator."
            )
        if isinstance(exc, ssl.SSLError):
            return MailError(
                f"{self.label}: no TLS came about ({exc.reason}). Check the port and METERHOUSE_SMTP_SECURITY: "
                "starttls on 587, tls on 465."
            )
        return MailError(f"{self.label}: the connection failed ({_reason(exc)}). Check host and port, and try again.")

    def _login(self, client: smtplib.SMTP, password: str) -> None:
        """Logs in with one attempt.

        The module's own ``login`` tries every mechanism with a wrong password until the server hangs up, hides what it
        answered, and knows ASCII alone.
        """
        offered = client.esmtp_features.get("auth", "").upper().split()
        user, secret = self.username.encode(), password.encode()
        where = self.password_file if self.password is None else "METERHOUSE_SMTP_PASSWORD"
        remedy = f"Check METERHOUSE_SMTP_USERNAME and {where}."
        try:
            if "PLAIN" in offered:
                code = client.docmd("AUTH", "PLAIN " + _base64(b"\0" + user + b"\0" + secret))[0]
            elif "LOGIN" in offered:
                code = client.docmd("AUTH", f"LOGIN {_base64(user)}")[0]
                if code == 334:
                    code = client.docmd(_base64(secret))[0]
            else:
                raise MailError(
                    f"{self.label}: the server offers no login by password. Leave METERHOUSE_SMTP_USERNAME empty if it "
                    "asks for none."
                )
        except (OSError, smtplib.SMTPException) as exc:
            raise MailError(f"{self.label}: the connection broke at the login ({_reason(exc)}). {remedy}") from None
        if not _is_yes(code):
            raise MailError(f"{self.label}: login refused ({code}). {remedy}")


@dataclass(frozen=True, slots=True)
class SmtpSession:
    """An open session with a mail server; made by :meth:`SmtpServer.session`.

    Attributes:
        server: The server.
        client: The connection.
        sender: Who writes.
    """

    server: SmtpServer
    client: smtplib.SMTP = field(repr=False)
    sender: Address = field(repr=False)

    def send(self, message: Message) -> None:
        """Hands a message over; returns when the server has taken it.

        Args:
            message: The message.

        Raises:
            MailError: It was not taken, or the connection broke; its ``trouble`` says which.
        """
        recipient, content = self._composed(message)
        label, client = self.server.label, self.client
        try:
            refusal = self._refusal(recipient, content)
            if client.sock is not None:
                client.sock.settimeout(TIMEOUT_S)
            if refusal:
                client.rset()
        except (OSError, smtplib.SMTPException) as exc:
            raise MailError(f"{label}: the connection broke ({_reason(exc)}). Try again.") from None
        if refusal:
            raise _refused(label, *refusal)

    def _refusal(self, recipient: str, content: bytes) -> tuple[str, int] | None:
        """What the server refused, with its code; ``None`` once it has taken the message.

        One command after the other: the module's own ``sendmail`` has one time-out for all of them, and shows addresses
        in its errors.
        """
        code = self.client.mail(self.sender.addr_spec)[0]
        if not _is_yes(code):
            return "sender", code
        code = self.client.rcpt(recipient)[0]
        if not _is_yes(code):
            return "recipient", code
        if self.client.sock is not None:
            self.client.sock.settimeout(TAKING_TIMEOUT_S)
        try:
            code = self.client.data(content)[0]
        except smtplib.SMTPDataError as exc:
            code = exc.smtp_code
        return None if _is_yes(code) else ("message", code)

    def _composed(self, message: Message) -> tuple[str, bytes]:
        """Recipient for the envelope, and the bytes of the message."""
        recipient = _address(message.address, message.name)
        if recipient is None:
            raise MailError(f"{self.server.label}: the recipient is no e-mail address. Correct it.", Trouble.NEVER)
        mail = EmailMessage(policy=_7BIT)
        try:
            mail["Message-ID"] = f"<{message.message_id}@{self.sender.domain}>"
            mail["Date"] = message.written_at
            mail["From"] = self.sender
            mail["To"] = recipient
            mail["Subject"] = message.subject
            mail["Auto-Submitted"] = "auto-generated"
            mail.set_content(message.text, cte="quoted-printable")
            mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
            for name, media_type, data in message.files:
                main, _, sub = media_type.partition("/")
                mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
            mail["Content-Language"] = message.language  # before the parts were made, it would have gone into the first
            content = mail.as_bytes()
        except (ValueError, MessageError):
            pass  # the error may show what the header was to hold
        else:
            return recipient.addr_spec, content
        raise MailError(
            f"{self.server.label}: subject or name hold a line break or another control character. Nothing was sent.",
            Trouble.NEVER,
        )


def _address(address: str, name: str) -> Address | None:
    """An address in the form every server takes: its domain in ASCII. ``None`` where it is none."""
    local, _, domain = address.rpartition("@")
    if not address.isprintable() or not name.isprintable() or any(letter.isspace() for letter in address):
        return None
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
        local.encode("ascii")
        parsed = Address(display_name=name, addr_spec=f"{local}@{ascii_domain}")
    except (MessageError, ValueError, IndexError):
        return None
    return parsed if parsed.username and parsed.domain else None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _is_yes(code: int) -> bool:
    return 200 <= code < 300


def _refused(label: str, what: str, code: int) -> MailError:
    """The error for a refusal.

    Only the code is shown: servers repeat addresses, and parts of messages, in their texts.
    """
    if code == 421 or code < 400:
        return MailError(f"{label}: the server is going away ({code}). Try again.")
    if code < 500:
        return MailError(f"{label}: {what} not taken for now ({code}). It is tried again.", Trouble.LATER)
    if what == "sender":
        return MailError(f"{label}: the sender is refused ({code}). Set METERHOUSE_SMTP_SENDER to one it accepts.")
    return MailError(f"{label}: {what} refused ({code}). Check the address, or ask the operator.", Trouble.NEVER)


def _reason(exc: Exception) -> str:
    """What happened, without the server's words."""
    if isinstance(exc, smtplib.SMTPResponseException):
        return f"answer {exc.smtp_code}"
    if isinstance(exc, TimeoutError) or isinstance(exc.__context__, TimeoutError):
        return "time-out"
    if isinstance(exc, socket.gaierror):
        return "unknown host"
    if isinstance(exc, smtplib.SMTPServerDisconnected):
        return "closed by the server"
    if isinstance(exc, OSError) and exc.strerror and not isinstance(exc, smtplib.SMTPException):
        return exc.strerror
    return type(exc).__name__
