"""The nightly look at whether tables are as they are declared."""

import dagster as dg

from assets.expectations import EXPECTATIONS
from assets.resources import InstallationResource
from pipelines.permission import refusal
from registry.people.rights import READING_MANAGEMENT

QUALITY = dg.define_asset_job(
    "table_quality",
    selection=dg.AssetSelection.checks(*EXPECTATIONS),
    executor_def=dg.in_process_executor,
    description="Checks the newest month of each table against its declaration.",
)


@dg.schedule(job=QUALITY, cron_schedule="50 3 * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly_quality(installation: InstallationResource) -> dg.RunRequest | dg.SkipReason:
    """Asks once a night (UTC)."""
    return refusal(installation.open(), READING_MANAGEMENT) or dg.RunRequest()
