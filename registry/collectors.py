"""What people note about collectors."""

from datetime import datetime

from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Collector

LONGEST = 200
"""Characters of a comment at most."""


def get(session: Session, organisation: str, collector: str) -> Collector:
    """A collector.

    Raises:
        RegistryError: There is none of this name.
    """
    row = session.get(Collector, (organisation, collector))
    if row is None:
        raise RegistryError(f"There is no collector {collector}.")
    return row


def set_comment(
    session: Session, organisation: str, collector: str, comment: str, *, identity: str, now: datetime
) -> None:
    """Notes where a collector hangs, or what it is for; the audit log says that it was done, not the words.

    Args:
        session: A writing transaction.
        organisation: Owner of the collector.
        collector: The collector.
        comment: The comment; empty takes it away.
        identity: Who does it.
        now: When, UTC.

    Raises:
        RegistryError: There is no such collector, or the comment is too long.
    """
    words = comment.strip()
    if len(words) > LONGEST:
        raise RegistryError(f"A comment on a collector has at most {LONGEST} characters; this one has {len(words)}.")
    get(session, organisation, collector).comment = words or None
    audit.record(
        session, organisation=organisation, event="collector.comment", identity=identity, now=now, target=collector
    )
