"""The address check against a register of all addresses."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import func, select

from registry import audit
from registry.addresses import (
    AddressRegister,
    check_addresses,
    forget_misses,
    located,
    look_up,
    pick_address,
    waiting,
)
from registry.customers import add_customer
from registry.errors import RegistryError
from registry.models import AuditEvent, Customer
from registry.store import Registry
from tests.conftest import REPOSITORY
from tests.unit.registry.conftest import NOW

WHO = {"organisation": "default", "identity": "test", "now": NOW}
REGISTER = """street,number,postal_code,city,latitude,longitude
Meadow Lane,12,1000,Northtown,56.1,9.1
Meadow Lane,12 B,1000,Northtown,56.2,9.2
Meadow Lane,12,2000,Southtown,56.3,9.3
Åboulevard,3,2000,Southtown,56.4,9.4
Hauptstraße,7,30000,Weststadt,52.1,10.1
Mill Street,5,3000,Easttown,56.5,9.5
Mill Street,5,3000,Eastham,56.6,9.6
Mill Street,9,3000,Easttown,north,9.6
"""


@pytest.fixture
def register(tmp_path: Path) -> AddressRegister:
    file = tmp_path / "addresses.csv"
    file.write_text(REGISTER)
    return AddressRegister.load(file)


@pytest.mark.parametrize(
    ("address", "postal_code", "city", "state", "latitude"),
    [
        ("Meadow Lane 12", "1000", "Northtown", "ok", "56.1"),
        ("MEADOW  LANE 12b, 2. th", "1000", None, "ok", "56.2"),
        ("12 Meadow Lane", "1000", "Northtown", "ok", "56.1"),
        ("Meadow Lane 12", "DK-2000", "", "ok", "56.3"),
        ("Aaboulevard 3", None, "southtown", "ok", "56.4"),
        ("Hauptstr. 7", "30 000", "Weststadt", "ok", "52.1"),
        ("Mill Street 5", "3000", "Eastham", "ok", "56.6"),
        ("Meadow Lane 12", "1000", "another spelling", "ok", "56.1"),
        ("Mill Street 5", "3000", None, "alternatives", None),
        ("Meadow Lane 12 C", "1000", "Northtown", "alternatives", None),
        ("Meadow Lane 12", "9999", "Northtown", "alternatives", None),
        ("Mill Street 9", "3000", "Easttown", "not_found", None),
        ("Meadow Lane 99", "1000", "Northtown", "not_found", None),
        ("Meadow Lane", "1000", "Northtown", "not_found", None),
        (None, "1000", "Northtown", "not_found", None),
        ("Meadow Lane 12", None, None, "no_place", None),
    ],
)
def test_states(register, address, postal_code, city, state: str, latitude) -> None:
    schema = dict.fromkeys(("address", "postal_code", "city"), pl.String)
    found = look_up(register, pl.DataFrame([(address, postal_code, city)], schema=schema, orient="row")).row(
        0, named=True
    )
    assert (found["coordinate_status"], found["latitude"]) == (state, latitude)
    assert (found["alternatives"] is not None) == (state == "alternatives")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"street,number\n", "lacks the columns postal_code, city"),
        (b"\xff\xfe\0", "no CSV|lacks"),
        (b"", "no CSV"),
    ],
)
def test_registers_that_are_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "addresses.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RegistryError, match=message):
        AddressRegister.load(file)


@pytest.fixture
def people(registry, vault) -> Registry:
    """One customer for each state."""
    places = {
        "P1": ("Meadow Lane 12", "1000", "Northtown"),
        "P2": ("Meadow Lane 99", "1000", "Northtown"),
        "P3": ("Meadow Lane 12", "", ""),
        "P4": ("Mill Street 5", "3000", ""),
    }
    for point, (address, postal_code, city) in places.items():
        texts = {"customer_number": "C", "address": address, "postal_code": postal_code, "city": city}
        add_customer(registry, vault, metering_point=point, texts=texts, **WHO)
    pinned = {
        "customer_number": "C",
        "latitude": "1",
        "longitude": "2",
        "address": "Meadow Lane 12",
        "city": "Northtown",
    }
    add_customer(registry, vault, metering_point="P5", texts=pinned, **WHO)
    return registry


def states(registry) -> dict[str, str | None]:
    return {place.metering_point: place.state for place in located(registry, "default")}


def test_each_state_and_the_choice_of_an_alternative(people, register, vault) -> None:
    assert waiting(people, "default") == 4
    assert check_addresses(people, register, **WHO) == {"ok": 1, "not_found": 1, "no_place": 1, "alternatives": 1}
    assert states(people) == {
        "P1": "ok", "P2": "not_found", "P3": "no_place", "P4": "alternatives", "P5": "manual",
    }  # fmt: skip
    assert waiting(people, "default") == 0
    assert check_addresses(people, register, **WHO) == {}
    (place,) = located(people, "default", "alternatives")
    assert [choice["city"] for choice in place.alternatives] == ["Eastham", "Easttown"]
    for number, message in ((0, "one of 1 to 2"), (3, "one of 1 to 2")):
        with pytest.raises(RegistryError, match=message):
            pick_address(people, vault, metering_point="P4", number=number, **WHO)
    pick_address(people, vault, metering_point="P4", number=2, **WHO)
    (picked,) = [place for place in located(people, "default", "ok") if place.metering_point == "P4"]
    assert (picked.city, picked.latitude, picked.alternatives) == ("Easttown", "56.5", [])
    for point, message in (("P4", "no addresses to choose"), ("P9", "Nobody is known")):
        with pytest.raises(RegistryError, match=message):
            pick_address(people, vault, metering_point=point, number=1, **WHO)
    with people.begin(readonly=True) as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.event.like("address%"))).all()
    assert [event.event for event in events] == ["addresses.check", "address.pick"]
    assert all("Easttown" not in str([event.before, event.after, event.details, event.object]) for event in events)


def test_a_newer_register_is_asked_again(people, register, tmp_path: Path) -> None:
    check_addresses(people, register, **WHO)
    newer = tmp_path / "newer.csv"
    newer.write_text(REGISTER + "Meadow Lane,99,1000,Northtown,57,10\n")
    forget_misses(people, **WHO)
    assert waiting(people, "default") == 3, "what was found, or set by hand, stays"
    assert check_addresses(people, AddressRegister.load(newer), **WHO) == {"ok": 1, "no_place": 1, "alternatives": 1}


CHECK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from registry.addresses import AddressRegister, check_addresses
from registry.store import Registry

url, file = sys.argv[1:]
check_addresses(
    Registry.open(url),
    AddressRegister.load(Path(file)),
    organisation="default",
    identity="test",
    now=datetime.now(UTC),
    at_once=20,
)
"""


