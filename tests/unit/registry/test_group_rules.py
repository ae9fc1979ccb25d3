"""Rules of groups: who they take and since when, and what they show to whom."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from registry import groups
from registry.groups import GroupError
from registry.models import Customer, Meter
from registry.store import Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import NOW, ZONE
from tests.unit.registry.group_rows import (
    CUSTOMERS,
    DAY,
    FIRST,
    author,
    events,
    filled,
    make,
    members,
)

__all__ = ["filled"]


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
        assert groups.members(session, "default", "By rule")["metering_point"].to_list() == ["P3"]
    assert members(filled, "By rule") == members(filled, "Empty") == ["P3"]
    kinds = dict(published_tables(filled)["groups"].select("group", "kind").rows())
    assert (kinds["By rule"], kinds["By hand"]) == ("rule", "manual")


def test_whom_a_rule_took_is_found_by_what_was_known_then(filled, exchanges) -> None:
    early, later = NOW + DAY, NOW + 2 * DAY
    south = {"conditions": [{"field": "city", "values": ["Southtown"]}]}
    make(filled, "Area", rule=south)
    with filled.begin() as session:
        water = groups.read_rule('{"conditions": [{"field": "model", "values": ["flowIQ 3100", "flowIQ 2200"]}]}')
        groups.change_rule(session, author(later), "Area", water)
    exchanges(
        "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,"
        "new_initial_m3\nP1,2025-06-01T10:00:00+02:00,KAM,90000001,1,KAM,90000005,0\n",
        now=later + DAY,
    )
    with filled.begin() as session:
        for customer in session.scalars(select(Customer).where(Customer.metering_point == "P3")):
            customer.occupied_to = later
    exchanged = datetime(2025, 6, 1, 8, tzinfo=UTC)

    def then(at: datetime | None) -> list[tuple]:
        with filled.begin(readonly=True) as session:
            return groups.members(session, "default", "Area", at).rows()

    assert [row[0] for row in then(early)] == ["P3", "P4"], "the rule and who lived there, of then"
    first, second = FIRST, datetime(2025, 2, 1, tzinfo=UTC)
    assert then(later) == [("P1", first, None), ("P2", second, None)], "the exchange was not known yet"
    assert then(None) == [("P1", first, None), ("P2", second, None)], "the new meter is of a model of the rule, too"
    with filled.begin() as session:
        session.get(Meter, ("default", "KAM-90000005-1b-16")).model = "other"
    assert then(None) == [("P1", first, exchanged), ("P2", second, None)]
    assert then(later) == [("P1", first, None), ("P2", second, None)]


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
