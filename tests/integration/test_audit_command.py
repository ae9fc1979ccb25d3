"""The audit log on the command line, and what runs leave in it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from assets.resources import InstallationResource
from assets.steps.auditing import breaks_of_audit_chain
from cli.main import app
from pipelines.asking import ASKED_BY_TAG, UI
from pipelines.auditing import IDENTITY_TAG, note_audit_heads
from pipelines.definitions import defs
from pipelines.runs import RunError, run_days
from registry.people.rights import ORCHESTRATOR
from registry.trail import Filter, events


def run(*words: str):
    return CliRunner().invoke(app, ["audit", *words])


def test_list_show_verify_and_heads(house, fleet: Path) -> None:
    house.take("meters", fleet / "meters.csv")
    listed = list(csv.DictReader(io.StringIO(run("list", "--event", "meters").stdout)))
    assert [row["event"] for row in listed] == ["meters.import"]
    assert listed[0]["identity"].startswith("local:")
    meters = len((fleet / "meters.csv").read_text().splitlines()) - 1
    assert json.loads(listed[0]["details"])["added"] == meters
    shown = json.loads(run("show", listed[0]["number"]).stdout)
    assert (shown["object"], shown["details"]["added"]) == ("meters.csv", meters)
    tomorrow = f"{datetime.now(UTC).year + 1}-01-01"
    assert run("list", "--from", tomorrow).stdout.splitlines() == [",".join(shown_columns())]
    at = datetime.fromisoformat(listed[0]["at"]).astimezone(house.installation.settings.zone)
    day, minute = f"{at:%Y-%m-%d}", f"{at:%Y-%m-%dT%H:%M}"

    def found(*period: str) -> int:
        return len(run("list", "--event", "meters.import", *period).stdout.splitlines()) - 1

    assert found("--from", day, "--to", day) == 1, "the last day is among them"
    assert found("--to", f"{at - timedelta(days=1):%Y-%m-%d}") == 0
    assert found("--from", minute, "--to", minute) == 0, "a time ends the period there"
    assert found("--from", minute, "--to", f"{at + timedelta(minutes=1):%Y-%m-%dT%H:%M}") == 1
    assert run("list", "--to", "soon").exit_code == 2

    assert run("head").exit_code == 0
    assert run("verify").exit_code == 0
    file = house.installation.settings.audit_heads_path
    assert not file.is_relative_to(house.installation.settings.home)
    with house.installation.registry.begin() as session:
        session.execute(text("update audit_log set details = '{\"added\": 0}' where event = 'meters.import'"))
    broken = run("verify")
    assert broken.exit_code == 1
    assert f"breaks at event {listed[0]['number']}:" in broken.stderr
    assert run("head").exit_code == 1, "no head of a chain that does not hold"
    assert breaks_of_audit_chain(house.installation) > 0


def shown_columns() -> list[str]:
    return run("list", "--limit", "1").stdout.splitlines()[0].split(",")


def test_runs_say_who_asked(house) -> None:
    today = datetime.now(UTC).date()
    run_days(house.installation, today, today, identity="local:somebody")
    asked = Filter(house.installation.organisation, event="run")
    (ours, *_) = events(house.installation.registry, asked)
    assert (ours.event, ours.identity) == ("run.succeeded", "local:somebody")

    launched_again = {IDENTITY_TAG: "local:somebody", ASKED_BY_TAG: "user:7"}
    for tags, identity in (
        ({"dagster/schedule_name": "daily_audit_head"}, ORCHESTRATOR),
        ({}, UI),
        (launched_again, "user:7"),
    ):
        _recorded_as(house, asked, tags, identity)
    assert house.installation.settings.audit_heads_path.read_text().count("\n") == 3


def _recorded_as(house, asked: Filter, tags: dict[str, str], identity: str) -> None:
    """A run of the orchestrator with these tags is ascribed to this identity."""
    with dg.DagsterInstance.get() as instance:
        job = defs().resolve_job_def("note_audit_heads")
        result = job.execute_in_process(instance=instance, tags=tags)
        (sensor,) = (sensor for sensor in defs().sensors if sensor.name == "audit_runs_success")
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=result.get_run_success_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"installation": InstallationResource(home=str(house.installation.settings.home))},
        )
        sensor(context)
    (newest, *_) = events(house.installation.registry, asked)
    assert (newest.event, newest.identity, newest.object) == ("run.succeeded", identity, result.run_id)
    assert note_audit_heads.name in str(newest.details)
    assert house.ask("select identity from audit_log order by number desc limit 1").item() == identity, "in SQL, too"


@pytest.mark.parametrize(
    "tamper",
    [
        "delete from audit_log where number = (select max(number) from audit_log)",
        "delete from audit_log",
    ],
)
def test_a_chain_that_was_cut_off_fails_the_daily_job_and_is_not_noted(house, fleet: Path, tamper: str) -> None:
    house.take("meters", fleet / "meters.csv")
    assert run("head").exit_code == 0
    file = house.installation.settings.audit_heads_path
    noted = file.read_text()
    with house.installation.registry.begin() as session:
        session.execute(text(tamper))
    job = defs().resolve_job_def("note_audit_heads")
    with dg.DagsterInstance.get() as instance, pytest.raises(dg.Failure, match="audit verify"):
        job.execute_in_process(instance=instance)
    by_hand = run("head")
    assert by_hand.exit_code == 1
    assert "cut it off" in by_hand.stderr
    assert file.read_text() == noted


def test_a_failed_run_is_recorded_too(house, monkeypatch) -> None:
    def fail(*_args, **_options) -> None:
        raise RuntimeError("deliberate")

    monkeypatch.setattr("assets.registry_tables.publish_registry", fail)
    day = datetime.now(UTC).date()
    with pytest.raises(RunError, match="deliberate"):
        run_days(house.installation, day, day, identity="user:7")
    (failed, *_) = events(house.installation.registry, Filter(house.installation.organisation, event="run"))
    assert (failed.event, failed.identity) == ("run.failed", "user:7")
