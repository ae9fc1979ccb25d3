"""Roles of metering points: by hand, by a file, with an import; and priority meters up to their quota."""

import pytest
from sqlalchemy import insert

from registry import groups
from registry.errors import RegistryError
from registry.groups import Author
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.inventory.roles import set_role
from registry.inventory.updates import update_inventory
from registry.models import MeteringPoint
from registry.tables import published_tables
from tests.unit.registry.conftest import METERS
from tests.unit.registry.inventory_rows import LATER, NOW, WHO, events


@pytest.fixture
def points(registry):
    with registry.begin() as session:
        session.execute(
            insert(MeteringPoint),
            [{"organisation": "default", "metering_point": name, "role": "consumption"} for name in ("P1", "P2")],
        )
    return registry


def roles(registry) -> dict[str, str]:
    return dict(published_tables(registry)["metering_points"].select("metering_point", "role").rows())


def test_a_role_given_by_hand_is_audited(points) -> None:
    with points.begin() as session:
        assert set_role(session, "default", "P1", "district_inflow", reason="zone 3", **WHO) == "consumption"
    assert roles(points) == {"P1": "district_inflow", "P2": "consumption"}
    assert events(points, "metering_point.role") == [("P1", {"role": "consumption"}, {"role": "district_inflow"})]
    with points.begin() as session:
        set_role(session, "default", "P1", "district_inflow", **WHO)
    assert len(events(points, "metering_point.role")) == 1, "what changes nothing is no event"


@pytest.mark.parametrize(("point", "role"), [("P1", "boss"), ("P9", "check")])
def test_unknown_roles_and_points_are_refused(points, point: str, role: str) -> None:
    with points.begin() as session, pytest.raises(InventoryError, match=f"no (role {role}|metering point {point})"):
        set_role(session, "default", point, role, **WHO)


def test_many_points_get_their_roles_by_a_file(points) -> None:
    def change(text: str):
        return update_inventory(points, text.encode(), organisation="default", source_name="u.csv", **WHO)

    report = change("metering_point,role\nP1,check\nP2,consumption\n")
    assert report.changes.select("id", "field", "before", "after").rows() == [("P1", "role", "consumption", "check")]
    assert roles(points) == {"P1": "check", "P2": "consumption"}
    assert "the role is none of" in change("metering_point,role\nP1,boss\n").rejected["reason"][0]
    assert "cannot be emptied" in change("metering_point,role\nP1,<empty>\n").rejected["reason"][0]


def test_an_import_of_customers_brings_roles(meters, customers, registry) -> None:
    meters(METERS)
    head = "metering_point,customer_number,manufacturer,serial,role\n"
    first = customers(head + "DM-1,C0,KAM,90000001,district_inflow\nP-1,C1,KAM,90000002,\n")
    assert (first.added, first.rejected.height) == (2, 0)
    assert roles(registry) == {"DM-1": "district_inflow", "P-1": "consumption"}
    again = customers(head + "DM-1,C0,KAM,90000001,\nP-1,C1,KAM,90000002,check\n")
    assert (again.updated, again.unchanged) == (1, 1)
    bad = customers(head + "P-2,C2,KAM,,boss\n")
    assert "the role is none of" in bad.rejected["reason"][0]
    assert roles(registry) == {"DM-1": "district_inflow", "P-1": "check"}, "an empty cell leaves the role as it is"


@pytest.fixture
def many(registry):
    rows = [{"organisation": "default", "metering_point": f"P{number}", "role": "pressure"} for number in range(1, 52)]
    with registry.begin() as session:
        session.execute(insert(MeteringPoint), rows)
    return registry


def prioritise(registry, *numbers: int) -> None:
    with registry.begin() as session:
        groups.add(session, Author("default", "test", NOW), groups.PRIORITY, [f"P{number}" for number in numbers])


def test_the_51st_priority_meter_is_refused(many) -> None:
    prioritise(many, *range(1, 51))
    with pytest.raises(capacity.CapacityError, match="50 priority meters are allowed, and these would be 51"):
        prioritise(many, 51)
    prioritise(many, 50)  # that is one already
    with many.begin() as session:
        groups.remove(session, Author("default", "test", LATER), groups.PRIORITY, ["P1"])
    with many.begin() as session:
        groups.add(session, Author("default", "test", LATER), groups.PRIORITY, ["P51"])


def test_the_plan_says_how_many_priority_meters_there_may_be(many) -> None:
    with many.begin() as session:
        capacity.set_plan(session, "default", max_in_use=None, finest_interval_s=None, max_priority=1, **WHO)
    prioritise(many, 1)
    with pytest.raises(RegistryError, match="1 priority meters are allowed"):
        prioritise(many, 2)
    with pytest.raises(RegistryError, match="1 priority meters are allowed"), many.begin() as session:
        groups.add_all(session, "default", groups.PRIORITY, ["P2", "P3"], **WHO)
    with many.begin() as session:
        groups.add_all(session, "default", groups.PRIORITY, ["P2"], **WHO)
