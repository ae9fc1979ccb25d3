"""Versions of rows: what a table said before, and what it said at an instant.

A versioned table holds what is known now; a row that is replaced moves to the table's history with the instant until
when it was known. The two together give what was known at any instant, and history costs what changed.
"""

from datetime import datetime
from typing import Protocol

import polars as pl

from warehouse.errors import LakeError
from warehouse.excerpt import Readable
from warehouse.merging import MergeResult
from warehouse.predicates import covering
from warehouse.schemas import TABLES, Table
from warehouse.schemas.table import KNOWN_FROM, KNOWN_TO


class _Store(Readable, Protocol):
    def append(self, table: Table, frame: pl.DataFrame) -> bool: ...

    def merge(self, table: Table, fresh: pl.DataFrame, *, stale: pl.DataFrame) -> MergeResult: ...


def keep_versions(lake: _Store, table: Table, superseded: pl.DataFrame, now: datetime) -> None:
    """Keeps rows that are about to be replaced, each version once.

    History is written before the rows it is about are replaced. A run that dies between the two is done again and
    finds its history there already; in the other order, the repeated run would find nothing replaced and keep nothing.

    Args:
        lake: Where the tables are.
        table: Their table.
        superseded: The rows as they are now.
        now: Instant of the replacement, UTC.

    Raises:
        LakeError: The table keeps no versions.
    """
    history = table.history
    if history is None or not table.versioned:
        raise LakeError(f"{table.name} keeps no versions of its rows.")
    if superseded.is_empty():
        return
    # What a died run left was noted after the row became known, and its note bears the instant of that run.
    noted = (
        lake.scan(history)
        .filter(covering(table, superseded).expression, pl.col(KNOWN_TO.name) > superseded[KNOWN_FROM.name].min())
        .join(superseded.lazy(), on=[*table.key, KNOWN_FROM.name], how="semi", nulls_equal=True)
        .select(history.key)
        .collect()
    )
    rows = superseded.with_columns(pl.lit(now).alias(KNOWN_TO.name))
    if noted.is_empty():
        lake.append(history, rows)  # cheaper than a merge, which reads and rewrites its neighbours
    else:
        lake.merge(history, rows, stale=noted)


class Past:
    """A lake as it was known at an instant.

    Rows that the system did not hold yet do not show; rows that were replaced since do.

    Args:
        whole: What the rows are taken from.
        known_at: The instant, UTC.
    """

    def __init__(self, whole: Readable, known_at: datetime) -> None:
        self._whole = whole
        self._known_at = pl.lit(known_at)

    def scan(self, table: Table) -> pl.LazyFrame:
        """The rows of a table that were known.

        Raises:
            LakeError: The table does not keep what it said before.
        """
        rows, known_at = self._whole.scan(table), self._known_at
        if table.lasting:
            return rows
        if table.known_since is None:
            raise LakeError(without_past(table))
        since = pl.col(table.known_since) <= known_at
        if is_history(table):
            return rows.filter(since, pl.col(str(table.known_until)) <= known_at)
        if table.known_until is not None:
            until = pl.col(table.known_until)
            return rows.filter(since).with_columns(pl.when(until <= known_at).then(until).alias(table.known_until))
        if table.history is None:
            return rows.filter(since)
        old = self._whole.scan(table.history).filter(since, pl.col(str(table.history.known_until)) > known_at)
        current = rows.filter(since).join(old, on=table.key, how="anti", nulls_equal=True)
        return pl.concat([current, old.select(table.schema.names())])

    def partitions(self, table: Table) -> list[str]:
        """Those of what is known now and of what was known before."""
        both = (table,) if table.history is None else (table, table.history)
        return sorted({name for one in both for name in self._whole.partitions(one)})


def is_history(table: Table) -> bool:
    """Whether a table holds the superseded rows of another one."""
    return any(other.history is not None and other.history.name == table.name for other in TABLES.values())


def without_past(table: Table) -> str:
    """Why nothing can be asked of a table as of an instant."""
    return f"{table.name} does not keep what it said before; ask it without --as-of."
