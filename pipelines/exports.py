"""Exports in the orchestrator: a schedule for each job that is known when the code is loaded; a sensor for the rest.

Schedules and the sensor only ask; a run is one row of the registry, so that nothing goes out twice whoever asks. What
is asked for is worked off by one run of the orchestrator, one file after another: fifty jobs of the same minute cost
one process and leave the other place in the queue of runs to what arrives. Limits by tag would need fifty processes,
and another ``dagster.yaml`` in installations that have one.

A job's active flag and its schedule's switch both hold. A schedule that somebody switched off is not asked for by the
sensor, nor by ``meterhouse export run``, until it is switched on.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType

import settings
from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.delivering import work_off
from assets.steps.export_planning import ask_for_due, readable, run_now
from exports.errors import ExportError
from exports.jobs import Job
from exports.periods import cron
from pipelines.asking import ASKED_BY_TAG
from pipelines.permission import refusal
from registry.errors import RegistryError
from registry.exports import jobs, runs
from registry.people.rights import DATA_ACCESS, ORCHESTRATOR

LATE = timedelta(minutes=10)
"""So long the sensor waits for a job's own schedule: a tick that failed is made up for."""

ASK_AGAIN_MIN = 10
"""After so long a run for the same files may be asked for again: the one before may have died at its start [min]."""

JOB_TAG = "meterhouse/export_job"
"""Tag of a schedule that names its job."""

_UNFINISHED = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
_logger = logging.getLogger(__name__)


class ExportWork(dg.Config):
    """What a run does besides working off what is due.

    Attributes:
        job: Name of a job that is asked for first, active or not; empty for none.
    """

    job: str = ""


@dg.op
def deliver_exports(context: dg.OpExecutionContext, config: ExportWork, installation: InstallationResource) -> None:
    """Builds and delivers every file that is due; fails, so that somebody looks, where one was not delivered."""
    house = installation.open()
    try:
        if config.job:
            asked_by = context.run.tags.get(ASKED_BY_TAG, ORCHESTRATOR)
            run_now(house, config.job, identity=asked_by, now=datetime.now(UTC))
        done = work_off(house, datetime.now(UTC))
    except (ExportError, RegistryError) as exc:
        raise dg.Failure(str(exc), allow_retries=False) from exc
    counts = {"delivered": done.delivered, "withheld": done.withheld, "waiting": done.waiting, "failed": done.failed}
    if done.troubles:
        raise dg.Failure("\n".join(done.troubles), metadata=counts, allow_retries=False)
    context.add_output_metadata(counts)


@dg.job(executor_def=dg.in_process_executor)
def export_job() -> None:
    """Builds and delivers files for billing."""
    deliver_exports()


def export_schedules() -> list[dg.ScheduleDefinition]:
    """Schedules of the jobs that the registry of ``METERHOUSE_HOME`` has now.

    Read by one query that makes and migrates nothing, and not in the process of a run, which needs no schedules. Where
    there is no installation there are none; where its registry cannot be read the sensor asks for all jobs.
    """
    # Where none is set, asking for one would make one out of whatever instance was opened last.
    loading = DefinitionsLoadContext.get().load_type if DefinitionsLoadContext.is_set() else None
    if loading is DefinitionsLoadType.RECONSTRUCTION:
        return []
    try:
        known = settings.load(settings.locate())
    except settings.InstallationError:
        return []
    try:
        found = [job for _, job in readable(jobs.peek(known.registry_address, known.organisation))]
    except RegistryError as exc:
        _logger.warning("Jobs have no schedules until the code is loaded again; export_sensor asks for them. %s", exc)
        return []
    schedules = {schedule_name(job.name): job for job in found}
    return [_schedule(name, job, known.timezone) for name, job in schedules.items()]


def schedule_name(job: str) -> str:
    """Name of a job's schedule; the orchestrator takes no hyphens."""
    return f"export_{job.replace('-', '_')}"


