"""Reading rounds, which are split by group, and collectors that read a group."""

import polars as pl
import pytest
from sqlalchemy import insert

from registry import groups
from registry.groups import GroupError
from registry.ledger import note_collectors
from registry.models import Installation, Meter, MeteringPoint
from registry.store import Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import NOW
from tests.unit.registry.group_rows import DAY, FIRST, author, events, filled, make

__all__ = ["filled"]


# GRP-05


def round_of(registry: Registry, *names: str, limit: int = 30_000) -> pl.DataFrame:
    with registry.begin(readonly=True) as session:
        return groups.reading_round(session, "default", names, at=NOW, limit=limit)


def test_a_round_is_split_by_group_each_meter_once(filled) -> None:
    make(filled, "East area", "P1", "P2")
    make(filled, "West area", "P2", "P3")
    rows = round_of(filled, "West area", "East area").select("group", "metering_point").rows()
    assert rows == [("West area", "P2"), ("West area", "P3"), ("East area", "P1")]
    assert round_of(filled).height == 4
    assert "Meadow" not in round_of(filled).write_csv()


def test_a_round_of_nothing_is_refused(filled) -> None:
    make(filled, "Empty")
    for name, said in (("Empty", "nothing to read"), (groups.IN_STOCK, "nothing to read"), ("Nowhere", "no group")):
        with pytest.raises(GroupError, match=said):
            round_of(filled, name)


def test_30001_meters_ask_for_groups(registry) -> None:
    numbers = range(30_001)
    owner = {"organisation": "default"}
    device = {"manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water", "state": "in_use"}
    with registry.begin() as session:
        session.execute(insert(Meter), [{**owner, **device, "meter_id": f"M{n}", "serial": f"{n:08}"} for n in numbers])
        session.execute(
            insert(MeteringPoint), [{**owner, "metering_point": f"P{n}", "role": "consumption"} for n in numbers]
        )
        session.execute(
            insert(Installation),
            [
                {**owner, "metering_point": f"P{n}", "meter_id": f"M{n}", "installed_at": FIRST, "known_from": FIRST}
                for n in numbers
            ],
        )
        for name, points in (("One", 1), ("Most", 30_000), ("Too many", 30_001)):
            groups.add_all(session, "default", name, [f"P{n}" for n in range(points)], identity="test", now=NOW)
    for names in ((), ("Too many",), ("Most", "Too many")):
        with pytest.raises(GroupError, match=r"30001 meters are more than the 30000 .* Choose groups") as refused:
            round_of(registry, *names)
        assert names or "such as Most (30000), One (1)." in str(refused.value)
    assert round_of(registry, "Most").height == 30_000
    assert round_of(registry, "One", "Most").height == 30_000, "a meter of two groups is read once"
    with pytest.raises(GroupError, match="smaller groups"):
        round_of(registry, limit=0)
    assert round_of(registry, limit=30_001).height == 30_001


# GRP-06


def readers(registry: Registry) -> list[tuple]:
    rows = published_tables(registry)["group_readers"].sort("valid_from")
    return rows.select("collector", "group", "valid_from", "valid_to").rows()


def test_a_collector_reads_one_group_at_a_time(filled) -> None:
    make(filled, "Cellar")
    make(filled, "Attic")
    note_collectors(filled, "default", pl.Series(["master-1", "master-2"]))
    with filled.begin() as session:
        groups.assign(session, author(), "master-1", "Cellar")
        groups.assign(session, author(NOW + DAY), "master-1", "Attic")
        with pytest.raises(GroupError, match="no collector 'master-9'"):
            groups.assign(session, author(), "master-9", "Cellar")
        with pytest.raises(GroupError, match="reads no group"):
            groups.release(session, author(), "master-2")
    assert readers(filled) == [
        ("master-1", "Cellar", NOW, NOW + DAY),
        ("master-1", "Attic", NOW + DAY, None),
    ]
    with filled.begin() as session:
        groups.release(session, author(NOW + 2 * DAY), "master-1")
    assert readers(filled)[1][3] == NOW + 2 * DAY
    assert [event[0] for event in events(filled)][-3:] == ["group.reader.assign"] * 2 + ["group.reader.release"]
