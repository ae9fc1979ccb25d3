"""Jobs in the orchestrator: schedules of those it knows, a sensor for the rest, one run for all that is due."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.storage.defs_state.base import DefsStateStorage, set_defs_state_storage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from assets.resources import InstallationResource
from assets.steps.export_settings import set_active
from pipelines import exports
from pipelines.definitions import defs
from pipelines.exports import JOB_TAG, LATE, ask_for_jobs, export_schedules, export_sensor
from registry.exports import jobs, runs
from registry.models import ExportRun
from registry.people import services
from tests.integration.exporting import BY, DAY, NOW, add, arrived, place
from tests.integration.installations import House
from tests.integration.one_meter import house, template
from tests.integration.sensing import carry_out, glance

__all__ = ["house", "template"]

OWNER = {"identity": "local:owner", "now": NOW}
LONG_AGO = datetime.now(UTC) - 2 * DAY


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An orchestrator that has done nothing yet."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def schedule(name: str) -> dg.ScheduleDefinition:
    return next(one for one in export_schedules() if one.tags[JOB_TAG] == name)


def tick(one: dg.ScheduleDefinition, house: House, instance: dg.DagsterInstance) -> ScheduleExecutionData:
    built = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime.now(UTC),
        resources={"installation": InstallationResource(home=str(house.installation.settings.home))},
    )
    with built as context:  # left open, it makes an instance that is gone the current one whenever it is collected
        return one.evaluate_tick(context)


def asked(house: House, name: str) -> list[ExportRun]:
    it = house.installation
    with it.registry.begin(readonly=True) as session:
        job_id = jobs.get(session, it.organisation, name).job_id
        return runs.listing(session, it.organisation, job_id=job_id)


def switch(instance: dg.DagsterInstance, name: str, status: InstigatorStatus) -> None:
    """What the UI does to a schedule."""
    target = LoadableTargetOrigin(module_name="pipelines.definitions")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(InProcessCodeLocationOrigin(target), "__repository__"), name)
    data = ScheduleInstigatorData("0 6 * * *")
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, status, data))


def test_each_job_has_a_schedule_in_the_utilitys_zone(house: House) -> None:
    place(house)
    add(house, schedule={"at": "16:30"})
    add(house, "at-night", schedule={"interval": "monthly", "day": 31}, active=False)
    loaded = {one.name: one for one in defs().schedules or []}
    billing, night = loaded["export_billing"], loaded["export_at_night"]
    assert (billing.cron_schedule, billing.execution_timezone) == ("30 16 * * *", "Europe/Copenhagen")
    assert billing.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (night.cron_schedule, night.default_status) == ("0 6 28-31 * *", dg.DefaultScheduleStatus.STOPPED)
    assert "nightly_upkeep" in loaded


def test_a_run_needs_no_schedules(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    place(house)
    add(house)
    assert len(export_schedules()) == 1
    context = DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION)
    with DefinitionsLoadContext.scoped(context):
        monkeypatch.setattr(exports.jobs, "peek", None)
        assert export_schedules() == []


def test_without_an_installation_or_its_registry_the_code_loads(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("METERHOUSE_HOME", str(tmp_path))
    assert export_schedules() == []
    monkeypatch.setenv("METERHOUSE_HOME", str(house.installation.settings.home))
    monkeypatch.setenv("METERHOUSE_REGISTRY_URL", "postgresql://nobody:s3cret@127.0.0.1:1/none")
    with caplog.at_level(logging.WARNING):
        assert export_schedules() == []
    assert "export_sensor asks for them" in caplog.text
    assert "s3cret" not in caplog.text


def test_schedules_do_not_ask_an_instance_that_is_gone(house: House) -> None:
    class Gone(DefsStateStorage):
        """What an instance that was opened and is closed leaves behind."""

        def get_latest_defs_state_info(self) -> None:
            raise dg.DagsterInvariantViolationError("The instance is gone.")

        download_state_to_path = upload_state_from_path = set_latest_version = get_latest_defs_state_info

    place(house)
    add(house)
    with set_defs_state_storage(Gone()):
        assert [schedule.name for schedule in export_schedules()] == ["export_billing"]


def test_a_job_that_is_not_understood_keeps_no_other_from_what_is_due(
    house: House, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    it = house.installation
    place(house)
    for name in ("old", "new"):
        add(house, name, now=LONG_AGO)
    with it.registry.begin() as session:
        row = jobs.get(session, it.organisation, "old")
        row.document = row.document.replace("interval: daily", "interval: fortnightly")
        assert "fortnightly" in row.document
    with caplog.at_level(logging.WARNING):
        assert [schedule.name for schedule in export_schedules()] == ["export_new"]
        ask_for_jobs(it, instance, [], datetime.now(UTC))
    assert "Nothing is asked for of the job old. The job is not understood: schedule.interval" in caplog.text
    assert (asked(house, "old"), len(asked(house, "new"))) == ([], 2)


def test_a_tick_asks_and_one_run_delivers_for_all(house: House, instance: dg.DagsterInstance) -> None:
    place(house)
    for name in ("a", "b", "c"):
        add(house, name, now=LONG_AGO, schedule={"interval": "hourly", "last_24_hours": True})
    first = tick(schedule("a"), house, instance)
    (request,) = first.run_requests or []
    assert request.run_key == asked(house, "a")[0].run_id
    again = tick(schedule("a"), house, instance)
    assert again.run_requests == []
    assert "was asked for" in str(again.skip_message)
    job = defs().resolve_job_def("export_job")
    begun = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    for name in ("b", "c"):
        following = tick(schedule(name), house, instance)
        assert following.run_requests == []
        assert begun.run_id in str(following.skip_message)
    run = carry_out(dg.RunRequest(run_key=request.run_key, job_name="export_job"))
    assert run.is_success
    assert len(arrived(house.installation)) == 6, "fifty jobs of a minute are one run"
    assert {asked(house, name)[0].state for name in ("a", "b", "c")} == {"delivered"}


def test_the_sensor_serves_jobs_without_a_schedule(house: House) -> None:
    quiet = glance(export_sensor, house, None)
    assert isinstance(quiet, dg.SkipReason)
    place(house)
    add(house, now=LONG_AGO)
    found = glance(export_sensor, house, None)
    assert isinstance(found, dg.RunRequest)
    same = glance(export_sensor, house, None)
    assert isinstance(same, dg.RunRequest)
    assert same.run_key == found.run_key, "the orchestrator takes a key once"
    assert carry_out(dg.RunRequest(run_key=found.run_key, job_name="export_job")).is_success
    assert {run.state for run in asked(house, "billing")} == {"delivered"}
    assert isinstance(glance(export_sensor, house, None), dg.SkipReason)


def test_a_file_that_waits_makes_the_run_fail_and_is_asked_for_later(house: House) -> None:
    place(house)
    add(house, now=LONG_AGO)
    house.installation.settings.export_path.rmdir()
    found = glance(export_sensor, house, None)
    assert isinstance(found, dg.RunRequest)
    run = carry_out(dg.RunRequest(run_key=found.run_key, job_name="export_job"))
    assert run.is_failure
    assert isinstance(glance(export_sensor, house, None), dg.SkipReason), "somebody has to mend it"


def test_switches_of_the_ui_and_the_flag_both_hold(house: House, instance: dg.DagsterInstance) -> None:
    it, now = house.installation, datetime.now(UTC)
    place(house)
    add(house, now=LONG_AGO)
    loaded = export_schedules()
    switch(instance, "export_billing", InstigatorStatus.STOPPED)
    for known in (loaded, []):
        ask_for_jobs(it, instance, known, now)
    assert asked(house, "billing") == [], "switched off by hand, loaded or not"
    add(house, "flagged", now=LONG_AGO)
    with it.registry.begin() as session:
        set_active(session, it.organisation, "flagged", False, **BY)
    ask_for_jobs(it, instance, [], now)
    assert tick(schedule("flagged"), house, instance).run_requests == []
    assert asked(house, "flagged") == [], "switched on in the UI or not"
    add(house, "on", now=LONG_AGO)
    ask_for_jobs(it, instance, [], now)
    assert asked(house, "on")


def test_the_sensor_makes_up_for_a_tick_that_failed(house: House, instance: dg.DagsterInstance) -> None:
    it, minute = house.installation, timedelta(minutes=1)
    place(house)
    at = datetime.now(UTC).astimezone(it.settings.zone) - timedelta(hours=2)
    due = at.replace(second=0, microsecond=0)
    add(house, now=due - minute, schedule={"at": f"{due:%H:%M}"})
    add(house, "moved", now=due - minute, schedule={"at": f"{due:%H:%M}"})
    loaded = export_schedules()
    add(house, "moved", now=due - minute, schedule={"at": f"{due + minute:%H:%M}"})
    ask_for_jobs(it, instance, loaded, due + 2 * minute)
    assert asked(house, "billing") == [], "its schedule does"
    assert len(asked(house, "moved")) == 1, "the loaded schedule is another one"
    ask_for_jobs(it, instance, loaded, due + LATE + minute)
    assert len(asked(house, "billing")) == 1


def test_nothing_goes_out_while_the_service_may_not(house: House, instance: dg.DagsterInstance) -> None:
    place(house)
    add(house, now=LONG_AGO)
    services.enable(house.installation.registry, "default", "orchestrator", is_enabled=False, **OWNER)
    assert "no right to data access" in str(tick(schedule("billing"), house, instance).skip_message)
    refused = glance(export_sensor, house, None)
    assert isinstance(refused, dg.SkipReason)
    assert "no right to data access" in str(refused.skip_message)


def test_a_job_is_run_from_the_ui(house: House) -> None:
    place(house)
    add(house, active=False)
    config = {"ops": {"deliver_exports": {"config": {"job": "billing"}}}}
    assert carry_out(dg.RunRequest(run_config=config, job_name="export_job")).is_success
    assert [run.state for run in asked(house, "billing")] == ["delivered"]
    config["ops"]["deliver_exports"]["config"]["job"] = "none"
    assert carry_out(dg.RunRequest(run_config=config, job_name="export_job")).is_failure
