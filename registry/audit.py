"""The audit log: append-only, each event chained by its hash to the one before (ALGORITHMS §18).

What an event tells of a person is encrypted under a key of that person's own (:mod:`registry.subjects`): erasure
destroys the key, and the chain still verifies.
"""

import json
import socket
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.bulk import insert_rows
from registry.limits import limit_of
from registry.models import AuditEvent
from registry.store import Registry
from registry.subjects import seal_all, unseal
from registry.vault import KeyVault

NOBODY = ""
"""Organisation of events that are of none, such as a sign-in to an account that does not exist."""

computer_at_work: ContextVar[str | None] = ContextVar("computer at work", default=None)
"""Address of the computer that a request came from; where it is not set, the work is this computer's own."""

GENESIS = "0" * 64
"""What the first event is chained to."""

Fields = Mapping[str, object]

_HASHED = (
    *("organisation", "event", "identity", "computer", "object", "before", "after", "reason", "details"),
    *("subject", "personal"),
)
"""Columns that the hash covers, besides ``at``."""


class By(TypedDict):
    """Who changes something and when, as functions of the registry ask for it."""

    identity: str
    now: datetime


@dataclass(frozen=True, slots=True)
class PersonalChange:
    """What an event changes of a person's data.

    Attributes:
        vault: Wraps the person's key.
        subject: Who, by a name without meaning, such as ``customer:P1`` or ``user:42``.
        before: Fields as they were.
        after: Fields as they are now.
    """

    vault: KeyVault
    subject: str
    before: Fields | None = None
    after: Fields | None = None


