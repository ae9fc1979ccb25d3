"""``import``, ``customer`` and ``address`` on the command line: exit statuses, what is said, what is stored."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from registry.errors import RegistryError
from tests.integration.installations import House

METERS = "manufacturer,serial,version,device_type,colour\nABC,90000001,01,07,red\nABC,90000002,01,07,blue\n"
CUSTOMERS = "Point;No;Meter;Street;Code;Town\nP1;C1;90000001;Meadow Lane 1;1000;Northtown\n"
PROFILE = """kind: customers
separator: ";"
fields:
  {metering_point: Point, customer_number: "No", serial: Meter, address: Street, postal_code: Code, city: Town}
"""
REGISTER = """street,number,postal_code,city,latitude,longitude
Meadow Lane,1,1000,Northtown,56.1,9.1
Mill Street,5,3000,Easttown,56.5,9.5
Mill Street,5,3000,Eastham,56.6,9.6
"""


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit | RegistryError), result.exception
    return result


@pytest.fixture
def stocked(house: House, tmp_path: Path) -> House:
    """An installation with two meters in stock, a profile and an address register of its own."""
    home = house.installation.settings.home
    (home / "profiles").mkdir()
    (home / "profiles" / "waterworks.yaml").write_text(PROFILE)
    (home / "addresses.csv").write_text(REGISTER)
    (tmp_path / "meters.csv").write_text(METERS)
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    result = run("import", "meters", tmp_path / "meters.csv", "--state", "stock")
    assert result.exit_code == 0, result.stderr
    assert "meters.csv: 2 added, 0 updated, 0 unchanged, 0 lines rejected." in result.stderr
    assert "Note: meters.csv has columns that are not used: colour." in result.stderr
    return house


def test_a_file_is_tried_refused_taken_in_part_and_looked_up(stocked: House, tmp_path: Path) -> None:
    assert stocked.ask("select distinct state from meters").rows() == [("stock",)]
    good, half = tmp_path / "customers.csv", tmp_path / "half.csv"
    half.write_text(CUSTOMERS + "P2;C2;99999999;Mill Street 5;3000;\n")
    profile = ("--profile", "waterworks")

    dry = run("import", "customers", half, *profile, "--dry-run")
    assert dry.exit_code == 1
    assert "Dry run, nothing is stored: half.csv: 1 added, 0 updated, 0 unchanged, 1 lines rejected." in dry.stderr
    assert run("import", "customers", good, *profile, "--dry-run").exit_code == 0
    assert stocked.ask("select count(*) from rejected_rows").item() == 0
    refused = run("import", "customers", half, *profile)
    assert refused.exit_code == 1
    assert "half.csv line 3: meter 99999999 is not registered" in refused.stderr
    assert "Nothing was stored" in refused.stderr
    assert stocked.ask("select count(*) from metering_points").item() == 0
    rejected = [("half.csv", 3, "meter 99999999 is not registered")]
    assert stocked.ask("select source_file, source_line, reason from rejected_rows").rows() == rejected

    taken = run("import", "customers", half, *profile, "--partial", "--check-addresses")
    assert taken.exit_code == 0, taken.stderr
    assert "Addresses: 1 OK." in taken.stderr
    assert stocked.ask("select meter_id from meters where state = 'in_use'").rows() == [("ABC-90000001-01-07",)]
    assert stocked.ask("select source_file, source_line, reason from rejected_rows").rows() == rejected
    good.write_text(CUSTOMERS.replace("Meadow Lane 1", "Mill Street 5").replace("1000;Northtown", "3000;"))
    change = run("import", "customers", good, *profile, "--dry-run", "--scope", "keyed")
    assert "1 skipped" in change.stderr
    change = run("import", "customers", good, *profile, "--dry-run")
    assert "line 2: P1 address: Meadow Lane 1 → Mill Street 5" in change.stdout
    assert run("import", "meters", tmp_path / "meters.csv", "--profile", "nonsense").exit_code == 1


def test_customers_and_addresses_by_hand(house: House) -> None:
    home = house.installation.settings.home
    (home / "addresses.csv").write_text(REGISTER)
    added = run(
        *("customer", "add", "P1", "--customer-number", "C1", "--name", "Customer One", "--address", "Mill Street 5"),
        *("--postal-code", "3000", "--telephone", "+45 12345678", "--from", "2025-01-01"),
    )
    assert added.exit_code == 0, added.stderr
    assert "occupied          2025-01-01T00:00:00+01:00" in run("customer", "show", "P1").stdout
    assert "P1: telephone changed." in run("customer", "edit", "P1", "--telephone", "").stderr
    assert "Addresses: 1 alternative addresses found." in run("address", "check").stderr
    listed = run("address", "list", "--state", "alternatives").stdout
    assert "\t1: Mill Street 5, 3000 Eastham\n\t2: Mill Street 5, 3000 Easttown\n" in listed
    assert run("address", "pick", "P1", "3").exit_code == 1
    assert run("address", "pick", "P1", "2").exit_code == 0
    assert "P1\tOK\t56.5 9.5\tMill Street 5, 3000, Easttown" in run("address", "list").stdout
    assert run("customer", "move-out", "P1", "--at", "2025-06-01").exit_code == 0
    assert run("customer", "move-out", "P1").exit_code == 1
    assert "needs a customer_number" in str(run("customer", "add", "P1", "--name", "Nobody").exception)
    assert run("customer", "add", "P1", "--customer-number", "C2").exit_code == 0
    shown = run("customer", "show", "P1").stdout
    assert shown.index("C2") < shown.index("C1"), "the latest first"
    assert "Customer One" in shown
    events = house.ask("select event from audit_log order by number")["event"].to_list()
    assert [event for event in events if event.startswith(("customer", "address"))] == [
        "customer.add", "customer.edit", "addresses.check", "address.pick", "customer.move_out", "customer.add",
    ]  # fmt: skip
    everything = (
        house.ask("select * from audit_log").write_csv() + house.ask("select * from metering_points").write_csv()
    )
    assert "Customer One" not in everything
    assert "Mill Street" not in everything
