"""What may be asked of an import: a part, a dry run, a scope, a state; and files that are half good."""

import traceback

import polars as pl
import pytest
from sqlalchemy import select

from registry.imports import ImportMode
from registry.inventory import capacity
from registry.models import AuditEvent, Customer, Meter
from registry.people import services
from registry.people.errors import Denied
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, MANAGER
from registry.tables import published_tables
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, KEY, METERS, NOW, PARTIAL

DRY = ImportMode(dry_run=True)


def snapshot(registry) -> dict[str, list]:
    tables = {name: table.rows() for name, table in published_tables(registry).items()}
    with registry.begin(readonly=True) as session:
        tables["customers"] = [
            (row.metering_point, row.customer_number, row.name, row.latitude)
            for row in session.scalars(select(Customer))
        ]
    return tables


HALF_METERS = METERS + "KAM,zz,1b,16,,,\n"
HALF_CUSTOMERS = CUSTOMERS + "P2,C2,,,,,,,KAM,99999999,2025-01-01\n"
HALF_EXCHANGES = EXCHANGES + "P9,2025-06-01,KAM,90000001,1,KAM,90000002,0\n"


def test_one_bad_line_refuses_the_file_and_a_part_may_be_asked_for(meters, customers, exchanges, registry) -> None:
    steps = [
        (meters, HALF_METERS, 4, (6, "the serial is not up to eight digits")),
        (customers, HALF_CUSTOMERS, 1, (3, "meter KAM 99999999 is not registered")),
        (exchanges, HALF_EXCHANGES, 1, (3, "No meter is installed at P9: install the new one.")),
    ]
    for import_, text, good, bad in steps:
        before = snapshot(registry)
        refused = import_(text)
        assert (refused.stored, refused.added, refused.rejected.rows()) == (False, good, [bad])
        assert snapshot(registry) == before, "nothing is stored, not even a key, a move or an audit event"
        taken = import_(text, mode=PARTIAL)
        assert (taken.stored, taken.added, taken.rejected.rows()) == (True, good, [bad])


@pytest.mark.parametrize("mode", [PARTIAL, DRY, ImportMode()])
def test_keys_in_a_file_of_meters_need_the_right_of_the_key_service(meters, registry, mode) -> None:
    owner = {"identity": "local:test", "now": NOW}
    services.add(registry, "default", "loader", {(MANAGER, DEVICE_AND_CUSTOMER_MANAGEMENT)}, **owner)
    before = snapshot(registry)
    with pytest.raises(Denied) as caught:
        meters(HALF_METERS, mode=mode, identity="service:loader")
    assert str(caught.value) == (
        "meters.csv holds keys in 1 of its lines, and nothing of it is stored: service:loader has no right to device "
        "and customer management in the service keys. Leave the field key empty, or ask an administrator for that "
        "right."
    )
    assert KEY not in "".join(map(str, traceback.format_exception(caught.value)))
    assert snapshot(registry) == before
    assert meters(METERS.replace(KEY, ""), identity="service:loader").added == 4, "meters alone are no matter of keys"
    services.permit(registry, "default", "loader", {(KEYS, DEVICE_AND_CUSTOMER_MANAGEMENT)}, **owner)
    assert meters(METERS, identity="service:loader").updated == 1


def test_no_key_of_a_refused_file_is_kept(meters, registry) -> None:
    meters(METERS)
    meters(f"manufacturer,serial,version,device_type,key\nKAM,90000002,1b,16,{KEY}\nKAM,90000003,1b,16,short\n")
    status = dict(published_tables(registry)["meters"].select("meter_id", "key_status").rows())
    assert status["KAM-90000002-1b-16"] == "missing"


def test_a_dry_run_says_what_would_change_and_changes_nothing(meters, customers, exchanges, registry) -> None:
    for import_, text in ((meters, METERS), (customers, CUSTOMERS), (exchanges, EXCHANGES)):
        before = snapshot(registry)
        report = import_(text, mode=DRY)
        assert (report.stored, report.rejected.height) == (False, 0)
        assert report.added > 0
        assert report.changes.is_empty(), "new entries are no changes"
        assert snapshot(registry) == before
        import_(text)
    before = snapshot(registry)
    changed = meters(
        METERS.replace("90000002,1b,16,flowIQ,water,", f"90000002,1b,16,flowIQ 3,warm_water,{KEY}"), mode=DRY
    )
    assert (changed.added, changed.updated, changed.unchanged) == (0, 1, 3)
    assert changed.changes.rows() == [
        (3, "KAM-90000002-1b-16", "medium", "water", "warm_water"),
        (3, "KAM-90000002-1b-16", "model", "flowIQ", "flowIQ 3"),
        (3, "KAM-90000002-1b-16", "key", None, "this key"),
    ]
    assert KEY not in str(changed.changes.rows())
    changed = customers(CUSTOMERS.replace("Meadow Lane 12", "Mill Street 3"), mode=DRY)
    assert changed.changes.rows() == [(2, "P1", "address", "Meadow Lane 12", "Mill Street 3")]
    changed = exchanges(EXCHANGES.replace("12.5", "12.75"), mode=DRY)
    assert changed.changes.rows() == [(2, "P1", "old_final_volume_m3", "12.500000", "12.750000")]
    assert customers("bad," + CUSTOMERS.replace("\nP1", "\n,"), mode=DRY).rejected.rows() == [(2, "no metering_point")]
    assert snapshot(registry) == before


