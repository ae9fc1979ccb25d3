"""What of the lake is new to somebody who looks at it again and again.

Whoever looks notes the versions of the tables that it found well. The next look is at the blocks of files that came or
went since, so that it costs what is new and not what the lake, a month or a day holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assets.installation import Installation
from registry.ledger import read_cursor
from registry.models import Cursor
from warehouse.predicates import Box, inside
from warehouse.schemas import Table

_PREFIX = "seen:"


@dataclass(frozen=True)
class Unseen:
    """What is new to one observer.

    Attributes:
        house: The installation.
        observer: Name of who looks.
        versions: Versions that the look is at, by the tables' names; ``None`` where nothing was ever written.
        blocks: By the tables' names, as :meth:`warehouse.lake.Lake.changed_since` gives them.
    """

    house: Installation
    observer: str
    versions: Mapping[str, int | None]
    blocks: Mapping[str, Mapping[str, Sequence[Box]]]

    def news(self) -> list[str]:
        """Partitions of any of the tables with news, in order."""
        return sorted({value for blocks in self.blocks.values() for value in blocks})

    def boxes(self, *tables: Table) -> list[Box]:
        """Blocks with news of some of the observer's tables."""
        return [box for table in tables for blocks in self.blocks[table.name].values() for box in blocks]

    def rows(self, table: Table) -> pl.LazyFrame:
        """Rows of the blocks with news, of all organisations.

        Args:
            table: One of the observer's tables.
        """
        return self.house.lake.scan(table).filter(inside(self.boxes(table)))


def unseen(house: Installation, observer: str, tables: Iterable[Table]) -> Unseen:
    """What is new in some tables since they were found well.

    Args:
        house: The installation.
        observer: Name of who looks.
        tables: What it looks at.
    """
    known = json.loads(read_cursor(house.registry, house.organisation, _PREFIX + observer) or "{}")
    looked_at = list(tables)
    # Before the blocks: what is written meanwhile is looked at now, and once more.
    versions = {table.name: house.lake.version(table) for table in looked_at}
    blocks = {table.name: house.lake.changed_since(table, known.get(table.name)) for table in looked_at}
    return Unseen(house, observer, versions, blocks)


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
