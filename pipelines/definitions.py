"""What the orchestrator loads: assets, checks, jobs, sensors and the installation they work on."""

from functools import partial

import dagster as dg

from assets import catalogue, decoding, figures, landing, registry_tables
from assets.checks import CHECKS
from assets.expectations import EXPECTATIONS
from assets.partitions import after_the_latest_day
from assets.resources import INSTALLATION
from pipelines.auditing import DAILY_HEAD, RUN_SENSORS, note_audit_heads
from pipelines.backup import make_backup, nightly_backups
from pipelines.exports import export_job, export_schedules, export_sensor
from pipelines.jobs import INGEST, import_job, key_job
from pipelines.mail import mail_job, mail_sensor
from pipelines.notifications import notification_job, notification_sensor
from pipelines.quality import QUALITY, nightly_quality
from pipelines.retention import nightly_retention, retention_job
from pipelines.sensors import SENSORS
from pipelines.upkeep import nightly_upkeep, upkeep_job

_ASSETS = [
    asset
    for asset in dg.load_assets_from_modules([landing, registry_tables, decoding, figures, catalogue])
    if isinstance(asset, dg.AssetsDefinition)
]
ASSETS = dg.map_asset_specs(
    partial(after_the_latest_day, {key for asset in _ASSETS if asset.partitions_def for key in asset.keys}), _ASSETS
)


ASSET_JOBS = [INGEST, QUALITY]
OTHER_JOBS = [
    import_job,
    key_job,
    note_audit_heads,
    make_backup,
    upkeep_job,
    retention_job,
    mail_job,
    notification_job,
    export_job,
]
NIGHTLY = [DAILY_HEAD, nightly_backups, nightly_upkeep, nightly_retention, nightly_quality]


@dg.definitions
def defs() -> dg.Definitions:
    """The whole graph. But for the schedules of export jobs, which are read, nothing is opened here.

    The installation is named by ``METERHOUSE_HOME`` when a run starts.
    """
    return dg.Definitions(
        assets=[*ASSETS, figures.outdoor_temperatures],
        asset_checks=[*CHECKS, *EXPECTATIONS],
        jobs=[*ASSET_JOBS, *OTHER_JOBS],
        schedules=[*NIGHTLY, *export_schedules()],
        sensors=[*SENSORS, *RUN_SENSORS, mail_sensor, notification_sensor, export_sensor],
        resources={"installation": INSTALLATION},
    )
