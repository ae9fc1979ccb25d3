"""Many rows in one statement, past the objects of the session, which its own bulk statements look at one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, update
from sqlalchemy.orm import Session

from registry.models.base import Base


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows in their order.

    Args:
        session: A writing transaction.
        model: Their table.
        rows: Values by column, the same columns in each; what the table numbers by itself is left out.
    """
    if rows:
        session.flush()
        session.execute(insert(_table(model)), rows)


def update_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Changes rows; objects of the session that stand for them are not refreshed.

    Args:
        session: A writing transaction.
        model: Their table.
        rows: The primary key and the new values by column, the same columns in each.
    """
    if not rows:
        return
    session.flush()
    table = _table(model)
    keys = {column.name: f"of_{column.name}" for column in table.primary_key}
    statement = update(table).where(*(table.c[key] == bindparam(name) for key, name in keys.items()))
    session.execute(statement, [{keys.get(name, name): value for name, value in row.items()} for row in rows])


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  for the type checker: declared models have tables
    return table
