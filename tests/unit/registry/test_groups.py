"""Groups: members and their history, built-in groups, rules, rounds and readers, each organisation on its own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert, select, text

from registry import audit, groups
from registry.groups import Author, GroupError
from registry.imports import import_customers, import_meters
from registry.ledger import note_collectors
from registry.models import AuditEvent, Installation, Meter, MeteringPoint
from registry.store import MIGRATIONS, Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import NOW, ZONE
from warehouse.lake import Lake
from warehouse.schemas import TABLES
from warehouse.sql import connect, query

DAY = timedelta(days=1)
METERS = """manufacturer,serial,version,device_type,model,medium
KAM,90000001,1b,16,flowIQ 2200,water
KAM,90000002,1b,16,flowIQ 3100,water
KAM,90000003,34,04,MULTICAL 403,heat
DME,90000004,7b,07,,water
KAM,90000005,1b,16,flowIQ 2200,water
KAM,90000006,1b,16,flowIQ 2200,water
"""
CUSTOMERS = """metering_point,customer_number,name,address,postal_code,city,manufacturer,serial,installed_at
P1,C1,Customer 0001,Meadow Lane 1,1000,Northtown,KAM,90000001,2025-01-01T00:00:00Z
P2,C2,Customer 0002,Meadow Lane 2,1000,NORTHTOWN,KAM,90000002,2025-02-01T00:00:00Z
P3,C3,Customer 0003,Meadow Lane 3,2000,Southtown,KAM,90000003,2025-03-01T00:00:00Z
P4,C4,Customer 0004,Meadow Lane 4,2000,Southtown,DME,90000004,2025-04-01T00:00:00Z
"""
M1 = "KAM-90000001-1b-16"
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def author(at: datetime = NOW, organisation: str = "default") -> Author:
    return Author(organisation, "test", at)


def fill(registry: Registry, vault, organisation: str) -> None:
    owner = {"organisation": organisation, "identity": "test", "now": NOW - 10 * DAY}
    import_meters(registry, METERS.encode(), vault=vault, source_name="m.csv", target_state="stock", **owner)
    import_customers(registry, CUSTOMERS.encode(), zone=ZONE, source_name="c.csv", **owner)


@pytest.fixture
def filled(registry: Registry, vault) -> Registry:
    fill(registry, vault, "default")
    return registry


Published = Callable[[str], pl.DataFrame]


@pytest.fixture
def ask(filled: Registry, tmp_path: Path) -> Published:
    """SQL on the tables as they are published now."""
    lake = Lake(tmp_path / "lake")

    def asked(sql: str, organisation: str | None = "default") -> pl.DataFrame:
        for name, rows in published_tables(filled).items():
            lake.overwrite(TABLES[name], rows)
        return query(connect(lake, organisation), sql)

    return asked


def make(registry: Registry, name: str, *points: str, at: datetime = NOW, rule: dict | None = None) -> None:
    with registry.begin() as session:
        groups.create(session, author(at), name, groups.read_rule(json.dumps(rule), ZONE) if rule else None)
        if points:
            groups.add(session, author(at), name, points)


def members(registry: Registry, name: str, at: datetime = NOW) -> list[str]:
    with registry.begin(readonly=True) as session:
        evaluated = groups.evaluate(session, "default")
    return sorted(set(groups.present(evaluated.members.filter(group=name), at)["metering_point"].drop_nulls()))


def known(registry: Registry, name: str, at: datetime | None = None) -> list[tuple]:
    with registry.begin(readonly=True) as session:
        return groups.members(session, "default", name, at).rows()


def events(registry: Registry) -> list[tuple]:
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.event.startswith("group."))).all()
    return [(row.event, row.object, row.before, row.after, row.details) for row in rows]


# GRP-01, GRP-02


def test_a_point_is_in_any_number_of_groups(filled) -> None:
    for number in range(30):
        make(filled, f"Group {number}", "P1", "P2" if number % 2 else "P3")
    assert all(members(filled, f"Group {number}")[0] == "P1" for number in range(30))
    assert members(filled, "Group 1") == ["P1", "P2"]


def test_points_are_named_by_themselves_or_by_their_meter(filled) -> None:
    make(filled, "East area", "P2", M1, "P1")
    assert members(filled, "East area") == ["P1", "P2"]
    with filled.begin() as session, pytest.raises(GroupError, match=r"P9, KAM-90000005-1b-16\. Nothing was changed"):
        groups.add(session, author(), "East area", ["P3", "P9", "KAM-90000005-1b-16"])
    assert members(filled, "East area") == ["P1", "P2"]


def test_membership_begins_with_the_first_installation_unless_a_day_is_named(filled) -> None:
    make(filled, "East area", "P1")
    begin = NOW - 3 * DAY
    with filled.begin() as session:
        groups.add(session, author(), "East area", ["P2"], valid_from=begin, valid_to=NOW + DAY)
    assert known(filled, "East area") == [("P1", FIRST, None), ("P2", begin, NOW + DAY)]
    assert members(filled, "East area", begin - timedelta(hours=1)) == ["P1"]
    assert members(filled, "East area", NOW + DAY) == ["P1"], "the end is no part of it"


def test_leaving_and_coming_back_leaves_a_gap(filled) -> None:
    make(filled, "East area", "P1", "P2")
    with filled.begin() as session:
        left = groups.remove(session, author(NOW + DAY), "East area", ["P1", "P3"])
    assert (left.removed, left.unchanged) == (1, 1)
    with filled.begin() as session:
        groups.add(session, author(NOW + 2 * DAY), "East area", ["P1"])
    assert known(filled, "East area")[:2] == [("P1", FIRST, NOW + DAY), ("P1", NOW + 2 * DAY, None)]


def test_a_corrected_membership_keeps_its_old_version(filled) -> None:
    make(filled, "East area", "P1")
    moved = datetime(2025, 6, 1, tzinfo=UTC)
    with filled.begin() as session:
        groups.remove(session, author(NOW + DAY), "East area", ["P1"], valid_from=moved)
    assert known(filled, "East area") == [("P1", FIRST, moved)]
    assert known(filled, "East area", NOW) == [("P1", FIRST, None)], "as it was known before the correction"
    with pytest.raises(GroupError, match="no group"):
        known(filled, "East area ".replace("East", "West"), NOW)
    row = published_tables(filled)["group_members"].filter(group="East area").row(0, named=True)
    assert (row["valid_to"], row["known_from"]) == (moved, NOW + DAY)


def test_adding_what_is_there_changes_nothing(filled) -> None:
    make(filled, "East area", "P1")
    with filled.begin() as session:
        again = groups.add(session, author(NOW + DAY), "East area", ["P1", "P1"])
    assert (again.added, again.unchanged) == (0, 1)
    assert published_tables(filled)["group_members"].filter(group="East area")["known_from"].to_list() == [NOW]


def test_a_period_that_ends_before_it_begins_is_refused(filled) -> None:
    make(filled, "East area")
    with filled.begin() as session:
        for change in (groups.add, groups.remove):
            with pytest.raises(GroupError, match="before it begins"):
                change(session, author(), "East area", ["P1"], valid_from=NOW, valid_to=NOW)
        with pytest.raises(GroupError, match="before it begins"):
            groups.add(session, author(), "East area", ["P1"], valid_to=FIRST)


def test_renamed_it_keeps_members_and_history(filled) -> None:
    make(filled, "East area", "P1")
    with filled.begin() as session:
        groups.rename(session, author(NOW + DAY), "East area", "east Area")
        groups.rename(session, author(NOW + 2 * DAY), "east Area", "Harbour")
    assert members(filled, "Harbour") == ["P1"]
    assert known(filled, "East area", NOW) == [("P1", FIRST, None)], "under the name it had then"
    assert members(filled, "East area") == []
    tables = published_tables(filled)
    assert "East area" not in tables["groups"]["group"]
    assert "East area" not in tables["group_members"]["group"]


def test_deleted_it_is_gone_and_remains_known(filled) -> None:
    make(filled, "East area", "P1")
    with filled.begin() as session:
        groups.delete(session, author(NOW + DAY), "East area")
    assert "East area" not in published_tables(filled)["groups"]["group"]
    assert "East area" not in published_tables(filled)["group_members"]["group"]
    assert known(filled, "East area", NOW) == [("P1", FIRST, None)]
    make(filled, "East area", at=NOW + 2 * DAY)
    assert members(filled, "East area") == [], "another group of that name has other members"


@pytest.mark.parametrize("name", ["", "  ", "a" * 101, "two\nlines", "East area", "EAST AREA"])
def test_names_that_cannot_be(filled, name: str) -> None:
    make(filled, "East area")
    make(filled, "West area")
    with filled.begin() as session:
        with pytest.raises(GroupError, match=r"printable|already"):
            groups.create(session, author(), name)
        with pytest.raises(GroupError, match=r"printable|already"):
            groups.rename(session, author(), "West area", name)


@pytest.mark.parametrize("name", [*groups.BUILT_IN, "all METERS"])
def test_names_of_built_in_groups_are_taken(filled, name: str) -> None:
    make(filled, "East area")
    with filled.begin() as session:
        for change in (
            lambda: groups.create(session, author(), name),
            lambda: groups.rename(session, author(), "East area", name),
            lambda: groups.rename(session, author(), name, "Mine"),
            lambda: groups.delete(session, author(), name),
        ):
            with pytest.raises(GroupError, match="built"):
                change()
        if name != groups.PRIORITY:
            with pytest.raises(GroupError, match="built in"):
                groups.add(session, author(), name, ["P1"])


def test_unknown_groups_are_named(filled) -> None:
    with filled.begin() as session:
        for change in (
            lambda: groups.add(session, author(), "Nowhere", ["P1"]),
            lambda: groups.rename(session, author(), "Nowhere", "Here"),
            lambda: groups.delete(session, author(), "Nowhere"),
            lambda: groups.assign(session, author(), "master", "Nowhere"),
        ):
            with pytest.raises(GroupError, match="no group 'Nowhere'"):
                change()


def test_each_change_is_audited(filled) -> None:
    make(filled, "East area", "P1")
    with filled.begin() as session:
        groups.remove(session, author(), "East area", ["P1"])
        groups.rename(session, author(), "East area", "Harbour")
        groups.delete(session, Author("default", "test", NOW, "no longer needed"), "Harbour")
    names = [event[:2] for event in events(filled)]
    assert names == [
        ("group.new", "East area"),
        ("group.add", "East area"),
        ("group.remove", "East area"),
        ("group.rename", "East area"),
        ("group.delete", "Harbour"),
    ]
    with filled.begin(readonly=True) as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc())).first()
    assert (last.reason, last.identity) == ("no longer needed", "test")
    assert audit.walk(filled).broken is None


def make_both(registry: Registry, *names: str) -> None:
    with registry.begin() as session:
        for name in names:
            groups.create(session, author(), name)


def test_a_change_that_fails_leaves_no_trace(filled) -> None:
    make(filled, "East area")
    before = audit.walk(filled)
    with pytest.raises(GroupError, match="already"):
        make_both(filled, "West area", "East area")
    assert audit.walk(filled) == before
    assert "West area" not in published_tables(filled)["groups"]["group"]


# GRP-03


COUNTS = {
    groups.ALL_METERS: "select count(distinct metering_point) from installations",
    groups.NON_GROUPED: """
        select count(distinct metering_point) from installations where metering_point not in (
            select metering_point from group_members join groups using (organisation, "group")
            where kind <> 'built-in' and valid_from <= $now and (valid_to is null or valid_to > $now))""",
    groups.LAST_IMPORTED: "select count(*) from meters where imported_at = (select max(imported_at) from meters)",
    groups.IN_STOCK: "select count(*) from meters where state = 'stock'",
    groups.PRIORITY: "select 2",
}
MEMBERS = """select count(distinct coalesce(meter_id, metering_point)) from group_members
    where "group" = $group and valid_from <= $now and (valid_to is null or valid_to > $now)"""


def counted(ask: Published, at: datetime = NOW) -> dict[str, tuple[int, int]]:
    """Of each built-in group what it says, and what SQL says."""
    now = f"'{at.isoformat()}'::timestamptz"
    return {
        name: (
            ask(MEMBERS.replace("$now", now).replace("$group", f"'{name}'")).item(),
            ask(sql.replace("$now", now)).item(),
        )
        for name, sql in COUNTS.items()
    }


def test_counts_of_built_in_groups_equal_sql_counts(filled, vault, ask) -> None:
    make(filled, "East area", "P1")
    make(filled, "Heat", rule={"conditions": [{"field": "medium", "values": ["heat"]}]})
    late = METERS.replace("9000000", "9100000").encode()
    owner = {"organisation": "default", "identity": "test", "now": NOW - DAY}
    import_meters(filled, late, vault=vault, source_name="late.csv", **owner)
    with filled.begin() as session:
        groups.add(session, author(), groups.PRIORITY, ["P3", "P4"])
    counts = counted(ask)
    assert {name: count for name, (count, _) in counts.items()} == {
        groups.ALL_METERS: 4,
        groups.NON_GROUPED: 2,
        groups.LAST_IMPORTED: 6,
        groups.IN_STOCK: 2,
        groups.PRIORITY: 2,
    }
    assert all(said == sql for said, sql in counts.values())
    assert set(ask("select \"group\" from groups where kind = 'built-in'")["group"]) == set(groups.BUILT_IN)


def test_built_in_groups_follow_what_changes(filled, ask) -> None:
    make(filled, "East area", "P1", "P2", "P3", "P4")
    assert counted(ask)[groups.NON_GROUPED] == (0, 0)
    later = NOW + DAY
    with filled.begin() as session:
        groups.remove(session, author(later), "East area", ["P1"])
    assert counted(ask, later)[groups.NON_GROUPED] == (1, 1)
    assert members(filled, groups.NON_GROUPED, NOW) == [], "only since it left"
    with filled.begin() as session:
        groups.delete(session, author(later), "East area")
    assert counted(ask, later)[groups.NON_GROUPED] == (4, 4)


def test_an_installation_without_anything_has_no_groups(registry) -> None:
    assert published_tables(registry)["groups"].is_empty()


def test_a_meter_of_the_last_import_carries_its_point(filled) -> None:
    rows = published_tables(filled)["group_members"].filter(group=groups.LAST_IMPORTED)
    assert dict(rows.select("meter_id", "metering_point").rows())[M1] == "P1"
    assert rows["metering_point"].null_count() == 2


# Rules


def holds(registry: Registry, rule: dict) -> list[str]:
    with registry.begin(readonly=True) as session:
        inventory = groups.read_inventory(session, "default")
    read = groups.read_rule(json.dumps(rule), ZONE)
    return groups.rule_members(inventory, [("default", "g", read)])["metering_point"].to_list()


@pytest.mark.parametrize(
    ("condition", "points"),
    [
        ({"field": "medium", "values": ["WATER"]}, "P1 P2 P4"),
        ({"field": "medium", "values": ["heat", "cooling"]}, "P3"),
        ({"field": "manufacturer", "values": ["dme"]}, "P4"),
        ({"field": "manufacturer", "test": "is_not", "values": ["KAM"]}, "P4"),
        ({"field": "model", "test": "starts_with", "values": ["flowiq"]}, "P1 P2"),
        ({"field": "model", "test": "contains", "values": ["2200", "403"]}, "P1 P3"),
        ({"field": "model", "test": "contains", "values": [".*"]}, ""),
        ({"field": "model", "test": "is_not", "values": ["flowIQ 2200"]}, "P2 P3 P4"),
        ({"field": "device_type", "values": ["04", "07"]}, "P3 P4"),
        ({"field": "state", "values": ["in_use"]}, "P1 P2 P3 P4"),
        ({"field": "state", "values": ["removed"]}, ""),
        ({"field": "role", "values": ["consumption"]}, "P1 P2 P3 P4"),
        ({"field": "postal_code", "values": ["2000"]}, "P3 P4"),
        ({"field": "postal_code", "test": "starts_with", "values": ["1"]}, "P1 P2"),
        ({"field": "city", "values": ["Northtown"]}, "P1 P2"),
        ({"field": "metering_point", "values": ["P2"]}, "P2"),
        ({"field": "meter_id", "test": "starts_with", "values": ["KAM-9000000"]}, "P1 P2 P3"),
        ({"field": "installed_at", "from": "2025-02-01", "before": "2025-04-01"}, "P2 P3"),
        ({"field": "installed_at", "before": "2025-02-01T00:00:01Z"}, "P1 P2"),
    ],
)
def test_each_condition(filled, condition: dict, points: str) -> None:
    assert holds(filled, {"conditions": [condition]}) == points.split()


def test_all_or_any_of_the_conditions(filled) -> None:
    both = [{"field": "medium", "values": ["water"]}, {"field": "city", "values": ["Southtown"]}]
    assert holds(filled, {"conditions": both}) == ["P4"]
    assert holds(filled, {"match": "any", "conditions": both}) == ["P1", "P2", "P3", "P4"]


def test_a_rule_asks_where_somebody_lives_now_not_where_the_former_occupant_was_said_to(filled, customers) -> None:
    customers(
        CUSTOMERS.splitlines()[0] + "\nP1,C9,Customer 0009,Meadow Lane 1,1010,Northtown,KAM,90000001,2025-01-01\n"
    )
    condition = {"field": "postal_code", "values": ["1000"]}
    assert holds(filled, {"conditions": [condition]}) == ["P2"]
    assert holds(filled, {"conditions": [condition | {"values": ["1010"]}]}) == ["P1"]
    with filled.begin(readonly=True) as session:
        assert groups.inventory.read_inventory(session, "default").installations.height == 4, "one row an installation"


def test_dates_of_a_rule_are_local_days(filled) -> None:
    rule = groups.read_rule('{"conditions": [{"field": "installed_at", "from": "2025-07-01"}]}', ZONE)
    assert rule.conditions[0].from_ == datetime(2025, 6, 30, 22, tzinfo=UTC)
    assert groups.read_rule(rule.stored()) == rule


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no JSON", "JSON"),
        ("[]", "JSON"),
        ('{"conditions": []}', "conditions"),
        ('{"match": "none", "conditions": [{"field": "city", "values": ["x"]}]}', "match"),
        ('{"conditions": [{"field": "customer", "values": ["x"]}]}', "conditions.0"),
        ('{"conditions": [{"field": "city", "values": []}]}', "values"),
        ('{"conditions": [{"field": "city", "values": ["x"], "test": "like"}]}', "test"),
        ('{"conditions": [{"field": "city", "values": ["x"], "more": 1}]}', "more"),
        ('{"conditions": [{"field": "installed_at"}]}', "from, before or both"),
        ('{"conditions": [{"field": "installed_at", "from": "2025-01-01T00:00:00"}]}', "from"),
        ('{"conditions": [{"field": "installed_at", "from": "yesterday"}]}', "from"),
    ],
)
def test_what_is_no_rule_says_where(text: str, named: str) -> None:
    with pytest.raises(GroupError, match=named):
        groups.read_rule(text, ZONE)


def test_a_point_belongs_while_the_meter_is_there(filled, exchanges) -> None:
    make(filled, "2200", rule={"conditions": [{"field": "model", "values": ["flowIQ 2200"]}]})
    make(filled, "Kamstrup", rule={"conditions": [{"field": "manufacturer", "values": ["KAM"]}]})
    header = "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial"
    exchanges(f"{header},new_initial_m3\nP2,2025-06-01T00:00:00Z,KAM,90000002,5,KAM,90000005,0\n")
    rows = published_tables(filled)["group_members"].filter(metering_point="P2").sort("group")
    change = datetime(2025, 6, 1, tzinfo=UTC)
    spans = {row["group"]: (row["valid_from"], row["valid_to"]) for row in rows.iter_rows(named=True)}
    assert spans["2200"] == (change, None)
    assert spans["Kamstrup"] == (datetime(2025, 2, 1, tzinfo=UTC), None), "two meters, one membership"
    assert groups.NON_GROUPED not in spans


def test_a_rule_is_changed_by_a_rule_alone(filled) -> None:
    water = {"conditions": [{"field": "medium", "values": ["water"]}]}
    make(filled, "By rule", rule=water)
    make(filled, "By hand", "P1")
    make(filled, "Empty")
    heat = groups.read_rule('{"conditions": [{"field": "medium", "values": ["heat"]}]}')
    with filled.begin() as session:
        with pytest.raises(GroupError, match="change the rule instead"):
            groups.add(session, author(), "By rule", ["P3"])
        with pytest.raises(GroupError, match="chosen by people"):
            groups.change_rule(session, author(), "By hand", heat)
        with pytest.raises(GroupError, match="has no rule"):
            groups.rule_of(session, "default", "By hand")
        groups.change_rule(session, author(), "By rule", heat)
        groups.change_rule(session, author(), "Empty", heat)
        assert groups.rule_of(session, "default", "By rule") == heat
        with pytest.raises(GroupError, match="follow from its rule"):
            groups.members(session, "default", "By rule")
    assert members(filled, "By rule") == members(filled, "Empty") == ["P3"]
    kinds = dict(published_tables(filled)["groups"].select("group", "kind").rows())
    assert (kinds["By rule"], kinds["By hand"]) == ("rule", "manual")


def test_values_of_addresses_stand_nowhere_but_in_the_registry(filled) -> None:
    places = [{"field": "city", "values": ["Southtown"]}, {"field": "postal_code", "values": ["2000"]}]
    make(filled, "By place", rule={"match": "any", "conditions": places})
    assert members(filled, "By place") == ["P3", "P4"]
    for name, table in published_tables(filled).items():
        assert "Southtown" not in table.write_csv(), name
    (event,) = events(filled)
    assert "Southtown" not in str(event)
    assert "2000" not in str(event)
    assert "1 not shown" in str(event)


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
        with pytest.raises(GroupError, match=r"30001 meters are more than the 30000 .* Choose groups"):
            round_of(registry, *names)
    with pytest.raises(GroupError, match=r"such as Most \(30000\), One \(1\)\."):
        round_of(registry)
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


# GRP-07


def test_the_group_contains_exactly_the_rows(filled) -> None:
    with filled.begin() as session:
        made = groups.add_all(session, "default", "Leaks", ["P1", "P2", "P2", "P1"], identity="test", now=NOW)
        assert (made.added, made.removed) == (2, 0)
    assert members(filled, "Leaks") == ["P1", "P2"]
    later = NOW + DAY
    with filled.begin() as session:
        again = groups.add_all(session, "default", "Leaks", ["P2", "KAM-90000003-34-04"], identity="test", now=later)
        assert (again.added, again.removed, again.unchanged) == (1, 1, 1)
    assert members(filled, "Leaks", later) == ["P2", "P3"]
    assert ("P1", FIRST, later) in known(filled, "Leaks"), "what it was remains known"
    assert [event[0] for event in events(filled)] == ["group.new", "group.add_all", "group.add_all"]


def test_all_or_nothing_is_added(filled) -> None:
    for points, said in ((["P1", "P9"], "P9"), ([], "no rows")):
        with pytest.raises(GroupError, match=said), filled.begin() as session:
            groups.add_all(session, "default", "Leaks", points, identity="test", now=NOW)
    assert "Leaks" not in published_tables(filled)["groups"]["group"]
    with filled.begin() as session, pytest.raises(GroupError, match="built-in"):
        groups.add_all(session, "default", groups.ALL_METERS, ["P1"], identity="test", now=NOW)


# NET-15, KEY-03


def test_organisations_do_not_see_each_others_groups(filled, vault, ask) -> None:
    make(filled, "East area", "P1")
    nobody = 'select count(*) from {} where "group" is not null'
    assert [ask(nobody.format(t), "b").item() for t in ("groups", "group_members", "group_readers")] == [0, 0, 0]
    stranger = author(organisation="b")
    with filled.begin() as session:
        for change in (
            lambda: groups.add(session, stranger, "East area", ["P1"]),
            lambda: groups.remove(session, stranger, "East area", ["P1"]),
            lambda: groups.rename(session, stranger, "East area", "Mine"),
            lambda: groups.delete(session, stranger, "East area"),
            lambda: groups.members(session, "b", "East area"),
            lambda: groups.reading_round(session, "b", ["East area"], at=NOW, limit=9),
        ):
            with pytest.raises(GroupError, match="no group"):
                change()
        with pytest.raises(GroupError, match="No metering point"):
            groups.add_all(session, "b", "Mine", ["P1"], identity="test", now=NOW)
    fill(filled, vault, "b")
    with filled.begin() as session:
        groups.add_all(session, "b", "East area", ["P3"], identity="test", now=NOW)
        groups.add(session, stranger, groups.PRIORITY, ["P4"])
        rule = groups.read_rule('{"conditions": [{"field": "medium", "values": ["water"]}]}')
        groups.create(session, stranger, "Water", rule)
    of = "select metering_point from group_members where \"group\" = '{}' order by 1"
    assert ask(of.format("East area"), "b")["metering_point"].to_list() == ["P3"]
    assert ask(of.format("East area"))["metering_point"].to_list() == ["P1"]
    assert ask(of.format(groups.PRIORITY)).is_empty()
    assert ask(of.format("Water")).is_empty()
    assert ask(of.format(groups.NON_GROUPED))["metering_point"].to_list() == ["P2", "P3", "P4"]
    assert ask("select distinct organisation from group_members", "b").rows() == [("b",)]


# Groups of before


def test_migration_keeps_names_and_members(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def migrate(step: Callable[[Config, str], None], revision: str) -> None:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            step(config, revision)

    migrate(command.upgrade, "0003")
    with engine.begin() as connection:
        connection.execute(text("insert into groups values ('default', 'East area'), ('default', 'Empty')"))
        connection.execute(
            text("insert into group_members values ('default', 'East area', 'P1', '2025-01-01 00:00:00.000000', null)")
        )
    migrated = Registry.open(url)
    assert known(migrated, "East area") == [("P1", FIRST, None)]
    assert known(migrated, "Empty") == []
    with migrated.begin() as session:
        groups.rename(session, author(), "East area", "Harbour")
    migrate(command.downgrade, "0003")
    with engine.connect() as connection:
        assert connection.execute(text("select group_name from groups order by 1")).scalars().all() == [
            "Empty",
            "Harbour",
        ]
        kept = connection.execute(text("select group_name, metering_point, valid_to from group_members")).all()
    assert kept == [("Harbour", "P1", None)]
