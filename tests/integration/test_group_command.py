"""``group`` in an installation: members, rules, rounds and readers by the command line, as SQL sees them."""

import csv
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.installation import open_installation
from assets.steps.publishing import publish_registry
from cli.main import app, main
from registry.imports import import_customers, import_meters
from registry.ledger import note_collectors
from tests.integration.installations import House

METERS = "manufacturer,serial,version,device_type\n" + "".join(f"KAM,9000000{n},1b,16\n" for n in range(1, 6))
CUSTOMERS = "metering_point,customer_number,city,manufacturer,serial,installed_at\n" + "".join(
    f"P{n},C{n},{city},KAM,9000000{n},2025-01-01T00:00:00Z\n" for n, city in enumerate(["Northtown"] * 3 + ["South"], 1)
)
PRESENT = """select "group", count(distinct coalesce(meter_id, metering_point)) as members from group_members
    where valid_from <= now() and (valid_to is null or valid_to > now()) group by 1"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def rows(*arguments: object) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run(*arguments, "--format", "csv"))))


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """What the command says on standard error where it fails."""
    monkeypatch.setattr(sys, "argv", ["meterhouse", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def counts() -> dict[str, int]:
    return {row["group"]: int(row["members"]) for row in rows("group", "list")}


@pytest.fixture
def utility(house: House) -> House:
    place = house.installation
    owner = {"organisation": "default", "identity": "test", "now": datetime.now(UTC)}
    import_meters(
        place.registry, METERS.encode(), vault=place.vault, source_name="m.csv", target_state="stock", **owner
    )
    import_customers(
        place.registry,
        CUSTOMERS.encode(),
        vault=place.vault,
        zone=place.settings.zone,
        source_name="customers.csv",
        **owner,
    )
    note_collectors(place.registry, "default", pl.Series(["master"]))
    publish_registry(place)
    return house


def test_groups_from_beginning_to_end(
    utility: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run("group", "new", "East area")
    run("group", "add", "East area", "P1", "KAM-90000002-1b-16", "--reason", "new district")
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"conditions": [{"field": "city", "values": ["northtown"]}]}))
    assert [row["metering_point"] for row in rows("group", "preview", rule)] == ["P1", "P2", "P3"]
    run("group", "new", "North", "--rule", rule)
    assert counts() == {
        "All meters": 4,
        "East area": 2,
        "Last imported meters": 5,
        "Meters in stock": 1,
        "Non-grouped meters": 1,
        "North": 3,
        "Priority meters": 0,
    }
    said = dict(utility.ask(PRESENT).rows())
    assert {name: count for name, count in counts().items() if count} == said, "the list counts what SQL counts"

    before = datetime.now(UTC).isoformat()
    run("group", "remove", "East area", "P1", "--from", "2025-06-01")
    assert [row["metering_point"] for row in rows("group", "show", "East area")] == ["P2"]
    assert [row["metering_point"] for row in rows("group", "show", "East area", "--on", "2025-05-31")] == ["P1", "P2"]
    known = rows("group", "show", "East area", "--as-of", before)
    assert [(row["metering_point"], row["valid_to"]) for row in known] == [("P1", ""), ("P2", "")]
    run("group", "rename", "East area", "Harbour")
    rule.write_text(json.dumps({"conditions": [{"field": "city", "values": ["South"]}]}))
    run("group", "rule", "North", rule)
    assert json.loads(run("group", "rule", "North"))["conditions"][0]["values"] == ["South"]
    assert (counts()["Harbour"], counts()["North"]) == (1, 1)

    assert "built-in" in refusal(monkeypatch, capsys, "group", "new", "All meters")
    assert "no group 'East area'" in refusal(monkeypatch, capsys, "group", "show", "East area")
    run("group", "delete", "Harbour")
    assert "Harbour" not in counts()
    told = utility.ask("select event, reason from audit_log where event like 'group.%' order by number")
    assert told["event"].to_list() == [
        f"group.{what}" for what in ("new", "add", "new", "remove", "rename", "rule", "delete")
    ]
    assert told["reason"].to_list()[1] == "new district"


def test_a_report_becomes_a_group(utility: House, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_text(run("sql", "select meter_id from installations where metering_point > 'P2'", "--format", "csv"))
    run("group", "add-all", "To look at", report)
    assert [row["metering_point"] for row in rows("group", "show", "To look at")] == ["P3", "P4"]
    report.write_text("metering_point,hour\nP1,1\nP1,2\n")
    run("group", "add-all", "To look at", report)
    members = dict(utility.ask(PRESENT).rows())
    assert members["To look at"] == counts()["To look at"] == 1


def test_rounds_and_readers(
    utility: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name, points in (("East", ["P1", "P2"]), ("West", ["P3"])):
        run("group", "new", name)
        run("group", "add", name, *points)
    assert len(run("group", "route").splitlines()) == 5
    run("group", "route", "West", "East", "--out", tmp_path / "round")
    files = sorted((tmp_path / "round").iterdir())
    assert [len(file.read_text().splitlines()) - 1 for file in files] == [1, 2]
    assert files[0].read_text().splitlines()[1].startswith("West,P3,KAM-90000003-1b-16,")

    run("group", "assign", "master", "East")
    assert [row["group"] for row in rows("group", "readers")] == ["East"]
    read = rows("group", "readers", "--collector", "master")
    assert [(row["metering_point"], row["receptions"]) for row in read] == [("P1", "0"), ("P2", "0")]
    run("group", "release", "master")
    assert rows("group", "readers") == []

    monkeypatch.setenv("METERHOUSE_ROUND_LIMIT", "2")
    open_installation.cache_clear()
    assert "4 meters are more than the 2" in refusal(monkeypatch, capsys, "group", "route")
    assert len(run("group", "route", "East").splitlines()) == 3
