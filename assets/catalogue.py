"""The catalogue file, written anew at the end of each run."""

import dagster as dg

from assets import decoding, figures, landing, registry_tables
from assets.resources import InstallationResource
from assets.specs import OWNER
from assets.steps.catalogue import refresh_catalogue

_TABLES = [
    key
    for module in (landing, registry_tables, decoding, figures)
    for definition in dg.load_assets_from_modules([module])
    if isinstance(definition, dg.AssetsDefinition)
    for key in definition.keys
]


@dg.asset(
    deps=_TABLES,
    group_name="catalogue",
    kinds={"duckdb"},
    owners=[OWNER],
    description="A file that any SQL client opens: the published tables as commented views.",
)
def catalogue(installation: InstallationResource) -> dg.MaterializeResult[None]:
    """The catalogue file of the lake as it is now."""
    file = refresh_catalogue(installation.open())
    return dg.MaterializeResult(metadata={"path": str(file)})
