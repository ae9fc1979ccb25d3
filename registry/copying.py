"""Copies of a whole registry: into another database for good, or into a file for a back-up.

All tables go in one transaction, as they were at one instant, and the chain of audit events is walked before it is
committed: a copy is there whole and holds, or is not there.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.engines import allow_long_statements, continue_numbers, name_of
from registry.errors import RegistryError
from registry.models import Base, Cursor
from registry.store import MOVED, Registry

ROWS_AT_ONCE = 5_000


def move(source: Registry, target: Registry, *, organisation: str, identity: str, now: datetime) -> dict[str, int]:
    """Moves a registry into an empty database; the old one stays as it is, and is written by nobody any more.

    Writers wait while it is copied. Where it dies, the old registry is the one that holds: the mark that keeps writers
    off it is the last thing to be written.

    Args:
        source: The registry.
        target: A registry without rows.
        organisation: Whose audit event.
        identity: Who moves it.
        now: When.

    Returns:
        Rows per table.

    Raises:
        RegistryError: The target has rows, is the source, or the copy does not agree with it.
    """
    if source.engine.url == target.engine.url:
        raise RegistryError("The registry lies there already: name another database.")
    with source.begin() as writing:
        allow_long_statements(writing.connection())
        with target.begin() as session:
            counts = copy(writing, session, name_of(target.engine))
            audit.record(
                session,
                organisation=organisation,
                event="registry.move",
                identity=identity,
                now=now,
                target=name_of(target.engine),
                before={"registry": name_of(source.engine)},
                after={"registry": name_of(target.engine)},
                details={"rows": sum(counts.values())},
            )
        owner, name = MOVED
        writing.add(Cursor(organisation=owner, name=name, value=name_of(target.engine), written_at=now))
    return counts


def copy(source: Session, target: Session, name: str) -> dict[str, int]:
    """Copies every table into a registry without rows.

    Args:
        source: A transaction of the registry to be copied.
        target: A writing transaction of the other one; nothing is committed here.
        name: Name of the target, for messages.

    Returns:
        Rows per table.

    Raises:
        RegistryError: The target has rows, or does not hold what the source holds.
    """
    allow_long_statements(target.connection())
    tables = Base.metadata.sorted_tables
    if filled := [table.name for table in tables if _count(target, table)]:
        raise RegistryError(
            f"{name} is not empty: there are rows in {', '.join(filled)}. Name a database without a registry."
        )
    counts = {table.name: _copy_table(source, target, table) for table in tables}
    if differing := [table.name for table in tables if _count(target, table) != counts[table.name]]:
        raise RegistryError(f"The copy has other rows than the registry in {', '.join(differing)}: nothing is stored.")
    ours, theirs = audit.walk_in(source), audit.walk_in(target)
    if ours != theirs or theirs.broken is not None:
        raise RegistryError(
            "The chain of audit events does not hold, so nothing is stored: see 'meterhouse audit verify'."
        )
    return counts


def _copy_table(source: Session, target: Session, table: Table) -> int:
    """Copies the rows of a table; those that name another row of it get that name once all are there."""
    key = list(table.primary_key.columns)
    inward = [column for column in table.columns if any(to.column.table is table for to in column.foreign_keys)]
    count = 0
    rows = source.execute(select(table).order_by(*key), execution_options={"yield_per": ROWS_AT_ONCE})
    later: list[dict[str, Any]] = []
    for part in rows.mappings().partitions():
        values = [dict(row) for row in part]
        if inward:
            later += values
            values = [row | {column.name: None for column in inward} for row in values]
        target.execute(insert(table).execution_options(render_nulls=True), values)
        count += len(values)
    for row in later:
        naming = {column.name: row[column.name] for column in inward}
        target.execute(update(table).where(*(column == row[column.name] for column in key)).values(naming))
    continue_numbers(target.connection(), table)
    return count


def _count(session: Session, table: Table) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
