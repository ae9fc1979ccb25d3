"""Reading the audit log: by period, type, identity and object, with the technical details of each event."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from registry.audit import NOBODY, personal_of
from registry.errors import RegistryError
from registry.models import AuditEvent
from registry.store import Registry
from registry.vault import KeyVault


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for.

    Attributes:
        organisation: Whose; events of nobody are among them.
        first: From when on (UTC).
        until: Up to, without, this instant.
        event: Type, or its beginning up to a dot (``meters``).
        identity: User or service.
        target: What was changed.
        kinds: Types, any of them; none lets all through.
    """

    organisation: str
    first: datetime | None = None
    until: datetime | None = None
    event: str | None = None
    identity: str | None = None
    target: str | None = None
    kinds: tuple[str, ...] = ()


def events(registry: Registry, asked: Filter, limit: int = 1000) -> list[AuditEvent]:
    """The newest events that are asked for, the newest first."""
    e = AuditEvent
    whose = e.organisation.in_((asked.organisation, NOBODY))
    statement = select(e).where(whose).order_by(e.number.desc()).limit(limit)
    if asked.first is not None:
        statement = statement.where(e.at >= asked.first)
    if asked.until is not None:
        statement = statement.where(e.at < asked.until)
    if asked.event is not None:
        statement = statement.where((e.event == asked.event) | e.event.startswith(f"{asked.event}.", autoescape=True))
    if asked.kinds:
        statement = statement.where(e.event.in_(asked.kinds))
    if asked.identity is not None:
        statement = statement.where(e.identity == asked.identity)
    if asked.target is not None:
        statement = statement.where(e.object == asked.target)
    with registry.begin(readonly=True) as session:
        return list(session.scalars(statement))


def types(registry: Registry, organisation: str) -> list[str]:
    """Types of the events that there are, by name."""
    e = AuditEvent
    statement = select(e.event).where(e.organisation.in_((organisation, NOBODY))).distinct().order_by(e.event)
    with registry.begin(readonly=True) as session:
        return list(session.scalars(statement))


def details(registry: Registry, vault: KeyVault, organisation: str, number: int) -> dict[str, Any]:
    """Everything about one event.

    Args:
        registry: The registry.
        vault: Opens what the event tells of a person.
        organisation: Whose event.
        number: Its number.

    Returns:
        Fields by name; ``personal`` holds ``before`` and ``after``, or says that it was erased.

    Raises:
        RegistryError: There is no such event.
    """
    with registry.begin(readonly=True) as session:
        row = session.get(AuditEvent, number)
        if row is None or row.organisation not in (organisation, NOBODY):
            raise RegistryError(f"There is no audit event {number}.")
        found: dict[str, Any] = {
            "number": row.number,
            "at": row.at.isoformat(),
            **{name: getattr(row, name) for name in ("event", "identity", "computer", "object", "reason")},
            **{name: json.loads(text) if (text := getattr(row, name)) else None for name in _JSON},
            "digest": row.digest,
        }
        if row.subject is not None:
            found["subject"] = row.subject
            found["personal"] = personal_of(session, vault, row) or "erased"
    return found


_JSON = ("before", "after", "details")
