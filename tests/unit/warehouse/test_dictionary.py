"""The data dictionary: complete, and the page is the one it writes."""

import json
from dataclasses import replace

from typer.testing import CliRunner

from cli.main import app
from tests.conftest import REPOSITORY
from warehouse import dictionary as module
from warehouse.dictionary import as_of, dictionary, markdown
from warehouse.schemas import POLICIES, READINGS, RECEPTIONS, TABLES, TELEGRAMS


def test_the_page_is_up_to_date() -> None:
    page = (REPOSITORY / "docs" / "tables.md").read_text()
    assert page == markdown(), "write it again: meterhouse dictionary > docs/tables.md"


def test_a_changed_declaration_makes_the_page_stale(monkeypatch) -> None:
    before = markdown()
    monkeypatch.setattr(module, "TABLES", TABLES | {"readings": replace(READINGS, meaning="Something else.")})
    assert markdown() != before


def test_every_published_column_is_there_once() -> None:
    rows = dictionary().select("table", "column").rows()
    assert rows == [(t.name, column.name) for t in TABLES.values() if t.published for column in t.columns]
    assert RECEPTIONS.name not in dictionary()["table"]


def test_a_column_says_what_it_is() -> None:
    row = dictionary().filter(table="readings", column="volume_m3").row(0, named=True)
    assert row == {
        "table": "readings",
        "grain": "One row per meter and reading time: all canonical registers in base units.",
        "as_of": as_of(READINGS),
        "partitioned_by": "month",
        "column": "volume_m3",
        "type": "decimal (18, 6)",
        "unit": "m3",
        "key": False,
        "nullable": True,
        "meaning": "Volume, V1. OBIS 8-0:1.0.0 (water), 9-0:1.0.0 (warm_water), 6-0:2.0.0 (heat), 5-0:2.0.0 (cooling).",
    }
    assert dictionary().filter(table="readings", column="measured_at")["key"].item() is True


def test_it_says_what_is_shown_as_of_an_instant() -> None:
    assert "superseded_at" in as_of(READINGS)
    assert "cannot be asked" in as_of(TELEGRAMS)
    assert as_of(POLICIES) == "As of K: rows with known_from <= K; a later known_to is empty."


def test_the_command_writes_all_formats_without_an_installation(monkeypatch) -> None:
    monkeypatch.delenv("METERHOUSE_HOME", raising=False)
    runner = CliRunner()
    assert runner.invoke(app, ["dictionary"]).stdout == markdown()
    rows = json.loads(runner.invoke(app, ["dictionary", "--format", "json"]).stdout)
    assert len(rows) == dictionary().height
    header, *lines = runner.invoke(app, ["dictionary", "--format", "csv"]).stdout.splitlines()
    assert header.split(",") == dictionary().columns
    assert len(lines) == len(rows)
