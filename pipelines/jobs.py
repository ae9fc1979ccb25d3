"""Jobs: what runs together."""

import dagster as dg

from assets.expectations import EXPECTATIONS
from assets.imports import import_dropped_files, import_dropped_keys
from assets.resources import INSTALLATION

INGEST = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.all() - dg.AssetSelection.checks(*EXPECTATIONS),
    executor_def=dg.in_process_executor,
    description="Lands files, decodes what they hold and brings every figure they touch up to date.",
)
"""One process per run: the steps are few and fat, and a process costs seconds to start."""


@dg.job(name="registry_import", executor_def=dg.in_process_executor, resource_defs={"installation": INSTALLATION})
def import_job() -> None:
    """Imports registry files that were dropped into the installation."""
    import_dropped_files()


@dg.job(name="key_import", executor_def=dg.in_process_executor, resource_defs={"installation": INSTALLATION})
def key_job() -> None:
    """Imports key files that were dropped into the installation."""
    import_dropped_keys()
