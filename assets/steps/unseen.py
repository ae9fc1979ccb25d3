"""What of the lake is new to somebody who looks at it again and again.

Whoever looks notes the versions of the tables that it found well. The next look is at the partitions of which files
came or went since, so that it costs what is new and not what the lake holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from assets.installation import Installation
from registry.ledger import read_cursor
from registry.models import Cursor
from warehouse.schemas import Table

_PREFIX = "seen:"


@dataclass(frozen=True)
class Unseen:
    """What is new to one observer.

    Attributes:
        house: The installation.
        observer: Name of who looks.
        versions: Versions that the look is at, by the tables' names; ``None`` where nothing was ever written.
        partitions: Partitions with news by the tables' names, as :meth:`warehouse.lake.Lake.changed_since` gives them.
    """

    house: Installation
    observer: str
    versions: Mapping[str, int | None]
    partitions: Mapping[str, list[str]]

    def news(self) -> list[str]:
        """Partitions of any of the tables with news, in order."""
        return sorted({value for values in self.partitions.values() for value in values})

    def rows(self, table: Table, *others: str) -> pl.LazyFrame:
        """Rows of the partitions with news, of all organisations.

        Args:
            table: One of the observer's tables.
            others: Further partitions to look at.
        """
        values = sorted({*self.partitions[table.name], *others})
        rows = self.house.lake.scan(table)
        if not values:
            return rows.limit(0)
        if not table.partition_by:
            return rows
        (column,) = table.partition_by
        by_day = table.schema[column] == pl.Date
        return rows.filter(pl.col(column).is_in([date.fromisoformat(value) for value in values] if by_day else values))


def unseen(house: Installation, observer: str, tables: Iterable[Table]) -> Unseen:
    """What is new in some tables since they were found well.

    Args:
        house: The installation.
        observer: Name of who looks.
        tables: What it looks at.
    """
    known = json.loads(read_cursor(house.registry, house.organisation, _PREFIX + observer) or "{}")
    looked_at = list(tables)
    # Before the partitions: what is written meanwhile is looked at now, and once more.
    versions = {table.name: house.lake.version(table) for table in looked_at}
    partitions = {table.name: house.lake.changed_since(table, known.get(table.name)) for table in looked_at}
    return Unseen(house, observer, versions, partitions)


def note_seen(looks: Iterable[Unseen], now: datetime) -> None:
    """Notes that all was well; what an observer saw for the first time as it is goes into one transaction.

    Args:
        looks: What was looked at, of one installation.
        now: When.
    """
    news = [look for look in looks if look.news()]
    if not news:
        return
    house = news[0].house
    with house.registry.begin() as session:
        for look in news:
            value = json.dumps(look.versions)
            name = _PREFIX + look.observer
            session.merge(Cursor(organisation=house.organisation, name=name, value=value, written_at=now))
