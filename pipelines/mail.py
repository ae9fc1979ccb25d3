"""Sending of what waits in the outbox, as a job and the sensor that asks for it."""

import hashlib
from datetime import UTC, datetime

import dagster as dg

from assets.resources import InstallationResource
from assets.steps.mailing import deliver, deliver_texts, sms_service, smtp_server
from assets.steps.publishing import publish_notifications
from registry import mail

ASK_AGAIN_MIN = 10
"""After so long a run for the same messages may be asked for again: the one before may have died at its start [min]."""


@dg.op
def send_due_mail(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Sends every message that is due, by mail and as text messages, where there is a server for them."""
    house, errors = installation.open(), []
    for name, server, send in (("e-mails", smtp_server, deliver), ("text messages", sms_service, deliver_texts)):
        if server(house) is None:
            continue
        done = send(house, datetime.now(UTC))
        context.log.info(f"{done.sent} {name} sent, {done.postponed} postponed, {done.failed} failed.")
        errors += [done.error] if done.error else []
    publish_notifications(house)
    if errors:
        raise dg.Failure(" ".join(errors), allow_retries=False)


@dg.job(executor_def=dg.in_process_executor)
def mail_job() -> None:
    """Hands the messages that are due to the mail server, and text messages to their service."""
    send_due_mail()


@dg.sensor(job_name=mail_job.name, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def mail_sensor(installation: InstallationResource) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run when messages are due."""
    house, now = installation.open(), datetime.now(UTC)
    servers: dict[mail.Channel, object | None] = {"mail": smtp_server(house), "sms": sms_service(house)}
    channels = [channel for channel, server in servers.items() if server is not None]
    if not channels:
        return dg.SkipReason("No mail server is configured (METERHOUSE_SMTP_HOST), and no SMS service.")
    with house.registry.begin(readonly=True) as session:
        due = [message for channel in channels for message in mail.due(session, now, channel)]
    if not due:
        return dg.SkipReason("No message is due.")
    period = int(now.timestamp()) // (60 * ASK_AGAIN_MIN)
    digest = hashlib.sha256(repr((due, period)).encode()).hexdigest()
    return dg.RunRequest(run_key=f"mail-{digest[:32]}")
