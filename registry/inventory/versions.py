"""Versions of rows: a correction ends the version before it and adds its own."""

from datetime import datetime
from typing import TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from registry.models import Exchange, FinalReading, Installation, MeterConfiguration

Row = TypeVar("Row", Exchange, Installation, FinalReading, MeterConfiguration)


def supersede(session: Session, row: Row, now: datetime, **changes: object) -> Row:
    """Puts a new version in the place of a row, which stays as what was known before.

    Args:
        session: A writing transaction.
        row: The version that holds so far.
        now: Instant of the change, UTC.
        **changes: Columns that change.

    Returns:
        The version that holds now.
    """
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    values |= {"id": None, "known_from": now, "known_to": None, **changes}
    row.known_to = now
    fresh = type(row)(**values)
    session.add(fresh)
    session.flush()
    return fresh
