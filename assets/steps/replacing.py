"""Reckoned rows in the place of those before, those of several parts in one commit.

Replacing rows rewrites the files they lie in, and the rows of all parts lie in the same ones.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased
from assets.steps.frozen import thawed
from assets.steps.history import note_corrections
from assets.steps.side_by_side import side_by_side
from warehouse.schemas import Table

ROWS_AT_ONCE = 2_000_000
"""Gathered rows, fresh ones and those before, that are committed without waiting for more: bounds the memory."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Rows to come and rows to go; of frozen days and of erased ones it holds neither.

    Attributes:
        table: A table of figures or events of metering points.
        fresh: Rows that hold from now on, in the table's columns.
        before: Stored rows that they take the place of.
    """

    table: Table
    fresh: pl.DataFrame
    before: pl.DataFrame

    @classmethod
    def of(
        cls, house: Installation, table: Table, fresh: pl.DataFrame, before: pl.DataFrame, now: datetime
    ) -> "Replacement":
        """Prepares one.

        Args:
            house: The installation.
            table: A table of figures or events of metering points.
            fresh: Its rows to come, without ``known_from``.
            before: Stored rows that they take the place of, at least the columns of the table.
            now: Instant of the replacement, UTC.
        """
        new = table.conform(fresh.with_columns(known_from=pl.lit(now)))
        old = before.select(table.schema.names())
        new, old = (thawed(house, table, without_erased(house, table, rows)) for rows in (new, old))
        return cls(table, new, old)

    def without(self, points: pl.DataFrame) -> "Replacement":
        """The same but for the rows of some points (``metering_point``)."""
        fresh, before = (rows.join(points, on="metering_point", how="anti") for rows in (self.fresh, self.before))
        return replace(self, fresh=fresh, before=before)

    def applied_to(self, stored: pl.DataFrame) -> pl.DataFrame:
        """Rows of the table as they are once it is committed."""
        key = self.table.key
        gone = pl.concat([self.before.select(key), self.fresh.select(key)])
        return pl.concat([stored.select(self.fresh.columns).join(gone, on=key, how="anti"), self.fresh])


class Gathering:
    """Replacements of parts that are reckoned side by side, committed as they are many.

    Args:
        house: The installation.
        now: Instant of the run, UTC.
        why: Why points are reckoned again, as :func:`assets.steps.touched.causes` gives it.
        last: Tables that are committed when all others of the same parts are: a run that died before finds by their
            rows what it has to look at again.
    """

    def __init__(self, house: Installation, now: datetime, why: pl.LazyFrame, last: Sequence[Table]) -> None:
        self._house, self._now, self._why, self._last = house, now, why, last
        self._gathered: list[Replacement] = []
        self._lock = Lock()
        self.changed = Counter[str]()

    def add(self, part: Iterable[Replacement]) -> None:
        """Takes the replacements of one part.

        Where those of two parts name the same row, as findings about a meter that moved from one point to another do,
        the later one holds.
        """
        with self._lock:
            self._gathered += part
            if sum(one.fresh.height + one.before.height for one in self._gathered) < ROWS_AT_ONCE:
                return
            full, self._gathered = self._gathered, []
        self._commit(full)

    def finish(self) -> None:
        """Commits what is left."""
        with self._lock:
            rest, self._gathered = self._gathered, []
        self._commit(rest)

    def _commit(self, gathered: list[Replacement]) -> None:
        tables = dict.fromkeys(one.table for one in gathered)
        joined = {table: _joined([one for one in gathered if one.table == table]) for table in tables}
        gathered.clear()
        side_by_side(self.commit, [joined[table] for table in tables if table not in self._last])
        for table in self._last:
            if table in joined:
                self.commit(joined[table])

    def commit(self, one: Replacement) -> None:
        """Notes the figures that change, then puts the fresh rows in the place of those before."""
        if "consumption" in one.table.schema:
            note_corrections(self._house, one.table, one.fresh, one.before, self._why, self._now)
        stale = one.before.select(one.table.key)
        merged = self._house.lake.merge(one.table, one.fresh, stale=stale, superseded_at=self._now)
        with self._lock:
            self.changed[one.table.name] += merged.inserted + merged.replaced


def _joined(several: list[Replacement]) -> Replacement:
    table = several[0].table
    fresh = pl.concat([one.fresh for one in several]).unique(table.key, keep="last", maintain_order=True)
    return Replacement(table, fresh, pl.concat([one.before for one in several]))