def _schedule(name: str, job: Job, zone: str) -> dg.ScheduleDefinition:
    status = dg.DefaultScheduleStatus

    @dg.schedule(
        name=name,
        job=export_job,
        cron_schedule=cron(job.schedule),
        execution_timezone=zone,
        default_status=status.RUNNING if job.active else status.STOPPED,
        tags={JOB_TAG: job.name},
        description=f"Asks for files of the job {job.name}.",
    )
    def ask(context: dg.ScheduleEvaluationContext, installation: InstallationResource) -> dg.RunRequest | dg.SkipReason:
        house, now = installation.open(), datetime.now(UTC)
        if refused := refusal(house, DATA_ACCESS):
            return refused
        asked = ask_for_due(house, max(now, context.scheduled_execution_time), names=[job.name])
        if not asked:
            return dg.SkipReason(f"Nothing of the job {job.name} is due, or it was asked for, or is not active.")
        if at_work := _at_work(context.instance):
            return dg.SkipReason(f"Asked for; the run {at_work} takes it.")
        return dg.RunRequest(run_key=asked[-1].run_id)

    return ask


@dg.sensor(job_name=export_job.name, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def export_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.RunRequest | dg.SkipReason:
    """Asks for what is due of jobs without a schedule here, and for a run when files wait to be built or delivered."""
    house, now = installation.open(), datetime.now(UTC)
    if refused := refusal(house, DATA_ACCESS):
        return refused
    loaded = context.repository_def.schedule_defs if context.repository_def else []
    ask_for_jobs(house, context.instance, loaded, now)
    with house.registry.begin(readonly=True) as session:
        due = [(run.run_id, run.state, run.attempts) for run in runs.due(session, house.organisation, now)]
    if not due:
        return dg.SkipReason("No file is due.")
    if at_work := _at_work(context.instance):
        return dg.SkipReason(f"The run {at_work} is at work.")
    period = int(now.timestamp()) // (60 * ASK_AGAIN_MIN)
    digest = hashlib.sha256(repr((due, period)).encode()).hexdigest()
    return dg.RunRequest(run_key=f"exports-{digest[:32]}")


def ask_for_jobs(
    house: Installation,
    instance: dg.DagsterInstance,
    loaded: Sequence[dg.ScheduleDefinition],
    now: datetime,
    *,
    identity: str = ORCHESTRATOR,
) -> None:
    """Asks for what is due of jobs that no schedule asks for, and of the others where theirs did not.

    Args:
        house: The installation.
        instance: The orchestrator, which knows what people switched off.
        loaded: Schedules of the loaded code; none where no schedule is at work.
        now: Instant, UTC.
        identity: Who asks.
    """
    switches = _switches(instance)
    by_job = {schedule.tags.get(JOB_TAG): schedule for schedule in loaded}
    with house.registry.begin(readonly=True) as session:
        listed = jobs.listing(session, house.organisation)
        active = [(row.name, job) for row, job in readable(listed) if row.active_since is not None]
    plan: dict[timedelta, list[str]] = {}
    for name, job in active:
        switch = switches.get(schedule_name(name))
        if switch is InstigatorStatus.STOPPED:
            continue
        schedule = by_job.get(name)
        ticks = (
            schedule is not None
            and schedule.cron_schedule == cron(job.schedule)
            and (switch is InstigatorStatus.RUNNING or schedule.default_status is dg.DefaultScheduleStatus.RUNNING)
        )
        plan.setdefault(LATE if ticks else timedelta(0), []).append(name)
    for late, names in plan.items():
        ask_for_due(house, now, names=names, late=late, identity=identity)


def _switches(instance: dg.DagsterInstance) -> Mapping[str, InstigatorStatus]:
    """What people did to schedules in the UI, by the schedule's name."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {state.instigator_name: state.status for state in states}


def _at_work(instance: dg.DagsterInstance) -> str | None:
    """A run that takes what is due, too; what it misses at its very end is the sensor's half a minute later."""
    found = instance.get_runs(dg.RunsFilter(job_name=export_job.name, statuses=_UNFINISHED), limit=1)
    return found[0].run_id if found else None
