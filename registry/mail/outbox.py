"""The outbox: messages are kept in the transaction that causes them, and sent afterwards, by e-mail or by SMS.

A message is claimed before it is handed to a server and settled after the server took it; each is a transaction.
Who dies in between leaves a claim that runs out, and the message is sent by the next one.
"""

import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.mail.addresses import check_address, check_number
from registry.mail.catalogue import choose
from registry.mail.kinds import nearest_language
from registry.mail.rendering import Rendered, Values, render
from registry.models import OutgoingMail
from registry.store import Registry
from registry.subjects import seal, unseal
from registry.vault import KeyVault

Channel = Literal["mail", "sms"]
"""How a message goes: by e-mail, or as a text message, which is the subject of its template alone."""

LIFETIME = timedelta(days=3)
"""How long sending is tried where the message names no end of its own."""

CLAIM = timedelta(minutes=30)
"""How long one process has for handing a message over. Longer than the longest conversation with a mail server."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)

_TOLD = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12))
PAUSES = {"notification": _TOLD, "digest": _TOLD}
"""Pauses after each failed attempt, for types that are given up after the last one (ALGORITHMS §8.4).

Others pause a minute, then twice as long each time up to an hour, until they expire.
"""

MOST_BYTES = 10_000_000
"""Attachments of one message together; mail servers refuse larger ones."""

ERASED = "The person was erased before the message was sent."
WITHDRAWN = "Its link works no longer: a newer one was made, or it was used or revoked."
EXPIRED = "It could not be sent before its link expired; ask for a new one."


GONE = {"recipient": None, "variables": None, "attachments": None}
"""What a message keeps of its content once it is settled."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom.

    Attributes:
        subject: The person, by a name without meaning, such as ``user:42``; what is kept is encrypted under its key.
        address: E-mail address, or telephone number.
        name: How the address is shown, or empty.
    """

    subject: str
    address: str = field(repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message.

    Attributes:
        name: File name.
        media_type: Such as ``application/pdf``.
        content: Its bytes.
    """

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that this process has claimed.

    Attributes:
        mail_id: Name of the message; the same at each attempt.
        organisation: Who writes.
        language: Language it is written in.
        queued_at: Instant it was written.
        address: Address of the recipient.
        name: How the address is shown, or empty.
        content: What it says.
        attachments: Files that go with it.
    """

    mail_id: str
    organisation: str
    language: str
    queued_at: datetime
    address: str = field(repr=False)
    name: str = field(repr=False)
    content: Rendered = field(repr=False)
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the list; what it says and to which address is not shown.

    Attributes:
        mail_id: Its name.
        kind: Its type.
        language: Its language.
        subject: The person it is for, by a name without meaning; empty once that is forgotten.
        state: ``queued``, ``sent``, ``delivered`` (where the service tells so) or ``failed``.
        attempts: How often sending was begun.
        queued_at: When it was written.
        next_at: When it is tried next; ``None`` once it is settled.
        settled_at: When it was sent or given up; ``None`` before.
        error: What the last attempt failed of, or ``None``.
        channel: ``mail`` or ``sms``.
    """

    mail_id: str
    kind: str
    language: str
    subject: str
    state: str
    attempts: int
    queued_at: datetime
    next_at: datetime | None
    settled_at: datetime | None
    error: str | None
    channel: str


