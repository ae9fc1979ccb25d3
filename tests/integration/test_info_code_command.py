"""``report info-codes`` in an installation, and priorities that follow the policy at once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from assets.steps.info_codes import reckon_info_codes
from assets.steps.touched import start_again, touch
from cli.main import app
from tests.integration.installations import House
from warehouse.schemas import READINGS


def codes(*options: str) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(app, ["report", "info-codes", "--format", "json", *options])
    assert result.exit_code == 0, (result.output, result.exception)
    return {row["code"]: row for row in json.loads(result.stdout)}


def test_a_changed_priority_changes_the_list_at_once(filled: House, tmp_path: Path) -> None:
    before = codes()
    assert {"LEAK", "BURST", "DRY"} <= set(before)
    assert before["LEAK"]["name"] == "Leak"
    assert codes("--language", "sv")["LEAK"]["name"] == "Läckage"
    assert set(codes("--only-high-priority")) == {code for code, row in before.items() if row["priority"] == "high"}
    assert "DRY" not in codes("--to", "2025-10-24")

    shown = CliRunner().invoke(app, ["policy", "show", "info_codes"]).stdout
    document = tmp_path / "mine.yaml"
    document.write_text(
        shown.replace("codes: {}", "codes: {water: {LEAK: {priority: normal}}, any: {BURST: {priority: ignore}}}")
    )
    decided = CliRunner().invoke(app, ["policy", "set", "info_codes", str(document), "--reason", "Leaks are theirs"])
    assert decided.exit_code == 0, decided.exception
    after = codes()
    assert set(before) - set(after) == {"BURST"}
    assert after["LEAK"]["priority"] == "normal"
    stored = filled.ask(
        "select distinct code, priority from info_code_events where code in ('LEAK', 'BURST') order by 1"
    )
    assert stored.rows() == [("BURST", "ignore"), ("LEAK", "normal")]
    rows = filled.ask("select * from info_code_events order by all")
    reckon_info_codes(filled.installation, datetime.now(UTC))
    assert filled.ask("select * from info_code_events order by all").equals(rows), "nothing is touched"


def test_days_that_come_one_by_one_tell_what_they_tell_at_once(house: House) -> None:
    made, first = house.installation, datetime(2026, 1, 2, 10, tzinfo=UTC)
    leaking = {"often": {*range(5), 9, 34, 40}, "lasting": set(range(3, 45)), "once": {0}, "never": set[int]()}
    for number in range(45):
        at = first + number * timedelta(days=1)
        rows = [
            {
                "organisation": made.organisation,
                "meter_id": meter,
                "measured_at": at,
                "received_at": at,
                "landed_at": at,
                "info_code": 4 if number in days else 0,
                "info_code_kind": "water_16bit",
                "source": "radio",
                "quality": "M",
                "month": f"{at:%Y-%m}",
            }
            for meter, days in leaking.items()
        ]
        fresh = READINGS.conform(pl.DataFrame(rows))
        made.lake.append(READINGS, fresh)
        touch(made, fresh, "readings")
        reckon_info_codes(made, at)
    told = house.ask("select meter_id, days_active_30 from info_code_events order by meter_id, first_seen").rows()
    assert told == [("lasting", 30), ("often", 5), ("often", 6), ("often", 2), ("often", 2), ("once", 1)]
    with made.registry.begin() as session:
        start_again(session, made.organisation, first)
    assert reckon_info_codes(made, at) == 0


def test_what_is_asked_wrongly_is_told(filled: House) -> None:
    for options, said in ((["--language", "xx"], "no texts in xx"), (["--group", "Nowhere"], "no group Nowhere")):
        result = CliRunner().invoke(app, ["report", "info-codes", *options])
        assert said in str(result.exception)
