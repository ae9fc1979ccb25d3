"""Notifications, as a job and the sensor that asks for it."""

import hashlib
from datetime import UTC, datetime

import dagster as dg

from assets.resources import InstallationResource
from assets.steps.notifying import due_at, notify
from assets.steps.publishing import publish_notifications
from registry.notifications import telling
from warehouse.schemas import ALERT_EVENTS, COLLECTOR_DAILY, INFO_CODE_EVENTS

ASK_AGAIN_MIN = 10
"""After so long a run for a digest that is still due is asked for again: the one before may have died [min]."""

_LOOKED_AT = (INFO_CODE_EVENTS, ALERT_EVENTS, COLLECTOR_DAILY)


@dg.op
def queue_notifications(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Queues what is news to somebody."""
    house = installation.open()
    done = notify(house, datetime.now(UTC))
    publish_notifications(house)
    context.log.info(f"{done.messages} messages queued, which tell of {done.events} events.")
    if done.failures:
        raise dg.Failure(" ".join(done.failures), allow_retries=False)


@dg.job(executor_def=dg.in_process_executor)
def notification_job() -> None:
    """Queues messages of rules whose events are new, or whose digest or report is due."""
    queue_notifications()


@dg.sensor(job_name=notification_job.name, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def notification_sensor(installation: InstallationResource) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run when figures or rules have changed, a digest or report is due, and once an hour for reminders."""
    house, now = installation.open(), datetime.now(UTC)
    with house.registry.begin(readonly=True) as session:
        rules = telling.holding(session, house.organisation)
    if not rules:
        return dg.SkipReason("No notification rule is active.")
    versions = [house.lake.version(table) for table in _LOOKED_AT]
    held = [(rule.rule_id, rule.rule.model_dump_json(), due_at(house, rule, now)) for rule in rules]
    is_due = any(at is not None for *_, at in held)
    period = int(now.timestamp()) // (60 * (ASK_AGAIN_MIN if is_due else 60))
    state = repr((versions, held, period))
    return dg.RunRequest(run_key=f"notify-{hashlib.sha256(state.encode()).hexdigest()[:32]}")
