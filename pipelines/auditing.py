"""Auditing of unattended work: who ran what, and a head of the audit chain each day."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.resources import InstallationResource
from assets.steps.auditing import note_audit_head, record_run
from pipelines.asking import ASKED_BY_TAG, unnamed
from registry.errors import RegistryError

IDENTITY_TAG = "meterhouse/identity"
"""Tag of a run in the process of a command, which records it itself.

A copy of such a run that is started in the UI bears the tag of :mod:`pipelines.asking` beside it, which counts.
"""


@dg.op(description="Notes the head of the audit chain at a separate place.")
def audit_head(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Fails where the chain does not hold, so that somebody hears of it."""
    try:
        chain = note_audit_head(installation.open(), datetime.now(UTC))
    except RegistryError as exc:
        raise dg.Failure(str(exc)) from exc
    context.log.info("%s events, head %s", chain.events, chain.head)


@dg.job(description="Notes the head of the audit chain.", executor_def=dg.in_process_executor)
def note_audit_heads() -> None:
    """One step."""
    audit_head()


DAILY_HEAD = dg.ScheduleDefinition(
    name="daily_audit_head",
    job=note_audit_heads,
    cron_schedule="10 0 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def _recorded(context: dg.RunStatusSensorContext, installation: InstallationResource) -> dg.SkipReason | None:
    """Runs of the command line are recorded by the command itself, which knows who asked."""
    run = context.dagster_run
    asked_by = run.tags.get(ASKED_BY_TAG)
    if asked_by is None and IDENTITY_TAG in run.tags:
        return dg.SkipReason("The command that asked for the run has recorded it.")
    record_run(
        installation.open(),
        identity=asked_by or unnamed(run.tags),
        run_id=run.run_id,
        succeeded=run.status == dg.DagsterRunStatus.SUCCESS,
        details={
            "job": run.job_name,
            "sensor": run.tags.get("dagster/sensor_name", ""),
            "backfill": run.tags.get("dagster/backfill", ""),
        },
        now=datetime.now(UTC),
    )
    return None


def _run_sensors() -> Iterator[dg.SensorDefinition]:
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
        yield dg.run_status_sensor(
            run_status=status,
            name=f"audit_runs_{status.value.lower()}",
            default_status=dg.DefaultSensorStatus.RUNNING,
            description="Writes each unattended run into the audit log.",
        )(_recorded)


RUN_SENSORS = list(_run_sensors())
