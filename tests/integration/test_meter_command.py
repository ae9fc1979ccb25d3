"""``meter`` in an installation: meters in stock, exchanges by hand, deleted meters, fields, the plan."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assets.steps.importing import ImportOptions
from cli.main import app
from cli.registry import run_import
from registry.inventory.capacity import CapacityError
from tests.integration.installations import House

OLD, NEW = "ABC-90000001-01-07", "ABC-90000002-01-07"
METERS = "manufacturer,serial,version,device_type\nABC,90000001,01,07\nABC,90000002,01,07\n"
READINGS = (
    "manufacturer,serial,measured_at,volume_m3\n"
    "ABC,90000001,2025-06-01T22:00:00Z,10\nABC,90000001,2025-06-02T11:00:00Z,12\n"
    "ABC,90000002,2025-06-02T22:00:00Z,1\n"
)
AT = "2025-06-02T12:00:00Z"
USED = "select consumption::varchar as used, method from consumption_daily where day = '2025-06-02'"


def meter(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["meter", *map(str, arguments)])


def done(*arguments: object) -> str:
    result = meter(*arguments)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result.stdout


def take(house: House, tmp_path: Path, kind: str, content: str, state: str = "in_use") -> None:
    (tmp_path / f"{kind}.csv").write_text(content)
    assert run_import(house.installation, kind, tmp_path / f"{kind}.csv", ImportOptions(target_state=state)) == 0


def test_a_meter_in_stock_is_heard_and_lowers_no_performance(house: House, fleet: Path, tmp_path: Path) -> None:
    assert run_import(house.installation, "meters", fleet / "meters.csv", ImportOptions(target_state="stock")) == 0
    assert house.ingest(fleet / "frames") == 0
    frames = house.ask("select count(*) from frames").item()
    assert house.ask("select count(*) from frames where outcome = 'decoded'").item() > 0, "kept, and decoded"
    assert house.ask("select count(*) from reading_performance_daily").item() == 0
    assert house.take("customers", fleet / "customers.csv") == 0
    average = "select avg(performance) from reading_performance_daily where criterion = 'daily'"
    expecting = "select distinct meter_id from reading_performance_daily where expected > 0 order by 1"
    installed = house.ask("select distinct meter_id from installations")["meter_id"]
    assert set(house.ask(expecting)["meter_id"]) <= set(installed)
    assert house.ask(average).item() > 0

    per_meter = "select meter_id, avg(performance) as p from reading_performance_daily group by 1 order by 2, 1"
    worst = house.ask(per_meter)["meter_id"][0]
    before = house.ask(average).item()
    first = house.ask(f"select min(installed_at) as at from installations where meter_id = '{worst}'")["at"][0]
    done("stock", worst, "--at", (first + timedelta(seconds=1)).isoformat())
    assert worst not in house.ask(expecting)["meter_id"]
    assert house.ask(average).item() >= before
    assert house.ask("select count(*) from frames").item() == frames
    states = house.ask(f"select state from meters where meter_id = '{worst}'")
    assert states.item() == "stock"


@pytest.fixture
def known(house: House, tmp_path: Path) -> House:
    take(house, tmp_path, "meters", METERS, "stock")
    done("install", "90000001", "P1", "--at", "2025-01-01")
    take(house, tmp_path, "readings", READINGS)
    return house


def test_an_exchange_at_midday_is_the_sum_of_both_parts_and_stays_explained(known: House) -> None:
    assert meter("exchange", "enter", "P1", "--old", OLD).exit_code == 2, "nobody is there to be asked"
    exchange = ("--at", AT, "--old", "90000001", "--new", "90000002", "--final", "m3=12.5", "--initial", "m3=0")
    done("exchange", "enter", "P1", *exchange, "--reason", "calibration period over")
    assert known.ask(USED).rows() == [("3.500000", "EXCHANGE")], "2.5 with the old meter and 1 with the new one"
    done("exchange", "correct", "P1", AT, "--final", "volume_m3=12.6", "--reason", "misread")
    assert known.ask(USED)["used"].to_list() == ["3.600000"]
    history = done("exchange", "show", "P1", "--history").splitlines()
    assert [line.split(",")[4] for line in history[1:]] == ["12.5", "12.6"]
    assert known.ask("select old_final::varchar from exchanges").item() == "12.600000"
    assert known.ask("select cause, value::varchar from final_readings").rows() == [("exchange", "12.600000")]

    tables = ("readings", "consumption_daily", "installations")
    before = [known.ask(f"select * from {table} order by all") for table in tables]
    done("delete", OLD, "--reason", "sold")
    for table, rows in zip(tables, before, strict=True):
        assert known.ask(f"select * from {table} order by all").equals(rows), table
    assert known.ask(f"select state from meters where meter_id = '{OLD}'").item() == "deleted"
    assert OLD not in done("list", "--format", "csv")
    assert OLD in done("list", "--format", "csv", "--state", "deleted")
    done("restore", OLD)
    done("exchange", "withdraw", "P1", AT, "--reason", "other house")
    assert known.ask("select count(*) from exchanges").item() == 0


def test_fields_updates_lists_and_the_plan(known: House, tmp_path: Path) -> None:
    done("field", "add", "pit", "--type", "boolean", "--label", "In a pit")
    assert '"name": "pit"' in done("field", "list")
    file = tmp_path / "update.csv"
    file.write_text(f"meter_id,pit,model\n{OLD},yes,flowIQ\n{NEW},perhaps,\n")
    assert f"line 2 {OLD} pit: (empty) -> true" in done("update", file, "--dry-run")
    refused = meter("update", file)
    assert refused.exit_code == 1
    assert "line 3: pit takes true or false" in refused.stderr.replace("\n", " ")
    assert known.ask("select count(model) from meters").item() == 0
    done("update", file, "--partial")
    pits = known.ask(f"select custom_fields->>'pit' as pit, model from meters where meter_id = '{OLD}'")
    assert pits.rows() == [("true", "flowIQ")]
    listed = done("list", "--field", "pit=yes", "--column", "serial", "--column", "pit", "--format", "csv")
    assert listed.splitlines() == ["meter_id,serial,pit", f"{OLD},90000001,true"]
    assert "Unknown" in done("list", "90000002")
    assert "In a pit: true" in done("show", "90000001")
    assert meter("list", "--column", "address").exit_code == 1

    done("capacity", "set", "--meters", 1)
    assert "meters in use: 1 of 1" in done("capacity", "show")
    refusal = meter("install", NEW, "P2", "--at", "2025-06-01")
    assert isinstance(refusal.exception, CapacityError)
    done("remove", OLD, "--at", "2025-06-03")
    done("install", NEW, "P2", "--at", "2025-06-01")
    done("final", "P2", "--at", "2025-06-04", "--register", "m3=3")
    assert known.ask("select metering_point, cause from final_readings").rows() == [("P2", "move_out")]
    events = known.ask("select event from audit_log where object is not null")["event"].to_list()
    assert {"meter.install", "meter.remove", "meters.update", "field.add", "capacity.set"} <= set(events)


def test_one_meter_is_added_and_edited(house: House, fleet: Path, tmp_path: Path) -> None:
    refused = meter("add", "ABCD", "90000001", "01", "07")
    assert str(refused.exception) == "This cannot be: the manufacturer is not three letters."
    done("add", "abc", "90000001", "01", "07", "--model", "Unnamed", "--state", "stock")
    assert house.ask("select meter_id, medium, model, state from meters").rows() == [(OLD, "water", "Unnamed", "stock")]
    done("field", "add", "pit", "--type", "boolean", "--label", "In a pit")
    told = done("edit", "90000001", "--model", "", "--number", "W-7", "--field", "pit=yes", "--reason", "seen")
    assert told.splitlines() == [
        f"{OLD} model: Unnamed -> (empty)",
        f"{OLD} meter_number: (empty) -> W-7",
        f"{OLD} pit: (empty) -> true",
    ]
    found = house.ask("select model, meter_number, custom_fields->>'pit' as pit from meters").rows()
    assert found == [(None, "W-7", "true")]
    assert meter("edit", "90000001", "--number", "W-7").exit_code == 0
    assert meter("edit", "90000001").exit_code == 2, "nothing is said to change"
    events = house.ask("select event, object from audit_log where event in ('meter.add', 'meter.edit') order by number")
    assert events.rows() == [("meter.add", OLD), ("meter.edit", OLD)]
