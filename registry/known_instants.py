"""Instants as of which others were told: whatever is stored after one was fixed bears a later one.

An export is as of an instant at which nobody writes. A run or a person may have looked at the clock before that and
store afterwards; so may a clock be set back. The last fixed instant therefore stands in the registry, and who stores
what is versioned takes :func:`later` of it instead of the clock alone.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import Cursor

_NAME = "exports:as_of"
_NEXT = timedelta(microseconds=1)


def fix(session: Session, organisation: str, now: datetime) -> datetime:
    """Fixes an instant; nobody else may write to the lake meanwhile.

    Args:
        session: A writing transaction.
        organisation: Whose data.
        now: The present, UTC.

    Returns:
        The present, or just after the last fixed instant where that is later.
    """
    instant = later(session, organisation, now)
    session.merge(Cursor(organisation=organisation, name=_NAME, value=instant.isoformat(), written_at=now))
    return instant


def later(session: Session, organisation: str, now: datetime, *, writing: bool = True) -> datetime:
    """An instant for what is about to be stored: the present, or just after the last fixed one where that is later.

    Args:
        session: A transaction.
        organisation: Whose data.
        now: The present, UTC.
        writing: Whether this is the transaction that stores it: nobody fixes an instant until it is committed.
    """
    statement = select(Cursor.value).where(Cursor.organisation == organisation, Cursor.name == _NAME)
    known = session.scalar(statement.with_for_update(read=True) if writing else statement)
    return now if known is None else max(now, datetime.fromisoformat(known) + _NEXT)
