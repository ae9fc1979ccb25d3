"""What a file changes of what was there stands in the audit log, thing by thing, until it is erased."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from registry import audit, erasures
from registry.imports import import_keys
from registry.keyfiles import read_key_file
from registry.store import Registry
from registry.trail import Filter, details, events
from registry.vault import KeyVault
from tests.unit.registry.conftest import CUSTOMERS, KEY, METERS, NOW, PARTIAL, ZONE

LATER = NOW + timedelta(days=1)
HEADER, LISTED = CUSTOMERS.splitlines(keepends=True)
RENAMED = HEADER + LISTED.replace("Customer 0001", "Customer 0009")
MOVED = HEADER + LISTED.replace("C1,Customer 0001", "C2,Customer 0002")


@pytest.fixture
def told(registry: Registry, vault: KeyVault):
    """Everything about the events of a type, the oldest first."""

    def told_(type_: str) -> list[dict[str, Any]]:
        found = events(registry, Filter("default", event=type_))
        return [details(registry, vault, "default", row.number) for row in reversed(found)]

    return told_


def test_a_file_of_customers_leaves_what_it_changes_readable_until_it_is_erased(
    meters, customers, told, registry: Registry, vault: KeyVault
) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    assert told("customer") == [], "who is new is counted"
    customers(CUSTOMERS)
    assert told("customer") == [], "nothing changed"
    customers(RENAMED)
    (edit,) = told("customer.edit")
    assert edit["personal"] == {"before": {"name": "Customer 0001"}, "after": {"name": "Customer 0009"}}
    assert (edit["object"], edit["identity"], edit["details"]) == ("P1", "test", {"file": "customers.csv"})
    customers(MOVED, now=LATER)
    (left,), (came,) = told("customer.move_out"), told("customer.add")
    assert left["personal"] == {"before": {"occupied_to": None}, "after": {"occupied_to": LATER.isoformat()}}
    assert left["subject"] == edit["subject"] != came["subject"]
    assert came["personal"]["after"]["name"] == "Customer 0002"
    request = erasures.Request("default", "P1", date(2000, 1, 1), date(2026, 1, 17), "request 7")
    number = erasures.begin(registry, request, identity="test", now=LATER)
    erasures.finish(registry, request, number, {}, vault=vault, zone=ZONE, identity="test", now=LATER)
    assert [told(type_)[0]["personal"] for type_ in ("customer.edit", "customer.move_out")] == ["erased", "erased"]
    assert told("customer.add")[0]["personal"] == came["personal"], "who lives there now is not erased"
    chain = audit.walk(registry)
    assert (chain.broken, chain.lost) == (None, ())


def test_nothing_personal_of_a_file_stands_in_the_open(meters, customers, registry: Registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    customers(RENAMED)
    customers(MOVED, now=LATER)
    for row in events(registry, Filter("default")):
        said = " ".join(str(getattr(row, name)) for name in ("object", "before", "after", "details", "reason"))
        assert "Customer" not in said
        assert "Meadow" not in said


def test_roles_and_attributes_that_a_file_changes_have_their_events(meters, customers, told) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    meters(METERS.replace("90000002,1b,16,flowIQ,water", "90000002,1b,16,flowIQ 2,warm_water"))
    (change,) = told("meters.update")
    assert (change["object"], change["details"]) == ("KAM-90000002-1b-16", {"file": "meters.csv"})
    assert change["before"] == {"medium": "water", "model": "flowIQ"}
    assert change["after"] == {"medium": "warm_water", "model": "flowIQ 2"}
    customers(f"{HEADER.strip()},role\n{LISTED.strip()},district_inflow\n")
    (role,) = told("metering_points.update")
    assert (role["object"], role["before"], role["after"]) == (
        "P1", {"role": "consumption"}, {"role": "district_inflow"},
    )  # fmt: skip


def test_what_a_refused_file_would_change_leaves_no_event(meters, customers, told) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    bad = "P2,,Nobody,,,,,,KAM,90000002,\n"
    assert not customers(RENAMED + bad).stored
    assert told("customer") == []
    assert customers(RENAMED + bad, mode=PARTIAL).stored
    assert len(told("customer.edit")) == 1


def test_a_key_file_names_its_meters_and_the_validities_it_changes(
    meters, told, registry: Registry, vault: KeyVault
) -> None:
    meters(METERS)

    def take(*lines: str) -> None:
        content = "\n".join(["manufacturer,serial,version,type,key,valid_from,valid_to", *lines]).encode()
        file = read_key_file(content, "keys.csv", lambda: "")
        who = {"organisation": "default", "identity": "test", "now": NOW}
        import_keys(registry, file, vault=vault, source_name="keys.csv", **who)

    take(f"KAM,90000001,1b,16,{KEY},,", f"KAM,90000002,1b,16,{KEY},,")
    assert told("keys.import")[0]["details"]["meter_ids"] == ["KAM-90000002-1b-16"], "the other one has it already"
    assert told("keys.validity") == []
    take(f"KAM,90000001,1b,16,{KEY},2026-01-01T00:00:00Z,")
    (change,) = told("keys.validity")
    assert (change["object"], change["identity"]) == ("KAM-90000001-1b-16", "test")
    assert change["before"] == {"key_no": 1, "valid_from": None, "valid_to": None}
    assert change["after"] == {"key_no": 1, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": None}
    assert KEY not in str(told("keys")), "never a key"


def test_many_changes_take_few_statements(meters, customers, registry: Registry) -> None:
    numbers = range(10_000_000, 10_000_600)
    meters("manufacturer,serial,version,device_type\n" + "".join(f"KAM,{n},1b,16\n" for n in numbers))
    lines = "metering_point,customer_number,name,manufacturer,serial\n"
    lines += "".join(f"P{n},C{n},Customer,KAM,{n}\n" for n in numbers)
    customers(lines)
    statements: list[str] = []
    event.listen(registry.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    customers(lines.replace("Customer", "Tenant"))
    few = len(statements)
    assert len(events(registry, Filter("default", event="customer.edit"))) == len(numbers)
    assert few < 60, "no statement per customer"
