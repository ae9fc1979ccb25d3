"""``alert`` in an installation: triggered, retracted, reset, ended, erased; an exchange in between changes nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.steps.alerts import evaluate_alerts
from assets.steps.erasing import erase
from cli.main import app
from registry.alerts import AlertError
from registry.erasures import Request
from tests.integration.installations import House, Workshop, copied, kept_environment

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
METERS = "manufacturer,serial,version,device_type\nABC,90000001,01,07\nABC,90000002,01,07\n"
POINT = "metering_point,customer_number,manufacturer,serial,installed_at\nP1,C1,ABC,90000001,2025-01-01\n"
EXCHANGE = (
    "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,new_initial_m3\n"
    "P1,2025-06-02T12:00:00Z,ABC,90000001,12.5,ABC,90000002,0\n"
)
READINGS = (
    "manufacturer,serial,measured_at,volume_m3\n"
    "ABC,90000001,2025-06-01T22:00:00Z,10\nABC,90000001,2025-06-02T11:00:00Z,12\n"
    "ABC,90000002,2025-06-02T22:00:00Z,{last}\n"
)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["alert", *words])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def listed(*options: str) -> list[dict[str, object]]:
    return json.loads(run("list", "--format", "json", *options))


def learn(house: House) -> None:
    for kind, content in (("meters", METERS), ("customers", POINT), ("exchanges", EXCHANGE)):
        assert house.take_text(kind, content) == 0
    assert house.take_text("readings", READINGS.format(last=0.4)) == 0


@pytest.fixture
def known(workshop: Workshop, tmp_path: Path) -> Iterator[House]:
    with kept_environment():
        yield copied(workshop.house("exchanged", learn), tmp_path)


def test_from_the_limit_to_the_end(known: House) -> None:
    run("add", "ABC-90000002-01-07", "--limit", "3", "--start", "2025-06-01T22:00:00Z")
    (row,) = listed()
    assert (row["state"], float(str(row["used"])), row["alerts"]) == ("active", 2.9, 0)
    assert (row["meter_id"], row["unit"], row["medium"]) == ("ABC-90000002-01-07", "m3", "water")

    assert known.take_text("readings", READINGS.format(last=1)) == 0
    (row,) = listed("--state", "new")
    assert (float(str(row["used"])), row["alerts"]) == (3.5, 1), "2.5 of the old meter and 1 of the new one"
    (event,) = json.loads(run("show", "1", "--format", "json"))
    assert (event["meter_id"], event["state"], event["at"]) == (
        "ABC-90000002-01-07", "triggered", "2025-06-02T22:00:00Z"
    )  # fmt: skip
    assert "2025-06-02T11:00" < event["crossed_at"] < "2025-06-02T22:00"
    before = known.ask("select * from alert_events")
    evaluate_alerts(known.installation, NOW)
    assert known.ask("select * from alert_events").equals(before), "what is known already stays as it is"

    assert known.take_text("readings", READINGS.format(last=0.4)) == 0
    assert listed("--state", "new") == []
    (event,) = json.loads(run("show", "1", "--format", "json"))
    assert event["state"] == "retracted"
    assert event["retracted_at"]
    assert known.take_text("readings", READINGS.format(last=1)) == 0
    assert [row["alert_no"] for row in listed("--state", "new")] == [1], "and beyond it again"

    run("reset", "1")
    (row,) = listed()
    assert (row["state"], row["used"], row["resets"], row["alerts"]) == ("active", None, 1, 1)
    run("end", "1")
    assert [row["state"] for row in listed("--state", "expired")] == ["expired"]
    run("remove", "1")
    assert listed() == []
    assert known.ask("select state from alert_events")["state"].to_list() == ["triggered"], "what it told is known"


def test_an_ended_alert_still_counts_what_arrives_late(known: House) -> None:
    period = ("--start", "2025-06-01T22:00:00Z", "--end", "2025-06-03T00:00:00Z")
    run("add", "P1", "--limit", "3", *period)
    assert [(row["state"], row["alerts"]) for row in listed()] == [("expired", 0)]
    assert known.take_text("readings", READINGS.format(last=1)) == 0
    assert [(row["state"], row["alerts"]) for row in listed()] == [("expired", 1)]


def test_what_an_alert_told_of_an_erased_period_goes_and_does_not_come_back(known: House) -> None:
    run("add", "P1", "--limit", "0.5", "--start", "2025-06-01T22:00:00Z")
    assert known.ask("select count(*) from alert_events").item() == 1
    request = Request("default", "P1", date(2025, 6, 2), date(2025, 6, 3), "request 7")
    went = erase(known.installation, request, identity="test", now=NOW)
    assert (went["alert_events"], went["alert_usage"]) == (1, 1)
    evaluate_alerts(known.installation, NOW)
    assert known.ask("select count(*) from alert_events").item() == 0
    assert known.ask("select count(*) from alert_usage").item() == 0


def test_what_is_asked_wrongly_is_told(known: House) -> None:
    for words, said in (
        (["add", "P1", "--limit", "much"], "much is no limit"),
        (["add", "P1", "--limit", "0.0000001"], "no limit"),
        (["add", "P7", "--limit", "1"], "no metering point P7"),
        (["show", "9"], "no alert 9"),
    ):
        result = CliRunner().invoke(app, ["alert", *words])
        assert isinstance(result.exception, AlertError)
        assert said in str(result.exception)
