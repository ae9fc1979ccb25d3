"""Automatic jobs: the list, runs that need somebody, the form."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from assets.steps.export_settings import save_destination
from dashboards.viewer import Viewer
from exports.jobs import read_job
from registry import ledger
from registry.exports import jobs, runs
from registry.exports.attention import troubled
from registry.ledger import LandedFile
from registry.models import ExportRun
from registry.people.rights import DATA_ACCESS, MANAGER, READING_MANAGEMENT
from registry.refusals import note_refusal
from registry.store import Registry
from registry.trail import Filter, events
from registry.vault import KeyVault
from tests.unit.dashboards import exporting, house
from tests.unit.dashboards.conftest import ANALYST, OWNER, figures, messages, pick
from tests.unit.dashboards.test_configuration import opened, press

RELEASER = Viewer("local:test", house.ORGANISATION, areas={MANAGER: frozenset({DATA_ACCESS, READING_MANAGEMENT})})


@pytest.fixture
def registry(home: Path, vault: KeyVault) -> Registry:
    return exporting.fill(home)


def runs_by_state(registry: Registry) -> dict[str, ExportRun]:
    with registry.begin(readonly=True) as session:
        return {run.state: run for run in runs.listing(session, house.ORGANISATION)}


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def test_jobs_and_watched_places_are_one_list(registry: Registry) -> None:
    rows = opened("jobs", OWNER).dataframe[0].value

    assert rows["job"].to_list()[:2] == ["daily-billing", "monthly-heat"]
    assert rows["job_type"].to_list() == ["export", "export", *["import"] * 3]
    first = rows.iloc[0]
    assert (first["job_interval"], first["group"], first["run_state"]) == ("daily, 06:00", "Harbour", "failed")
    assert first["next_run"] is not None
    assert rows["job_active"].to_list() == [True, False, True, True, True]
    assert rows["next_run"].isna().to_list() == [False, True, True, True, True]


def test_watched_places_tell_of_the_newest_file(registry: Registry) -> None:
    landed = LandedFile("0" * 64, "hours.xml", 10, exporting.NOW, exporting.NOW.date())
    ledger.register(registry, house.ORGANISATION, landed)
    path, why = "imports/meters/new.csv", "The file has no column serial."
    note_refusal(registry, house.ORGANISATION, "folder", path, b"x", why, exporting.NOW)

    rows = opened("jobs", OWNER).dataframe[0].value.set_index("job")

    assert rows.loc["Folder inbox", "run_state"] == "asked for"
    assert (rows.loc["Folder imports", "run_state"], rows.loc["Folder imports", "reason"]) == ("failed", why)
    assert rows.loc["Folder imports/keys"].isna()["last_run"]


def test_a_manifest_adds_up_all_meters_and_is_for_who_sees_them_all(registry: Registry) -> None:
    for meters, count in ((None, 1), (frozenset({house.NEW}), 0)):
        app = opened("jobs", replace(OWNER, meters=meters), part="failed")
        app = pick(app, "runs", app.dataframe[0].value["run_state"].to_list().index("withheld"))
        named = [one for one in app.get("download_button") if "Manifest of daily-billing_000002.csv" in str(one.proto)]
        assert len(named) == count


def test_failed_jobs_tell_period_state_retries_and_reason(registry: Registry) -> None:
    rows = opened("jobs", OWNER, part="failed").dataframe[0].value

    assert sorted(rows["run_state"]) == ["failed", "waits for another attempt", "withheld"]
    waiting = rows[rows["run_state"] == "waits for another attempt"].iloc[0]
    assert waiting["reason"] == exporting.REFUSED
    assert (waiting["next_retry"] - waiting["latest_retry"]).total_seconds() == 300
    assert rows["next_retry"].notna().sum() == 1
    assert set(rows["reading_period"]) == {"2 Nov 2025", "1 Nov 2025", "31 Oct 2025"}


def test_a_withheld_file_is_released_in_the_name_of_who_does_it(registry: Registry) -> None:
    app = opened("jobs", RELEASER, part="failed")
    states = app.dataframe[0].value["run_state"].to_list()
    app = pick(app, "runs", states.index("withheld"))
    app.button(key="release").click().run()

    run = runs_by_state(registry)["delivering"]
    assert run.released_by == "local:test"
    told = events(registry, Filter(house.ORGANISATION, event="export.run.release"), 1)[0]
    assert (told.identity, told.reason) == ("local:test", exporting.WITHHELD)


def test_whom_the_registry_does_not_know_releases_nothing(registry: Registry) -> None:
    app = opened("jobs", ANALYST, part="failed")
    app = pick(app, "runs", app.dataframe[0].value["run_state"].to_list().index("withheld"))
    app.button(key="release").click().run()

    assert "no right for this" in messages(app)
    assert runs_by_state(registry)["withheld"].released_by is None


def test_failed_and_waiting_runs_are_tried_again_and_open_ones_given_up(registry: Registry) -> None:
    app = opened("jobs", OWNER, part="failed")
    states = app.dataframe[0].value["run_state"].to_list()
    app = pick(app, "runs", states.index("failed"))
    app = press(app, "Try again")
    assert "1 files are tried again" in messages(app)
    assert runs_by_state(registry)["queued"].attempts == 0

    app = opened("jobs", OWNER, part="failed")
    app = pick(app, "runs", *range(len(app.dataframe[0].value)))
    app.button(key="cancel").click().run()
    with registry.begin(readonly=True) as session:
        assert troubled(session, house.ORGANISATION) == []


def test_a_period_that_was_asked_for_again_is_told_once(registry: Registry) -> None:
    failed = runs_by_state(registry)["failed"]
    with registry.begin() as session:
        runs.ask(
            session,
            house.ORGANISATION,
            failed.job_id,
            failed.period_from,
            failed.period_to,
            identity="local:test",
            now=exporting.NOW,
        )
    with registry.begin(readonly=True) as session:
        assert sorted(run.state for run in troubled(session, house.ORGANISATION)) == ["waiting", "withheld"]
    with registry.begin() as session:
        jobs.remove(session, house.ORGANISATION, "daily-billing", identity="local:test", now=exporting.NOW)
    with registry.begin(readonly=True) as session:
        assert troubled(session, house.ORGANISATION) == []


def test_a_job_is_run_now_switched_and_sent_again(registry: Registry) -> None:
    app = opened("jobs", OWNER, job="monthly-heat")
    app = press(app, "Run now")
    assert "monthly-heat: the file of" in messages(app)
    assert runs_by_state(registry)["queued"].requested_by == "local:test"

    app = press(opened("jobs", OWNER, job="monthly-heat"), "Activate")
    assert "The job monthly-heat is active." in messages(app)
    with registry.begin(readonly=True) as session:
        assert jobs.get(session, house.ORGANISATION, "monthly-heat").active_since is not None

    app = press(opened("jobs", OWNER), "Send a period again")
    assert "revision 1" in messages(app)


def test_the_form_shows_a_job_and_saves_what_was_changed(registry: Registry) -> None:
    app = opened("jobs", OWNER)
    version = "daily-billing_1"
    assert app.selectbox(key=f"export_format_{version}").value == "consumption-csv"
    app.selectbox(key=f"interval_{version}").set_value("weekly")
    app.run()
    app.selectbox(key=f"weekday_{version}").set_value(5)
    app.number_input(key=f"missing_{version}").set_value(2.5)
    app.toggle(key=f"interpolate_{version}").set_value(True)
    app = press(app.run(), "Save")

    assert "The job daily-billing is saved." in messages(app)
    with registry.begin(readonly=True) as session:
        job = read_job(jobs.get(session, house.ORGANISATION, "daily-billing").document)
    assert (job.schedule.interval, job.schedule.weekday, job.gate.missing) == ("weekly", 5, 2.5)
    assert (job.interpolate, job.group, job.gate.estimated) == (True, "Harbour", None)


def test_of_two_who_change_a_job_the_second_is_told(registry: Registry) -> None:
    app = opened("jobs", OWNER)
    with registry.begin() as session:
        row = jobs.get(session, house.ORGANISATION, "daily-billing")
        other = row.document.replace("active: true", "active: false")
        assert other != row.document
        jobs.save(session, house.ORGANISATION, row.name, other, active=False, identity="local:other", now=exporting.NOW)
    app.toggle(key="interpolate_daily-billing_1").set_value(True)
    app.run()
    assert "Somebody has changed this" in messages(app)
    app = press(app, "Save")
    assert "local:other changed daily-billing" in messages(app)


def test_a_job_is_made_and_a_wrong_name_is_refused(home: Path, vault: KeyVault) -> None:
    assert "A job needs a destination" in messages(opened("jobs", OWNER))
    registry = exporting.registry_of(home)
    with registry.begin() as session:
        by = {"identity": "local:test", "now": exporting.NOW}
        save_destination(session, vault, house.ORGANISATION, "place", "kind: folder\n", **by)
    app = opened("jobs", OWNER)
    app.text_input(key="job__0").set_value("My Job")
    app = press(app.run(), "Save")
    assert "The job is not understood: name:" in messages(app)
    app.text_input(key="job__0").set_value("my-job")
    app = press(app.run(), "Save")
    assert "The job my-job is saved." in messages(app)
    with registry.begin(readonly=True) as session:
        assert [row.name for row in jobs.listing(session, house.ORGANISATION)] == ["my-job"]


def test_who_may_not_configure_sees_the_document_and_no_form(registry: Registry) -> None:
    app = opened("jobs", RELEASER)
    assert "Run now" in labels(app)
    assert not {"Save", "Activate", "Deactivate"} & labels(app)
    assert "format: consumption-csv" in app.code[0].value


def test_tasks_and_home_name_exports(registry: Registry) -> None:
    app = opened("tasks", OWNER)
    shown = figures(app)
    assert (shown["Exports at work"], shown["Not delivered"]) == ("0", "3")
    rows = next(frame.value for frame in app.dataframe if frame.key and frame.key.startswith("exports_rows"))
    delivered = rows[rows["run_state"] == "delivered"].iloc[0]
    assert (delivered["rows"], delivered["duration_s"], delivered["identity"]) == (24, 42, "local:test")

    home_page = opened("home", OWNER)
    assert figures(home_page)["Files not delivered"] == "3"
    assert "withheld 1 · waits for another attempt 1 · failed 1" in messages(home_page)
