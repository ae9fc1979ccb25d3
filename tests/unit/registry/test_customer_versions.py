"""What was known of customers at an instant, whatever changes later, until they are erased."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from sqlalchemy import func, select, text

from registry import erasures
from registry.addresses import pick_address
from registry.customer_versions import OCCUPANTS, occupants
from registry.customers import add_customer, edit_customer, move_out
from registry.known_instants import fix
from registry.models import Base, Customer, CustomerVersion
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.registry.conftest import METERS, NOW

HOUR = timedelta(hours=1)
HEADER = "metering_point,customer_number,manufacturer,serial,name,address,telephone,occupied_from\n"
WHO = {"organisation": "default", "identity": "local:clerk", "metering_point": "P1"}


def line(number: str, name: str, address: str = "", telephone: str = "", since: str = "") -> str:
    return f"{HEADER}P1,{number},KAM,90000001,{name},{address},{telephone},{since}\n"


def told(registry: Registry, as_of: datetime) -> list[tuple[object, ...]]:
    """Numbers, names, addresses and ends of occupancies."""
    with registry.begin(readonly=True) as session:
        rows = occupants(session, "default", as_of)
    assert rows.schema == pl.Schema(OCCUPANTS)
    return rows.select("customer_number", "customer_name", "address", "occupied_to").rows()


def versions(registry: Registry) -> int:
    with registry.begin(readonly=True) as session:
        return session.scalar(select(func.count()).select_from(CustomerVersion)) or 0


@pytest.fixture
def first(meters, customers, registry: Registry) -> Registry:
    """A customer who is known since NOW."""
    meters(METERS)
    customers(line("C1", "First", "Meadow Lane 1"))
    return registry


def edited(registry: Registry, vault: KeyVault) -> None:
    texts = {"name": "Second", "address": "Mill Street 2"}
    edit_customer(registry, vault, texts=texts, now=NOW + HOUR, **WHO)


def picked(registry: Registry, vault: KeyVault) -> None:
    edit_customer(registry, vault, texts={"name": "Second"}, now=NOW + HOUR, **WHO)
    choice = '[{"address": "Mill Street 2", "postal_code": null, "city": null, "latitude": "1", "longitude": "2"}]'
    with registry.begin() as session:
        session.execute(text("update customers set alternatives = :choice"), {"choice": choice})
    pick_address(registry, vault, number=1, now=NOW + HOUR, **WHO)


@pytest.mark.parametrize("change", [edited, picked], ids=["by hand", "by an address that was found"])
def test_what_was_known_before_a_change_stays_known(first: Registry, vault: KeyVault, change: Callable) -> None:
    change(first, vault)
    assert told(first, NOW) == [("C1", "First", "Meadow Lane 1", None)]
    assert told(first, NOW + HOUR) == [("C1", "Second", "Mill Street 2", None)]
    assert told(first, NOW - HOUR) == []


def test_what_a_file_changes(first: Registry, customers) -> None:
    customers(line("C1", "Second", "Mill Street 2"), now=NOW + HOUR)
    customers(line("C1", "Second", "Mill Street 2", telephone="+45 1"), now=NOW + HOUR)
    assert told(first, NOW) == [("C1", "First", "Meadow Lane 1", None)]
    assert told(first, NOW + HOUR) == [("C1", "Second", "Mill Street 2", None)]
    assert versions(first) == 1, "a telephone stands in no file for billing"
    customers(line("C2", "Third", "Mill Street 2", since="2025-06-01T00:00Z"), now=NOW + 2 * HOUR)
    june = datetime(2025, 6, 1, tzinfo=UTC)
    assert told(first, NOW + HOUR) == [("C1", "Second", "Mill Street 2", None)]
    assert told(first, NOW + 2 * HOUR) == [
        ("C1", "Second", "Mill Street 2", june),
        ("C2", "Third", "Mill Street 2", None),
    ]


def test_who_moved_out_lived_there_as_it_was_known(first: Registry, vault: KeyVault) -> None:
    left = NOW - timedelta(days=30)
    move_out(first, vault, at=left, now=NOW + HOUR, **WHO)
    add_customer(first, vault, texts={"customer_number": "C2"}, occupied_from=left, now=NOW + 2 * HOUR, **WHO)
    assert told(first, NOW) == [("C1", "First", "Meadow Lane 1", None)]
    assert told(first, NOW + HOUR) == [("C1", "First", "Meadow Lane 1", left)]
    assert [row[0] for row in told(first, NOW + 2 * HOUR)] == ["C1", "C2"]


def test_a_change_after_an_export_is_known_after_it(first: Registry, vault: KeyVault) -> None:
    with first.begin() as session:
        as_of = fix(session, "default", NOW + 2 * HOUR)
    edited(first, vault)  # who looked at the clock an hour before
    assert told(first, as_of) == [("C1", "First", "Meadow Lane 1", None)]
    assert told(first, as_of + HOUR) == [("C1", "Second", "Mill Street 2", None)]


def test_nothing_of_who_is_erased_survives(first: Registry, vault: KeyVault) -> None:
    edited(first, vault)
    edit_customer(first, vault, texts={"name": "Third"}, now=NOW + 2 * HOUR, **WHO)
    move_out(first, vault, at=datetime(2025, 5, 1, tzinfo=UTC), now=NOW + 3 * HOUR, **WHO)
    assert versions(first) == 3
    request = erasures.Request("default", "P1", date(2025, 1, 1), date(2025, 12, 31), "request 7")
    by = {"identity": "local:clerk", "now": NOW + 4 * HOUR}
    with first.begin() as session:
        session.execute(text("update customers set occupied_from = '2025-02-01'"))
    number = erasures.begin(first, request, **by)
    erasures.finish(first, request, number, {}, vault=vault, zone=ZoneInfo("UTC"), **by)
    for as_of in (NOW, NOW + HOUR, NOW + 5 * HOUR):
        assert told(first, as_of) == []
    with first.begin(readonly=True) as session:
        for table in Base.metadata.sorted_tables:
            said = str(session.execute(select(table)).all())
            assert not any(name in said for name in ("First", "Second", "Third", "Meadow", "Mill Street")), table.name
        assert session.scalar(select(func.count()).select_from(Customer)) == 0