def test_only_customers_of_meters_with_keys(meters, customers, registry) -> None:
    meters(METERS)
    text = CUSTOMERS + "P2,C2,,,,,,,KAM,90000002,2025-01-01\nP3,C3,,,,,,,KAM,99999999,2025-01-01\n"
    report = customers(text, keyed_only=True)
    assert (report.stored, report.added, report.rejected.height) == (True, 1, 0)
    assert report.skipped.rows() == [
        (3, "meter KAM-90000002-1b-16 has no key"),
        (4, "meter KAM 99999999 is not registered"),
    ]
    assert [row[1] for row in snapshot(registry)["metering_points"]] == ["P1"]


def place(registry) -> tuple[str | None, ...]:
    with registry.begin(readonly=True) as session:
        customer = session.scalars(select(Customer)).one()
    return customer.latitude, customer.longitude, customer.coordinate_status


def test_coordinates_that_stand_win_unless_told_otherwise(meters, customers, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    assert place(registry) == (None, None, None)
    here, there = (
        CUSTOMERS.replace("Northtown,,", "Northtown,56.1,9.5"),
        CUSTOMERS.replace("Northtown,,", "Northtown,57,9"),
    )
    assert customers(here).updated == 1
    assert place(registry) == ("56.1", "9.5", "manual")
    assert customers(there).updated == 0
    assert place(registry) == ("56.1", "9.5", "manual")
    assert customers(there, overwrite_coordinates=True).updated == 1
    assert place(registry) == ("57", "9", "manual")
    assert customers(CUSTOMERS, overwrite_coordinates=True).updated == 0, "no coordinates in the file overwrite none"


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("56.1,", "latitude and longitude go together"),
        ("95,9", "latitude is no number of degrees"),
        ("56.1,north", "longitude is no number of degrees"),
        ("56.12345678901234567,9", "latitude is longer than 16 characters"),
    ],
)
def test_places_that_are_none(meters, customers, pair: str, reason: str) -> None:
    meters(METERS)
    assert customers(CUSTOMERS.replace("Northtown,,", f"Northtown,{pair}")).rejected.rows() == [(2, reason)]


def test_new_meters_go_where_they_are_told_and_into_use_with_their_customer(meters, customers, registry) -> None:
    meters(METERS, "stock")
    states = published_tables(registry)["meters"]["state"]
    assert states.to_list() == ["stock"] * 4, "none of them counts as in use"
    customers(CUSTOMERS.replace("2025-01-01T00:00:00+01:00", ""))
    assert published_tables(registry)["installations"]["installed_at"].dt.year().item() == 2026, "else the import"
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(Meter.meter_id).where(Meter.state == "in_use")).all() == ["KAM-90000001-1b-16"]
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "meter.in_use")).one()
    assert (event.object, event.before) == ("KAM-90000001-1b-16", '{"state": "stock"}')
    assert event.after == '{"effective_at": "2026-01-15T12:00:00+00:00", "state": "in_use"}'
    assert event.reason == "installed by customers.csv"
    meters(METERS, "in_use")
    assert (published_tables(registry)["meters"]["state"] == "stock").sum() == 3, "known meters stay where they are"
    assert customers(CUSTOMERS).unchanged == 1


def test_the_day_of_installation_is_the_day_of_use(meters, customers, registry) -> None:
    meters(METERS, "stock")
    customers(CUSTOMERS)
    with registry.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "meter.in_use")).one()
    assert '"effective_at": "2024-12-31T23:00:00+00:00"' in event.after


