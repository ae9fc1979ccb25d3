"""Nightly upkeep of the lake and the outbox."""

from datetime import UTC, datetime

import dagster as dg

from assets.installation import Installation
from assets.resources import INSTALLATION, InstallationResource
from assets.steps.forgetting import forget_messages
from assets.steps.upkeep import compact_lake, vacuum_lake
from pipelines.permission import refusal
from registry.people.rights import ORCHESTRATOR, READING_MANAGEMENT

NIGHT_TAG = "meterhouse/night"
NIGHT = range(2, 6)
"""Local hours in which a night's upkeep may begin."""

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dg.op
def keep_lake_up(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Compacts what lies in many small files, then deletes what no version of the retention needs."""
    house = installation.open()
    compacted = compact_lake(house, identity=ORCHESTRATOR, now=datetime.now(UTC))
    deleted = vacuum_lake(house, identity=ORCHESTRATOR, now=datetime.now(UTC))
    context.add_output_metadata({"compacted": compacted, "deleted": deleted})


@dg.op
def forget_recipients(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Forgets what messages leave behind of people, after the days of the settings."""
    house = installation.open()
    done = forget_messages(house, identity=ORCHESTRATOR, now=datetime.now(UTC))
    context.add_output_metadata({"forgotten": done})


@dg.job(executor_def=dg.in_process_executor, resource_defs={"installation": INSTALLATION})
def upkeep_job() -> None:
    """Compacts the lake, deletes old files, and forgets for whom old messages were."""
    forget_recipients()
    keep_lake_up()


@dg.schedule(job=upkeep_job, cron_schedule="15 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly_upkeep(
    context: dg.ScheduleEvaluationContext, installation: InstallationResource
) -> dg.RunRequest | dg.SkipReason:
    """Asks once a night for a run, and again where it failed.

    It ticks each hour and reads the clock in the utility's zone, which is known only when an installation is: a night
    that skips an hour, or has one twice, still has one run.
    """
    return once_a_night(context, installation.open(), upkeep_job.name)


def once_a_night(context: dg.ScheduleEvaluationContext, house: Installation, job: str) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run of a job where the night has none yet.

    Args:
        context: The tick, of a schedule that ticks each hour.
        house: The installation.
        job: Name of the job.
    """
    local = context.scheduled_execution_time.astimezone(house.settings.zone)
    if local.hour not in NIGHT:
        return dg.SkipReason(f"It is not night in {house.settings.timezone}: {local:%H:%M}.")
    if refused := refusal(house, READING_MANAGEMENT):
        return refused
    night = local.date().isoformat()
    runs = context.instance.get_runs(dg.RunsFilter(job_name=job, tags={NIGHT_TAG: night}))
    if any(run.status not in _FAILED for run in runs):
        return dg.SkipReason(f"The {job} of {night} is done or at work.")
    return dg.RunRequest(tags={NIGHT_TAG: night})