def test_a_check_that_is_killed_goes_on_where_it_stopped(registry, registry_url: str, tmp_path: Path) -> None:
    count = 4000
    header = "street,number,postal_code,city,latitude,longitude\n"
    (tmp_path / "addresses.csv").write_text(
        header + "".join(f"Mill Street,{n},3000,Easttown,56.{n:04d},9.{n:04d}\n" for n in range(1, count + 1))
    )
    with registry.begin() as session:
        for n in range(1, count + 1):
            session.add(
                Customer(
                    organisation="default", occupancy=f"{n:016x}", metering_point=f"P{n}", customer_number="C",
                    address=f"Mill Street {n}", postal_code="3000",
                )
            )  # fmt: skip
    command = [sys.executable, "-c", CHECK, registry_url, str(tmp_path / "addresses.csv")]
    first = subprocess.Popen(command, cwd=REPOSITORY)
    while (left := waiting(registry, "default")) == count:
        assert first.poll() is None
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    with registry.begin():
        pass  # a server ends what its client had asked for
    left = waiting(registry, "default")
    assert 0 < left < count
    with registry.begin(readonly=True) as session:
        done = session.scalar(select(func.count()).select_from(AuditEvent)) or 0
    assert count - left == 20 * done, "a portion and its audit event are stored together or not at all"
    assert subprocess.run(command, cwd=REPOSITORY, check=True).returncode == 0
    with registry.begin(readonly=True) as session:
        portions = session.scalar(select(func.count()).select_from(AuditEvent))
        rows = session.execute(select(Customer.metering_point, Customer.coordinate_status, Customer.latitude)).all()
    assert portions == count // 20, "nothing is looked up twice"
    assert all(state == "ok" and latitude == f"56.{int(point[1:]):04d}" for point, state, latitude in rows)
    assert audit.walk(registry).broken is None
