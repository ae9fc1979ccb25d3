"""Forgetting: what the outbox need not know of people any more; states, counts and times stay."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from registry.mail.outbox import EXPIRED, GONE
from registry.models import OutgoingMail

FORGOTTEN = ""
"""In place of the person that a message was for."""


def writers(session: Session) -> list[str]:
    """The organisations that have written messages, by name."""
    return list(session.scalars(select(OutgoingMail.organisation).distinct().order_by(OutgoingMail.organisation)))


def give_up_late(session: Session, organisation: str, now: datetime) -> int:
    """Gives up messages that nobody sent before they expired, with what they said, as where no server is set.

    Args:
        session: A writing transaction.
        organisation: Who wrote them.
        now: The present. A message that somebody has claimed is left to them.

    Returns:
        How many.
    """
    row = OutgoingMail
    late = update(row).where(
        row.organisation == organisation, row.state == "queued", row.expires_at <= now, row.next_at <= now
    )
    given_up = late.values(state="failed", settled_at=now, error=func.coalesce(row.error, EXPIRED), **GONE)
    return session.connection().execute(given_up).rowcount


def forget_recipients(session: Session, organisation: str, before: datetime) -> int:
    """Forgets for whom messages were that were sent or given up before an instant.

    Args:
        session: A writing transaction.
        organisation: Who wrote them.
        before: The instant, UTC; what they said is gone since they were settled.

    Returns:
        How many.
    """
    row = OutgoingMail
    old = update(row).where(row.organisation == organisation, row.settled_at < before, row.subject != FORGOTTEN)
    return session.connection().execute(old.values(subject=FORGOTTEN)).rowcount