def queue(
    session: Session,
    vault: KeyVault,
    organisation: str,
    kind: str,
    recipient: Recipient,
    language: str,
    variables: Values,
    now: datetime,
    *,
    attachments: Sequence[Attachment] = (),
    expires_at: datetime | None = None,
    channel: Channel = "mail",
) -> str:
    """Keeps a message for sending, in the transaction of what causes it.

    Args:
        session: A writing transaction.
        vault: Wraps the key of the recipient.
        organisation: Who writes.
        kind: Type of the message.
        recipient: To whom.
        language: Language tag of the recipient; English stands for those that have no templates.
        variables: What the template shows; see :data:`registry.mail.kinds.KINDS`.
        now: Instant of the change.
        attachments: Files that go with it, at most :data:`MOST_BYTES` together.
        expires_at: When its link expires; it is not sent after that. Three days where it is ``None``.
        channel: How it goes.

    Returns:
        Name of the message.

    Raises:
        RegistryError: The address is none, the files are too large, or a variable is missing, unknown or does not
            hold.
    """
    address = check_address(recipient.address) if channel == "mail" else check_number(recipient.address)
    if sum(len(file.content) for file in attachments) > MOST_BYTES:
        raise RegistryError(f"Files of more than {MOST_BYTES // 1_000_000} MB cannot go by e-mail: choose less.")
    if not recipient.name.isprintable():
        raise RegistryError("The name of the recipient holds a line break or another control character.")
    render(kind, choose(session, organisation, kind, language).source, variables)  # refused here, not in the night
    mail_id = uuid.uuid4().hex

    def sealed(content: object) -> bytes:
        return seal(session, vault, organisation, recipient.subject, json.dumps(content).encode(), now)

    session.add(
        OutgoingMail(
            mail_id=mail_id,
            organisation=organisation,
            channel=channel,
            kind=kind,
            language=nearest_language(language),
            subject=recipient.subject,
            recipient=sealed({"address": address, "name": recipient.name}),
            variables=sealed(dict(variables)),
            attachments=sealed([_told(file) for file in attachments]) if attachments else None,
            state="queued",
            attempts=0,
            queued_at=now,
            next_at=now,
            expires_at=expires_at or now + LIFETIME,
        )
    )
    session.flush()
    return mail_id


def withdraw(session: Session, recipient: str, kinds: Collection[str], now: datetime) -> None:
    """Gives up messages that wait for a person, because what they would say holds no longer.

    Args:
        session: The transaction in which it ceases to hold.
        recipient: Name of the person, as in :class:`Recipient`.
        kinds: Types of the messages.
        now: Instant of the change.
    """
    session.execute(
        update(OutgoingMail)
        .where(OutgoingMail.subject == recipient, OutgoingMail.kind.in_(kinds), OutgoingMail.state == "queued")
        .values(state="failed", settled_at=now, error=WITHDRAWN, **GONE)
        .execution_options(synchronize_session=False)
    )


def due(session: Session, now: datetime, channel: Channel = "mail") -> list[tuple[str, int]]:
    """Name and attempts of each message that could be sent now, or has expired, whichever organisation wrote it."""
    statement = select(OutgoingMail.mail_id, OutgoingMail.attempts).where(_is_due(now, channel)).order_by(*_ORDER)
    return [(row.mail_id, row.attempts) for row in session.execute(statement)]


def claim(registry: Registry, now: datetime, channel: Channel = "mail") -> str | None:
    """Claims the message that waits longest, so that no other process sends it.

    The claim counts as an attempt and runs out by itself.

    Args:
        registry: The registry.
        now: Instant of the claim.
        channel: Messages of which channel.

    Returns:
        Name of the message; ``None`` where nothing is due. A message that is too late fails, and is not returned.
    """
    while True:
        with registry.begin() as session:
            row = session.scalars(select(OutgoingMail).where(_is_due(now, channel)).order_by(*_ORDER).limit(1)).first()
            if row is None:
                return None
            if row.expires_at <= now:
                _settle(session, row.mail_id, "failed", now, row.error or EXPIRED)
                continue
            # The count tells whether another process was faster: only one finds it as it was read.
            taken = (
                update(OutgoingMail)
                .where(
                    OutgoingMail.mail_id == row.mail_id, _is_due(now, channel), OutgoingMail.attempts == row.attempts
                )
                .values(attempts=row.attempts + 1, next_at=now + CLAIM)
                .execution_options(synchronize_session=False)
            )
            if session.connection().execute(taken).rowcount:
                return row.mail_id


