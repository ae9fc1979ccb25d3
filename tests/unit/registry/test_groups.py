"""Groups: members and their history, built-in groups, results as groups; each organisation on its own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from registry import audit, groups
from registry.groups import Author, GroupError
from registry.imports import import_meters
from registry.models import AuditEvent
from registry.store import Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import NOW
from tests.unit.registry.group_rows import (
    DAY,
    FIRST,
    M1,
    METERS,
    Published,
    ask,
    author,
    events,
    fill,
    filled,
    known,
    make,
    members,
)
from tests.unit.registry.migrating import migrate

__all__ = ["ask", "filled"]


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
    migrate(engine, command.upgrade, "0003")
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
    migrate(engine, command.downgrade, "0003")
    with engine.connect() as connection:
        assert connection.execute(text("select group_name from groups order by 1")).scalars().all() == [
            "Empty",
            "Harbour",
        ]
        kept = connection.execute(text("select group_name, metering_point, valid_to from group_members")).all()
    assert kept == [("Harbour", "P1", None)]
