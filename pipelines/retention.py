"""Nightly retention, where the policy says that nobody has to approve it."""

from datetime import UTC, datetime

import dagster as dg

from assets.resources import INSTALLATION, InstallationResource
from assets.steps.retention import run
from pipelines.upkeep import once_a_night
from registry.people.rights import ORCHESTRATOR
from warehouse.policies import RetentionPolicy


@dg.op
def apply_retention(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Removes what the policy lets go, and certifies it."""
    done = run(installation.open(), identity=ORCHESTRATOR, now=datetime.now(UTC))
    if done:
        context.add_output_metadata({"certificate": done.certificate, "rows": dict(done.rows)})


@dg.job(executor_def=dg.in_process_executor, resource_defs={"installation": INSTALLATION})
def retention_job() -> None:
    """Applies the policy retention."""
    apply_retention()


@dg.schedule(job=retention_job, cron_schedule="45 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly_retention(
    context: dg.ScheduleEvaluationContext, installation: InstallationResource
) -> dg.RunRequest | dg.SkipReason:
    """Asks once a night for a run, where the policy is automatic."""
    house = installation.open()
    if not house.policy(RetentionPolicy).automatic:
        return dg.SkipReason("The policy retention is not automatic: 'meterhouse retention run --approve' applies it.")
    return once_a_night(context, house, retention_job.name)
