"""Mailing: what waits in the outbox is handed to the mail server, and text messages to theirs."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from assets.installation import Installation
from connectors.errors import MessageUndelivered, Trouble
from connectors.mail import MailError, Message, SmtpServer
from connectors.sms import Sms, SmsError, SmsService
from registry import audit, mail
from registry.errors import RegistryError
from registry.mail import Channel, Due

Send = Callable[[Due], bool]
"""Hands a message over; says whether the recipient is known to have it."""


class Outcome(Enum):
    """What became of one message."""

    SENT = "sent"
    POSTPONED = "postponed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the messages that were due.

    Attributes:
        sent: Taken by the mail server.
        postponed: To be tried again.
        failed: Given up.
        error: Why no more could be sent, or ``None``.
    """

    sent: int = 0
    postponed: int = 0
    failed: int = 0
    error: str | None = None


def deliver(house: Installation, now: datetime) -> Delivery:
    """Sends every e-mail that is due, one process at a time; see :func:`_work_off`.

    Args:
        house: The installation.
        now: When it begins.

    Returns:
        Counts. Where the mail server fails, the rest stays queued and ``error`` says why.

    Raises:
        MailError: No mail server is set.
    """
    server = _server(house)
    return _work_off(house, "mail", lambda: _mail_session(server), now)


def deliver_texts(house: Installation, now: datetime) -> Delivery:
    """Sends every text message that is due, as :func:`deliver` does with e-mails.

    Raises:
        SmsError: No service is set.
    """
    service = sms_service(house)
    if service is None:
        raise SmsError("No service for text messages is set. Name one in METERHOUSE_SMS_URL.")
    return _work_off(house, "sms", lambda: _sms_session(service), now)


def _work_off(
    house: Installation, channel: Channel, connect: Callable[[], AbstractContextManager[Send]], now: datetime
) -> Delivery:
    """Sends what is due of a channel.

    A message is claimed, handed over and noted as sent, each before the next is touched. A process that dies before the
    server took a message leaves it to be sent later; only one that dies between the server's yes and the note sends it
    again, under the same name.
    """
    counts = dict.fromkeys(Outcome, 0)
    error = None
    with house.alone(_LOCKS[channel]), contextlib.ExitStack() as stack:
        begun = time.monotonic()
        send: Send | None = None

        def instant() -> datetime:
            """The clock, counted on from the beginning: a claim has to last from when it is made."""
            return now + timedelta(seconds=time.monotonic() - begun)

        while error is None and (mail_id := mail.claim(house.registry, instant(), channel)) is not None:
            try:
                due = mail.compose(house.registry, house.vault, mail_id, instant())
                if due is not None:
                    send = send or stack.enter_context(connect())
                    delivered = send(due)
                    mail.sent(house.registry, mail_id, instant(), delivered=delivered)
                counts[Outcome.FAILED if due is None else Outcome.SENT] += 1
            except (MessageUndelivered, RegistryError) as exc:
                counts[_give_back(house, mail_id, exc, instant())] += 1
                if isinstance(exc, MessageUndelivered) and exc.trouble is Trouble.SERVER:
                    error = str(exc)
    return Delivery(counts[Outcome.SENT], counts[Outcome.POSTPONED], counts[Outcome.FAILED], error)


def _give_back(house: Installation, mail_id: str, exc: MessageUndelivered | RegistryError, now: datetime) -> Outcome:
    """Notes what a message failed of; it is tried again unless it never can be."""
    if isinstance(exc, MessageUndelivered) and exc.trouble is Trouble.NEVER:
        mail.failed(house.registry, mail_id, str(exc), now)
        return Outcome.FAILED
    again = mail.postpone(house.registry, mail_id, str(exc), now)
    return Outcome.FAILED if again is None else Outcome.POSTPONED


def send_test(
    house: Installation, kind: str, language: str, name: str | None, address: str, *, identity: str, now: datetime
) -> None:
    """Sends a template with sample values, active or not, at once and to one address.

    Args:
        house: The installation.
        kind: Type of the message.
        language: Its language.
        name: The template; by default the active one.
        address: Where to.
        identity: Who asks.
        now: When.

    Raises:
        RegistryError: There is no such template.
        MailError: It was not taken.
    """
    with house.registry.begin(readonly=True) as session:
        content = mail.preview(session, house.organisation, kind, language, name)
    message = Message(
        message_id=uuid.uuid4().hex,
        written_at=now,
        address=mail.check_address(address),
        name="",
        subject=f"[Test] {content.subject}",
        text=content.text,
        html=content.html,
        language=language,
    )
    with _server(house).session() as connection:
        connection.send(message)
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="mail.test.sent",
            identity=identity,
            now=now,
            target="/".join([kind, language, name or "active"]),
        )


def smtp_server(house: Installation) -> SmtpServer | None:
    """The mail server of the settings; ``None`` where they name none."""
    smtp = house.settings.smtp
    if not smtp.host:
        return None
    return SmtpServer(
        host=smtp.host,
        port=smtp.port,
        implicit_tls=smtp.security == "tls",
        username=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        password_file=smtp.password_file,
        ca_file=smtp.ca_file,
        sender=smtp.sender,
    )


def sms_service(house: Installation) -> SmsService | None:
    """The service for text messages of the settings; ``None`` where they name none."""
    known = house.settings.sms
    return SmsService(**known.model_dump()) if known.url else None


_LOCKS: dict[Channel, str] = {"mail": "mailing", "sms": "texting"}


@contextlib.contextmanager
def _mail_session(server: SmtpServer) -> Iterator[Send]:
    with server.session() as session:

        def send(due: Due) -> bool:
            session.send(_message(due))
            return False  # SMTP tells of taking alone

        yield send


@contextlib.contextmanager
def _sms_session(service: SmsService) -> Iterator[Send]:
    with service.session() as session:
        yield lambda due: session.send(Sms(due.mail_id, due.address, due.content.subject))


def _server(house: Installation) -> SmtpServer:
    server = smtp_server(house)
    if server is None:
        raise MailError(
            "No mail server is set. Name one in METERHOUSE_SMTP_HOST, and who writes in METERHOUSE_SMTP_SENDER."
        )
    return server


def _message(due: Due) -> Message:
    return Message(
        message_id=due.mail_id,
        written_at=due.queued_at,
        address=due.address,
        name=due.name,
        subject=due.content.subject,
        text=due.content.text,
        html=due.content.html,
        language=due.language,
        files=[(file.name, file.media_type, file.content) for file in due.attachments],
    )