def record(
    session: Session,
    *,
    organisation: str,
    event: str,
    identity: str,
    now: datetime,
    target: str | None = None,
    before: Fields | None = None,
    after: Fields | None = None,
    reason: str | None = None,
    details: Fields | None = None,
    personal: PersonalChange | None = None,
    computer: str | None = None,
) -> None:
    """Appends an event in the transaction of the change it tells of.

    Args:
        session: A writing transaction; there is one at a time, so that events follow one another.
        organisation: Whose event.
        event: Type, e.g. ``meters.import``.
        identity: User or service.
        now: When.
        target: What was changed, e.g. a meter id or the name of a file; cut where it is too long.
        before: Fields that changed, as they were; never a key or personal data.
        after: The same fields as they are now.
        reason: Why, in the words of who did it.
        details: Technical details; never a key or personal data.
        personal: What changed of a person's data.
        computer: Name or address of the computer it was done from; by default :data:`computer_at_work`, else this one.
    """
    row = AuditEvent(
        organisation=organisation,
        at=now,
        event=event,
        identity=identity,
        computer=(computer or _computer())[: limit_of(AuditEvent.computer)],
        object=target[: limit_of(AuditEvent.object)] if target else target,
        before=_json(before),
        after=_json(after),
        reason=reason,
        details=_json(details),
        subject=personal.subject if personal else None,
        personal=_sealed_all(session, organisation, [personal], now)[0] if personal else None,
    )
    row.digest = _digest(head(session), row)
    session.add(row)
    session.flush()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one of many things.

    Attributes:
        target: The thing, e.g. a meter id.
        before: Fields that changed, as they were; never a key or personal data.
        after: The same fields as they are now.
        event: Type of its event, where the changes are of several types.
        personal: What changed of a person's data.
    """

    target: str
    before: Fields | None
    after: Fields | None
    event: str | None = None
    personal: PersonalChange | None = None


def record_changes(
    session: Session,
    *,
    organisation: str,
    event: str,
    identity: str,
    now: datetime,
    changes: Sequence[Change],
    reason: str | None = None,
    details: Fields | None = None,
) -> None:
    """Appends an event for each of many changes at once, as :func:`record` does for one.

    Args:
        session: A writing transaction.
        organisation: Whose events.
        event: Type of those that name none of their own, e.g. ``meters.update``.
        identity: User or service.
        now: When.
        changes: What changed, one thing each.
        reason: Why, in the words of who did it.
        details: Technical details, the same for all.
    """
    if not changes:
        return
    session.flush()
    digest = head(session)
    rows = []
    common = {
        "organisation": organisation,
        "at": now,
        "event": event,
        "identity": identity,
        "computer": _computer()[: limit_of(AuditEvent.computer)],
        "reason": reason,
        "details": _json(details),
    }
    told = [change.personal for change in changes if change.personal]
    sealed = iter(_sealed_all(session, organisation, told, now))
    for change in changes:
        row = common | {"object": change.target, "before": _json(change.before), "after": _json(change.after)}
        row["event"] = change.event or event
        row["subject"] = change.personal.subject if change.personal else None
        row["personal"] = next(sealed) if change.personal else None
        digest = _chained(digest, row)
        rows.append(row | {"digest": digest})
    insert_rows(session, AuditEvent, rows)


def head(session: Session, *, but: Sequence[str] = ()) -> str:
    """Digest of the newest event: another one as soon as anybody has changed anything of the registry.

    Args:
        session: A transaction.
        but: Beginnings of names of events that do not count.
    """
    counted = (AuditEvent.event.not_like(f"{beginning}%") for beginning in but)
    newest = select(AuditEvent.digest).where(*counted).order_by(AuditEvent.number.desc()).limit(1)
    return session.scalar(newest) or GENESIS


def digest_of(session: Session, number: int) -> str | None:
    """Digest of an event; ``None`` where there is none of this number."""
    return session.scalar(select(AuditEvent.digest).where(AuditEvent.number == number))


@dataclass(frozen=True, slots=True)
class Chain:
    """What a walk along the chain found.

    Attributes:
        events: Events that hold, in order.
        head: Hash of the last of them.
        broken: Number of the first event that was altered, or whose predecessor is missing; ``None`` where all hold.
        lost: Of the heads noted before, the counts at which the chain has another hash, or none.
    """

    events: int
    head: str
    broken: int | None
    lost: tuple[int, ...]


def walk(registry: Registry, heads: Mapping[int, str] | None = None) -> Chain:
    """Walks the chain from its start.

    Args:
        registry: The registry.
        heads: Hashes noted before, by the number of events there were. A chain that somebody wrote anew, or cut off at
            the end, verifies in itself, but not against them.

    Returns:
        What was found.
    """
    with registry.begin(readonly=True) as session:
        return walk_in(session, heads)


def walk_in(session: Session, heads: Mapping[int, str] | None = None) -> Chain:
    """Walks the chain as :func:`walk` does, in a transaction that is under way."""
    noted = dict(heads or {})
    before, count, broken = GENESIS, 0, None
    for row in session.scalars(select(AuditEvent).order_by(AuditEvent.number).execution_options(yield_per=1000)):
        if row.digest != _digest(before, row):
            broken = row.number
            break
        before, count = row.digest, count + 1
        if noted.get(count) == before:
            del noted[count]
    return Chain(count, before, broken, tuple(sorted(noted)))


def personal_of(session: Session, vault: KeyVault, event: AuditEvent) -> dict[str, Any] | None:
    """What an event tells of a person: ``before`` and ``after``; ``None`` where nothing, or where it is erased."""
    if event.subject is None or event.personal is None:
        return None
    opened = unseal(session, vault, event.organisation, event.subject, bytes.fromhex(event.personal))
    return None if opened is None else json.loads(opened)


def _sealed_all(session: Session, organisation: str, changes: Sequence[PersonalChange], now: datetime) -> list[str]:
    if not changes:
        return []
    contents = [
        (change.subject, _FIELDS({"before": change.before, "after": change.after}).encode()) for change in changes
    ]
    # Whoever wraps the first one's key wraps those of the others: there is one vault.
    return [content.hex() for content in seal_all(session, changes[0].vault, organisation, contents, now)]


def _json(fields: Fields | None) -> str | None:
    return _FIELDS(fields) if fields else None


def _computer() -> str:
    return computer_at_work.get() or socket.gethostname()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in the audit log")


_FIELDS = json.JSONEncoder(sort_keys=True, default=_plain, ensure_ascii=False).encode
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _digest(previous: str, row: AuditEvent) -> str:
    return _chained(previous, {name: getattr(row, name) for name in (*_HASHED, "at")})


def _chained(previous: str, fields: Mapping[str, Any]) -> str:
    """Hash of an event's columns; those that it lacks are null."""
    hashed = {name: fields.get(name) for name in _HASHED}
    hashed["at"] = fields["at"].astimezone(UTC).isoformat()  # as the database gives it back
    return sha256(bytes.fromhex(previous) + _CANONICAL(hashed).encode()).hexdigest()