@pytest.mark.parametrize("state", ["scrapped", "deleted"])
def test_a_meter_that_cannot_be_in_use_is_told_by_its_line(meters, customers, registry, state: str) -> None:
    meters(METERS, "stock")
    with registry.begin() as session:
        session.get_one(Meter, ("default", "KAM-90000001-1b-16")).state = state
    report = customers(CUSTOMERS)
    ((line, reason),) = report.rejected.rows()
    assert (line, f"is {state} and cannot become in_use" in reason) == (2, True)
    assert published_tables(registry)["installations"].is_empty()


def test_customers_bring_no_more_meters_into_use_than_the_plan_allows(meters, customers, registry) -> None:
    meters(METERS, "stock")
    with registry.begin() as session:
        capacity.set_plan(session, "default", max_in_use=0, finest_interval_s=None, identity="test", now=NOW)
    with pytest.raises(capacity.CapacityError, match="allows 0 meters in use"):
        customers(CUSTOMERS)
    assert set(published_tables(registry)["meters"]["state"]) == {"stock"}
    assert published_tables(registry)["metering_points"].is_empty()


def test_a_serial_of_two_manufacturers(meters, customers) -> None:
    report = meters(METERS + "DME,90000001,30,07,,,\n")
    assert report.warnings == (
        "Serial 90000001 is that of 2 meters, of DME and KAM.",
        "Serial 90000003 is that of 2 meters, of KAM.",
    )
    header = "metering_point,customer_number,manufacturer,serial\n"
    text = header + "P1,C1,,90000001\nP2,C2,,90000002\nP3,C3,,90000003\nP4,C4,DME,90000001\n"
    report = customers(text, mode=PARTIAL)
    assert report.added == 2
    assert report.rejected.rows() == [
        (2, "meter 90000001 is ambiguous: DME and KAM have one of this serial, give the manufacturer"),
        (4, "meter 90000003 is ambiguous: give version and device_type"),
    ]


def test_repeated_lines_are_each_told(meters, customers) -> None:
    meters(METERS)
    text = CUSTOMERS + "P1,C9,,,,,,,KAM,90000002,2025-01-01\nP2,C2,,,,,,,KAM,90000001,2025-01-01\n"
    assert customers(text).rejected.rows() == [
        (3, "the metering point stands in an earlier line"),
        (4, "the meter stands in an earlier line"),
    ]


def test_every_medium_has_its_meters(meters, registry) -> None:
    kinds = {
        "16": "water", "06": "warm_water", "04": "heat", "0a": "cooling", "0d": "heat_cooling", "02": "electricity",
        "18": "pressure",
    }  # fmt: skip
    lines = "".join(f"KAM,{n},1b,{kind},,,\n" for n, kind in enumerate(kinds))
    assert meters(METERS.splitlines()[0] + "\n" + lines).added == len(kinds)
    found = dict(published_tables(registry)["meters"].select("device_type", "medium").rows())
    assert found == kinds


def test_meters_of_other_makers_stand_beside_ones_own(meters, registry) -> None:
    text = METERS + "AXI,00011223,10,16,Qalcosonic,water,\nDME,55667788,30,07,,,\n"
    assert meters(text).added == 6
    makers = published_tables(registry)["meters"].group_by("manufacturer").len().sort("manufacturer")
    assert makers.rows() == [("AXI", 1), ("DME", 1), ("KAM", 4)]


def test_nothing_personal_is_published_whatever_is_imported(meters, customers, registry) -> None:
    secrets = {
        "name": "Customer Zebra", "address": "Quagga Lane 7", "address2": "Floor Okapi", "postal_code": "ZQ99",
        "city": "Gnuville", "telephone": "+45 87654321", "email": "zebra@example.org", "latitude": "56.987654",
        "longitude": "9.123456", "customer_number": "CUST-ELAND",
    }  # fmt: skip
    meters(METERS)
    header = ",".join(("metering_point", "serial", "manufacturer", *secrets))
    report = customers(f"{header}\nP1,90000001,KAM,{','.join(secrets.values())}\n")
    assert report.stored
    customers(f"{header}\nP1,90000001,KAM,{','.join(secrets.values()).replace('ELAND', 'KUDU')}\n")
    with registry.begin(readonly=True) as session:
        kept = session.scalars(select(Customer)).first()
    assert {name: getattr(kept, name) for name in secrets if name != "customer_number"} == {
        name: text for name, text in secrets.items() if name != "customer_number"
    }
    for name, table in published_tables(registry).items():
        assert not set(secrets) & set(table.columns), name
        text = table.with_columns(pl.selectors.exclude(pl.String).cast(pl.String)).write_csv()
        for secret in (*secrets.values(), "CUST-KUDU"):
            assert secret not in text, name
