"""Who is erased does not become known again: by no file and not by hand, until somebody readmits them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry import erasures
from registry.customers import add_customer, edit_customer, occupancies
from registry.erased_customers import readmit
from registry.errors import RegistryError
from registry.models import AuditEvent, Customer, ErasedCustomer
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.registry.conftest import CUSTOMERS, METERS, NOW, PARTIAL, ZONE

WHO = {"organisation": "default", "identity": "test", "now": NOW}
MOVED = "P1,C2,Customer 0002,Meadow Lane 12,1000,Northtown,,,KAM,90000001,2025-01-01T00:00:00+01:00\n"
HEADER, LISTED = CUSTOMERS.splitlines(keepends=True)
ELSEWHERE = LISTED.replace("P1,", "P2,").replace("90000001", "90000002")


@pytest.fixture
def erased(meters, customers, registry: Registry, vault: KeyVault) -> Registry:
    """C1 lived at P1 until C2 moved in, and is erased."""
    meters(METERS)
    customers(CUSTOMERS)
    customers(HEADER + MOVED, now=NOW + timedelta(days=1))
    erase(registry, vault)
    return registry


def erase(registry: Registry, vault: KeyVault) -> None:
    request = erasures.Request("default", "P1", date(2000, 1, 1), date(2026, 1, 16), "request 7")
    number = erasures.begin(registry, request, identity="test", now=NOW)
    erasures.finish(registry, request, number, {}, vault=vault, zone=ZONE, identity="test", now=NOW)


def numbers(registry: Registry) -> set[tuple[str, str]]:
    with registry.begin(readonly=True) as session:
        return {tuple(row) for row in session.execute(select(Customer.metering_point, Customer.customer_number))}


def test_a_file_that_still_lists_them_is_rejected_at_that_line(erased: Registry, vault: KeyVault, customers) -> None:
    assert numbers(erased) == {("P1", "C2")}
    report = customers(HEADER + ELSEWHERE + MOVED, mode=PARTIAL)
    assert report.rejected.rows() == [
        (2, "the customer is erased on request (erasure 1): 'meterhouse erase readmit' lets them come back")
    ]
    assert numbers(erased) == {("P1", "C2")}, "the other line is taken"
    assert not customers(HEADER + ELSEWHERE).stored, "all or nothing"


def test_by_hand_they_are_refused_without_naming_them(erased: Registry, vault: KeyVault) -> None:
    for attempt in (
        lambda: add_customer(erased, vault, metering_point="P2", texts={"customer_number": " C1 "}, **WHO),
        lambda: add_customer(erased, vault, metering_point="P2", texts={"customer_number": "C1"}, **WHO),
        lambda: edit_customer(erased, vault, metering_point="P1", texts={"customer_number": "C1"}, **WHO),
    ):
        with pytest.raises(RegistryError, match=r"erased on request \(erasure 1\)") as failure:
            attempt()
        assert "C1" not in str(failure.value)
    edit_customer(erased, vault, metering_point="P1", texts={"name": "Customer Elk"}, **WHO)
    assert numbers(erased) == {("P1", "C2")}


def test_readmitted_they_may_come_back(erased: Registry, vault: KeyVault, customers) -> None:
    assert readmit(erased, vault, "default", "C1 ", reason="contract 8", identity="test", now=NOW) == [1]
    assert customers(HEADER + ELSEWHERE).stored
    assert [row.customer_number for row in occupancies(erased, "default", "P2")] == ["C1"]
    with pytest.raises(RegistryError, match="No erased customer"):
        readmit(erased, vault, "default", "C1", reason="again", identity="test", now=NOW)
    with erased.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "erasure.readmit")).one()
    assert (event.identity, event.reason, event.details) == ("test", "contract 8", '{"erasures": [1]}')


def test_who_lives_elsewhere_still_is_told_of_there(meters, customers, registry: Registry, vault: KeyVault) -> None:
    meters(METERS)
    customers(CUSTOMERS + ELSEWHERE)
    customers(HEADER + MOVED, now=NOW + timedelta(days=1))
    erase(registry, vault)
    assert numbers(registry) == {("P1", "C2"), ("P2", "C1")}
    report = customers(HEADER + ELSEWHERE.replace("Meadow", "Forest") + LISTED, mode=PARTIAL)
    assert (report.updated, report.rejected["source_line"].to_list()) == (1, [3])


def test_what_is_kept_is_a_keyed_digest_of_the_organisation(erased: Registry, vault: KeyVault) -> None:
    with erased.begin(readonly=True) as session:
        (kept,) = session.scalars(select(ErasedCustomer))
    assert (kept.erasure, kept.digest) == (1, vault.pseudonym("default", "C1"))
    assert kept.digest not in (vault.pseudonym("elsewhere", "C1"), vault.digest(b"default|C1"))
    add_customer(erased, vault, metering_point="P9", texts={"customer_number": "C1"}, **{**WHO, "organisation": "else"})
