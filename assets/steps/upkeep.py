"""Upkeep of the lake: few, sorted files where time has passed, few files where it goes on, and no old ones for ever."""

from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.estimating import kept_newest
from assets.steps.touched import join_batches
from registry import audit
from warehouse.schemas import Table

WORK = "upkeep"
"""Name of the lock; erasure holds it, too: it takes files that no version names yet for left-overs."""

_LATECOMERS = timedelta(days=1)
"""How long after its end a month or day still counts as running."""


def is_closed(table: Table, partition: str, now: datetime) -> bool:
    """Whether a partition is of a month or day that is over.

    Args:
        table: A table.
        partition: Value of its partition column; empty where it has none.
        now: The present.
    """
    if not table.partition_by:
        return False
    form = "%Y-%m-%d" if table.schema[table.partition_by[0]] == pl.Date else "%Y-%m"
    return partition < (now - _LATECOMERS).strftime(form)


def compact_lake(house: Installation, *, identity: str, now: datetime) -> dict[str, int]:
    """Rewrites what lies in too many files: what is closed is sorted anew, what still grows is joined.

    Readers and writers go on meanwhile. Where somebody dies, each table reads as before; so it does where a partition
    was done and another was not.

    Args:
        house: The installation.
        identity: Who asks.
        now: The present.

    Returns:
        Partitions that were rewritten, per table; a table without partitions counts as one.

    Raises:
        LakeError: A table could not be written.
    """
    done: dict[str, int] = {}
    with house.alone(WORK):
        join_batches(house, kept_newest(house))
        for table in house.lake.tables():
            partitions = house.lake.overfull(table)
            for partition in partitions:
                if is_closed(table, partition, now):
                    house.lake.compact(table, partition)
                else:
                    house.lake.gather(table, partition)
            done |= {table.name: len(partitions)} if partitions else {}
    _record(house, "lake.compact", identity, now, done)
    return done


def vacuum_lake(house: Installation, *, identity: str, now: datetime) -> dict[str, int]:
    """Deletes files that no table has needed since the retention of the settings.

    Args:
        house: The installation.
        identity: Who asks.
        now: The present.

    Returns:
        Files that were deleted, per table.

    Raises:
        LakeError: A table could not be written.
    """
    retention = timedelta(days=house.settings.lake_retention_days)
    with house.alone(WORK):
        counts = {table.name: len(house.lake.vacuum(table, retention)) for table in house.lake.tables()}
    done = {name: count for name, count in counts.items() if count}
    _record(house, "lake.vacuum", identity, now, done)
    return done


def _record(house: Installation, event: str, identity: str, now: datetime, done: dict[str, int]) -> None:
    if not done:
        return
    with house.registry.begin() as session:
        audit.record(session, organisation=house.organisation, event=event, identity=identity, now=now, details=done)
