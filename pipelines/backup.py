"""Back-ups each night, and the proof that each can be restored."""

from datetime import UTC, datetime

import dagster as dg

from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.backing_up import back_up, told
from assets.steps.restoring import verify
from registry.people.rights import ORCHESTRATOR


def back_up_and_try(house: Installation, now: datetime) -> str | None:
    """Makes a back-up where the settings say, and tries it out.

    Returns:
        What was made; ``None`` where the settings name no folder.

    Raises:
        ConnectorError: It cannot be made, or does not hold.
    """
    folder = house.settings.backup_folder
    if folder is None:
        return None
    made = back_up(house, folder, keep=house.settings.backup_keep, identity=ORCHESTRATOR, now=now)
    verify(folder, made.name, house.master_key_source, now)
    return told(made)


@dg.op(description="Makes a back-up and tries it out: every file, every table, the chain of events, the master key.")
def nightly_backup(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Fails where the back-up could not be made or does not hold, so that somebody hears of it."""
    context.log.info(back_up_and_try(installation.open(), datetime.now(UTC)) or "METERHOUSE_BACKUP_FOLDER names none.")


@dg.job(description="Makes a back-up and tries it out.", executor_def=dg.in_process_executor)
def make_backup() -> None:
    """One step."""
    nightly_backup()


@dg.schedule(job=make_backup, cron_schedule="30 1 * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly_backups(installation: InstallationResource) -> dg.RunRequest | dg.SkipReason:
    """Asks for a back-up each night where the settings name a folder for it."""
    if installation.open().settings.backup_folder is None:
        return dg.SkipReason("No folder for back-ups is named (METERHOUSE_BACKUP_FOLDER).")
    return dg.RunRequest()
