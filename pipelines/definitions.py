"""What the orchestrator loads: assets, checks, jobs, sensors and the installation they work on."""

import dagster as dg

from assets import decoding, figures, landing, registry_tables
from assets.checks import CHECKS
from assets.resources import INSTALLATION
from pipelines.jobs import INGEST, import_job
from pipelines.sensors import SENSORS

ASSETS = dg.load_assets_from_modules([landing, registry_tables, decoding, figures])


@dg.definitions
def defs() -> dg.Definitions:
    """The whole graph. Nothing is opened here: the installation is named by ``METERHOUSE_HOME`` when a run starts."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=[INGEST, import_job],
        sensors=SENSORS,
        resources={"installation": INSTALLATION},
    )
