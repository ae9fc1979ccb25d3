"""Validation by the command line: the queue, decisions, readings by hand, and policies that are tried."""

import csv
import io
from decimal import Decimal
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from registry.errors import RegistryError
from tests.integration.installations import House
from warehouse.policies import shipped_document

METER = "KAM-00000001-1b-16"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def rows(*arguments: object) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run(*arguments))))


def test_what_is_questioned_is_listed_and_decided(house: House, tmp_path: Path) -> None:
    house.take_text("meters", "manufacturer,serial,version,device_type,medium\nKAM,00000001,1b,16,water\n")
    house.take_text(
        "customers",
        "metering_point,customer_number,manufacturer,serial,installed_at\nP1,1,KAM,00000001,2025-01-01T00:00:00Z\n",
    )
    house.take_text(
        "readings",
        "manufacturer,serial,measured_at,volume_m3\nKAM,00000001,2025-06-02T00:00Z,1\nKAM,00000001,2025-06-02T01:00Z,30\n",
    )
    (found,) = rows("exception", "list", "--rule", "V06")
    assert (found["rule"], found["state"], found["metering_point"]) == ("V06", "open", "P1")
    about = (found["meter_id"], found["rule"], found["at"])
    assert "limit_per_h" in run("exception", "show", *about)
    run("exception", "override", *about, "--value", "1.2", "--reason", "The photograph shows it.")
    assert rows("exception", "list", "--rule", "V06") == []
    assert rows("exception", "list", "--rule", "V06", "--state", "all")[0]["state"] == "overridden"
    reading = ("reading", "add", METER, "--at", "2025-06-02T03:00Z", "--register", "m3=1.5", "--reader", "walker 7")
    run(*reading)
    used = house.ask("select sum(consumption) from consumption_hourly where period_start >= '2025-06-02T00:00Z'").item()
    assert used == Decimal("0.5")
    file = tmp_path / "mine.yaml"
    file.write_text(shipped_document("validation").replace("margin_ratio: 1.25", "margin_ratio: 9"))
    setting = ("policy", "set", "validation", file, "--reason", "Pools.")
    refused = CliRunner().invoke(app, [*map(str, setting)])
    assert isinstance(refused.exception, RegistryError)
    tried = rows("validation", "dry-run", file, "--from", "2025-06-01", "--to", "2025-06-03")
    assert [one["rule"] for one in tried] == [f"V{n:02}" for n in range(1, 25)]
    run(*setting)
    assert "V24 EXCH" in run("validation", "rules")
    assert "readings,holds" in run("validation", "check-tables", "--table", "readings")
