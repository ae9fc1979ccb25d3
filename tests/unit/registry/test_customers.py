"""Who lived where from when to when: by files and by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from registry import audit
from registry.customers import add_customer, customer_columns, edit_customer, move_out, occupancies
from registry.errors import RegistryError
from registry.imports import ImportMode
from registry.models import AuditEvent, Customer
from registry.store import Registry
from registry.subjects import destroy
from registry.tables import published_tables
from tests.unit.registry.conftest import CUSTOMERS, METERS, NOW
from tests.unit.registry.migrating import migrate

HEADER = "metering_point,customer_number,manufacturer,serial,name,occupied_from,occupied_to\n"
WHO = {"organisation": "default", "identity": "local:clerk", "now": NOW}


def line(number: str, name: str = "", since: str = "", until: str = "") -> str:
    return f"{HEADER}P1,{number},KAM,90000001,{name},{since},{until}\n"


def at(text_: str) -> datetime:
    return datetime.fromisoformat(text_).replace(tzinfo=UTC)


def known(registry) -> list[tuple[str, str | None, datetime | None, datetime | None]]:
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(Customer)).all()
    ordered = sorted(rows, key=lambda row: row.occupied_to or datetime.max.replace(tzinfo=UTC))
    return [(row.customer_number, row.name, row.occupied_from, row.occupied_to) for row in ordered]


def test_a_new_customer_moves_in_and_the_former_one_is_kept(meters, customers, registry) -> None:
    meters(METERS)
    customers(line("C1", "One"))
    assert known(registry) == [("C1", "One", None, None)]
    report = customers(line("C2", "Two", since="2025-06-01T00:00Z"))
    assert (report.added, report.updated, report.unchanged) == (0, 1, 0)
    june = at("2025-06-01")
    assert known(registry) == [("C1", "One", None, june), ("C2", "Two", june, None)]
    assert customers(line("C2", "Two", since="2025-06-01T00:00Z")).unchanged == 1
    assert customers(line("C2", "Two")).unchanged == 1
    assert customers(line("C3", "Three")).updated == 1, "without a date, at the import"
    assert known(registry)[1:] == [("C2", "Two", june, NOW), ("C3", "Three", NOW, None)]
    assert customers(line("C2", "Two", since="2025-06-01T00:00Z")).unchanged == 1, "an older file changes nothing"
    assert len(known(registry)) == 3


def test_lists_name_who_lived_there_at_an_instant(meters, customers, registry) -> None:
    meters(METERS)
    customers(line("C1", "One"))
    customers(line("C2", "Two", since="2025-06-01T00:00Z"))
    with registry.begin(readonly=True) as session:
        named = [
            customer_columns(session, "default", instant)["customer_number"].to_list()
            for instant in (at("2025-05-31"), at("2025-06-01"), None)
        ]
    assert named == [["C1"], ["C2"], ["C2"]]


def test_who_moved_out_does_not_come_back_with_the_next_file(meters, customers, registry, vault) -> None:
    meters(METERS)
    customers(line("C1", "One"))
    move_out(registry, vault, metering_point="P1", at=at("2025-05-01"), **WHO)
    assert customers(line("C1", "One")).unchanged == 1
    assert known(registry) == [("C1", "One", None, at("2025-05-01"))]
    customers(line("C1", "One", since="2025-09-01T00:00Z"))
    assert known(registry) == [("C1", "One", None, at("2025-05-01")), ("C1", "One", at("2025-09-01"), None)]
    customers(line("C1", "One", since="2025-09-01T00:00Z", until="2025-10-01T00:00Z"))
    assert known(registry)[1][3] == at("2025-10-01")


@pytest.mark.parametrize(
    ("number", "since", "until", "reason"),
    [
        ("C2", "2025-01-01", "", "somebody else moved in there at that time or later"),
        ("C1", "2025-06-01T00:00Z", "2025-06-01T00:00Z", "occupied_to does not lie after occupied_from"),
        ("C1", "", "2025-01-01", "occupied_to does not lie after occupied_from"),
        ("C1", "someday", "", "occupied_from is no time"),
    ],
)
def test_occupancies_that_cannot_be(meters, customers, registry, number: str, since: str, until: str, reason) -> None:
    meters(METERS)
    customers(line("C1", "One", since="2025-06-01T00:00Z"))
    before = known(registry)
    assert customers(line(number, since=since, until=until)).rejected.rows() == [(2, reason)]
    assert known(registry) == before


def test_nobody_moves_in_before_the_former_one_left(meters, customers, registry, vault) -> None:
    meters(METERS)
    customers(line("C1", "One"))
    move_out(registry, vault, metering_point="P1", at=at("2025-05-01"), **WHO)
    assert customers(line("C2", since="2025-04-01")).rejected.rows() == [
        (2, "somebody else lived there until after that time")
    ]
    customers(line("C2", "Two"))
    assert known(registry)[1] == ("C2", "Two", NOW, None)


def test_the_place_stays_when_its_occupant_moves(meters, customers, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS.replace("Northtown,,", "Northtown,56.1,9.5"))
    customers(line("C2", "Two"))
    with registry.begin(readonly=True) as session:
        new = session.scalars(select(Customer).where(Customer.customer_number == "C2")).one()
    assert (new.name, new.address, new.city, new.latitude) == ("Two", "Meadow Lane 12", "Northtown", "56.1")
    assert new.coordinate_status == "manual"


def test_a_dry_run_shows_a_move(meters, customers, registry) -> None:
    meters(METERS)
    customers(line("C1", "One"))
    report = customers(line("C2", "Two", since="2025-06-01T00:00Z"), mode=ImportMode(dry_run=True))
    assert [row[2:4] for row in report.changes.rows()][:2] == [("customer_number", "C1"), ("name", "One")]
    assert len(known(registry)) == 1


def test_an_address_that_changes_is_looked_up_again(meters, customers, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    with registry.begin() as session:
        session.execute(text("update customers set coordinate_status = 'ok', latitude = '1', longitude = '2'"))
    customers(CUSTOMERS.replace("Customer 0001", "Customer 0002"))
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(Customer.coordinate_status)).one() == "ok"
    customers(CUSTOMERS.replace("Meadow Lane 12", "Mill Street 1"))
    with registry.begin(readonly=True) as session:
        row = session.scalars(select(Customer)).one()
    assert (row.address, row.coordinate_status, row.latitude) == ("Mill Street 1", None, None)


PERSON = {"customer_number": "C1", "name": "Customer Okapi", "telephone": "+45 12", "email": "c1@example.org"}


def events(registry, vault) -> list[tuple[str, str | None, dict | None]]:
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.number)).all()
        return [(row.event, row.object, audit.personal_of(session, vault, row)) for row in rows]


def test_a_customer_by_hand_and_what_the_audit_log_says(registry, vault) -> None:
    occupancy = add_customer(registry, vault, metering_point="P7", texts=PERSON, **WHO)
    assert published_tables(registry)["metering_points"]["metering_point"].to_list() == ["P7"]
    changed = edit_customer(
        registry, vault, metering_point="P7", texts={"name": "Customer Eland", "telephone": ""}, **WHO
    )
    assert changed == ["name", "telephone"]
    assert edit_customer(registry, vault, metering_point="P7", texts={"name": "Customer Eland"}, **WHO) == []
    move_out(registry, vault, metering_point="P7", at=NOW, **WHO)
    add_customer(registry, vault, metering_point="P7", texts={"customer_number": "C2"}, **WHO)
    found = occupancies(registry, "default", "P7")
    assert [(row.customer_number, row.occupied_from, row.occupied_to) for row in found] == [
        ("C2", NOW, None),
        ("C1", None, NOW),
    ]
    told = events(registry, vault)
    assert [(event, point) for event, point, _ in told] == [
        ("customer.add", "P7"), ("customer.edit", "P7"), ("customer.move_out", "P7"), ("customer.add", "P7"),
    ]  # fmt: skip
    assert told[1][2] == {
        "before": {"name": "Customer Okapi", "telephone": "+45 12"},
        "after": {"name": "Customer Eland", "telephone": None},
    }
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent)).all()
    for row in rows:
        shown = json.dumps([row.object, row.before, row.after, row.details, row.reason])
        assert "Okapi" not in shown
        assert "Eland" not in shown
    assert {row.subject for row in rows} == {f"customer:P7:{occupancy}", f"customer:P7:{found[0].occupancy}"}
    with registry.begin() as session:
        assert destroy(session, "default", f"customer:P7:{occupancy}")
    assert [personal is None for _, _, personal in events(registry, vault)] == [True, True, True, False]
    assert audit.walk(registry).broken is None


def test_coordinates_by_hand(registry, vault) -> None:
    add_customer(registry, vault, metering_point="P7", texts={**PERSON, "latitude": "56.1", "longitude": "9.5"}, **WHO)
    assert occupancies(registry, "default", "P7")[0].coordinate_status == "manual"
    edit_customer(registry, vault, metering_point="P7", texts={"address": "Mill Street 1"}, **WHO)
    assert occupancies(registry, "default", "P7")[0].latitude == "56.1", "a pin set by hand stays"
    edit_customer(registry, vault, metering_point="P7", texts={"latitude": "", "longitude": ""}, **WHO)
    assert occupancies(registry, "default", "P7")[0].coordinate_status is None


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"name": "Zebra"}, "needs a customer_number"),
        ({**PERSON, "email": "zebra"}, "email is no e-mail address"),
        ({**PERSON, "name": "=zebra()"}, "name looks like a formula"),
        ({**PERSON, "latitude": "56"}, "latitude and longitude go together"),
        ({**PERSON, "postal_code": "zebra" * 10}, "postal_code is longer than 16"),
    ],
)
def test_a_customer_that_cannot_be(registry, vault, texts, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        add_customer(registry, vault, metering_point="P7", texts=texts, **WHO)
    assert "zebra" not in str(caught.value).lower()
    with pytest.raises(RegistryError, match="Nobody is known"):
        occupancies(registry, "default", "P7")


def test_two_do_not_live_in_one_place(registry, vault) -> None:
    add_customer(registry, vault, metering_point="P7", texts=PERSON, occupied_from=at("2025-01-01"), **WHO)
    with pytest.raises(RegistryError, match="move them out first"):
        add_customer(registry, vault, metering_point="P7", texts=PERSON, **WHO)
    with pytest.raises(RegistryError, match="moved in at that time or later"):
        move_out(registry, vault, metering_point="P7", at=at("2025-01-01"), **WHO)
    move_out(registry, vault, metering_point="P7", at=at("2025-03-01"), **WHO)
    with pytest.raises(RegistryError, match="Nobody is known to live"):
        move_out(registry, vault, metering_point="P7", at=NOW, **WHO)
    with pytest.raises(RegistryError, match="until after that time"):
        add_customer(
            registry,
            vault,
            metering_point="P7",
            texts=PERSON,
            occupied_from=at("2025-03-01") - timedelta(days=1),
            **WHO,
        )
    add_customer(registry, vault, metering_point="P7", texts=PERSON, occupied_from=at("2025-03-01"), **WHO)
    with pytest.raises(RegistryError, match="until after that time"):
        edit_customer(registry, vault, metering_point="P7", texts={}, occupied_from=at("2025-02-01"), **WHO)


def test_customers_of_an_older_registry_live_there_since_ever(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = create_engine(url)
    migrate(engine, command.upgrade, "0003")
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into customers (organisation, metering_point, customer_number, name, latitude, longitude)"
                " values ('default', 'P1', 'C1', 'One', '56.1', '9.5'), ('default', 'P2', 'C2', 'Two', null, null)"
            )
        )
    registry = Registry.open(url)
    assert sorted(known(registry)) == [("C1", "One", None, None), ("C2", "Two", None, None)]
    with registry.begin(readonly=True) as session:
        states = dict(session.execute(select(Customer.metering_point, Customer.coordinate_status)).all())
    assert states == {"P1": "manual", "P2": None}
    migrate(engine, command.downgrade, "0003")
    with engine.connect() as connection:
        assert connection.execute(text("select name from customers order by 1")).scalars().all() == ["One", "Two"]
