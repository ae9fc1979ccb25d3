"""Jobs: what runs together."""

import dagster as dg

INGEST = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Lands files, decodes what they hold and brings every figure they touch up to date.",
)
"""One process per run: the steps are few and fat, and a process costs seconds to start."""
