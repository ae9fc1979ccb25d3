"""The audit log: append-only, each event chained by its hash to the one before (ALGORITHMS §18)."""

import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import AuditEvent
from registry.store import Registry


def record(
    session: Session,
    *,
    organisation: str,
    event: str,
    identity: str,
    now: datetime,
    subject: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Appends an event in the transaction of the change it tells of.

    Args:
        session: A writing transaction.
        organisation: Whose event.
        event: Type, e.g. ``meters.import``.
        identity: User or service.
        now: When.
        subject: What was changed.
        details: More, as JSON; never a key or personal data.
    """
    row = AuditEvent(
        organisation=organisation,
        at=now,
        event=event,
        identity=identity,
        computer=socket.gethostname(),
        object=subject,
        details=json.dumps(details, sort_keys=True) if details else None,
    )
    before = session.scalar(select(AuditEvent.digest).order_by(AuditEvent.number.desc()).limit(1))
    row.digest = _digest(before, row)
    session.add(row)
    session.flush()


def first_broken(registry: Registry) -> int | None:
    """Walks the chain.

    Args:
        registry: The registry.

    Returns:
        Number of the first event that was altered, or whose predecessor is missing; ``None`` where the chain holds.
    """
    before: str | None = None
    with registry.begin(readonly=True) as session:
        for row in session.scalars(select(AuditEvent).order_by(AuditEvent.number)):
            if row.digest != _digest(before, row):
                return row.number
            before = row.digest
    return None


def _digest(before: str | None, row: AuditEvent) -> str:
    fields = (
        row.organisation,
        row.at.astimezone(UTC).isoformat(),  # as the database gives it back
        row.event,
        row.identity,
        row.computer,
        row.object,
        row.details,
    )
    return sha256(json.dumps([before, *fields]).encode()).hexdigest()