def compose(registry: Registry, vault: KeyVault, mail_id: str, now: datetime) -> Due | None:
    """Opens a claimed message and fills in the template that is active now.

    Args:
        registry: The registry.
        vault: Unwraps the key of the recipient.
        mail_id: Name of the message.
        now: Instant of the attempt.

    Returns:
        The message; ``None`` where it was withdrawn, or the recipient erased, meanwhile: the message has failed then.

    Raises:
        RegistryError: What is kept was altered.
    """
    with registry.begin() as session:
        row = session.get_one(OutgoingMail, mail_id)
        if row.state != "queued":
            return None
        opened = [
            None if kept is None else unseal(session, vault, row.organisation, row.subject, kept)
            for kept in (row.recipient, row.variables, row.attachments)
        ]
        if opened[0] is None or opened[1] is None:
            _settle(session, mail_id, "failed", now, ERASED)
            return None
        recipient, variables = json.loads(opened[0]), json.loads(opened[1])
        chosen = choose(session, row.organisation, row.kind, row.language)
        return Due(
            mail_id=mail_id,
            organisation=row.organisation,
            language=row.language,
            queued_at=row.queued_at,
            address=recipient["address"],
            name=recipient["name"],
            content=render(row.kind, chosen.source, variables),
            attachments=[_read(file) for file in json.loads(opened[2] or b"[]")],
        )


def sent(registry: Registry, mail_id: str, now: datetime, *, delivered: bool = False) -> None:
    """Notes that the server took a message, and destroys what it said.

    Args:
        registry: The registry.
        mail_id: Name of the message.
        now: Instant.
        delivered: Whether the server said that the recipient has it.
    """
    with registry.begin() as session:
        _settle(session, mail_id, "delivered" if delivered else "sent", now, None)


def failed(registry: Registry, mail_id: str, error: str, now: datetime) -> None:
    """Notes that a message will never be taken, and destroys what it said.

    Args:
        registry: The registry.
        mail_id: Name of the message.
        error: Why; without address or content.
        now: Instant.
    """
    with registry.begin() as session:
        _settle(session, mail_id, "failed", now, error)


def postpone(registry: Registry, mail_id: str, error: str, now: datetime) -> datetime | None:
    """Gives a claimed message back for another attempt, after the pause of its type; see :data:`PAUSES`.

    Args:
        registry: The registry.
        mail_id: Name of the message.
        error: Why; without address or content.
        now: Instant.

    Returns:
        When it is tried again; ``None`` where that would be too late, or it was tried often enough: it has failed then.
    """
    with registry.begin() as session:
        row = session.get_one(OutgoingMail, mail_id)
        pause = _pause(row.kind, row.attempts)
        if pause is None or now + pause >= row.expires_at:
            _settle(session, mail_id, "failed", now, error)
            return None
        row.next_at, row.error = now + pause, error
        return row.next_at


def entries(session: Session, organisation: str, *, state: str | None = None) -> list[Entry]:
    """The outbox of an organisation, newest first.

    Args:
        session: A transaction.
        organisation: Whose.
        state: Only messages that are ``queued``, ``sent``, ``delivered`` or ``failed``.
    """
    statement = select(OutgoingMail).where(OutgoingMail.organisation == organisation)
    if state is not None:
        statement = statement.where(OutgoingMail.state == state)
    return [
        Entry(
            row.mail_id,
            row.kind,
            row.language,
            row.subject,
            row.state,
            row.attempts,
            row.queued_at,
            row.next_at if row.state == "queued" else None,
            row.settled_at,
            row.error,
            row.channel,
        )
        for row in session.scalars(statement.order_by(OutgoingMail.queued_at.desc(), OutgoingMail.mail_id))
    ]


_ORDER = (OutgoingMail.next_at, OutgoingMail.mail_id)


def _told(file: Attachment) -> dict[str, str]:
    return {"name": file.name, "media_type": file.media_type, "content": b64encode(file.content).decode()}


def _read(kept: dict[str, str]) -> Attachment:
    return Attachment(kept["name"], kept["media_type"], b64decode(kept["content"]))


def _pause(kind: str, attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; ``None`` where they were enough."""
    pauses = PAUSES.get(kind)
    if pauses is None:
        doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 10)
        return min(doubled, LONGEST_PAUSE)
    return pauses[attempts - 1] if attempts <= len(pauses) else None


def _is_due(now: datetime, channel: Channel) -> ColumnElement[bool]:
    return and_(OutgoingMail.state == "queued", OutgoingMail.channel == channel, OutgoingMail.next_at <= now)


def _settle(session: Session, mail_id: str, state: str, now: datetime, error: str | None) -> None:
    session.connection().execute(
        update(OutgoingMail)
        .where(OutgoingMail.mail_id == mail_id)
        .values(state=state, settled_at=now, error=error, **GONE)
    )
