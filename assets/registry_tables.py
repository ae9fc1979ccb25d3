"""Assets of the registry: its non-secret tables as they are in the lake, so that SQL joins meters and readings."""

from collections.abc import Iterator

import dagster as dg

from assets.resources import InstallationResource
from assets.specs import table_spec
from assets.steps.publishing import PUBLISHED, publish_registry
from warehouse.schemas import COLLECTORS, RECEPTIONS, Table


def _spec(table: Table) -> dg.AssetSpec:
    """After landing, which notes collectors that were heard from for the first time."""
    return table_spec(table, "registry", deps=[RECEPTIONS.name] if table is COLLECTORS else ())


@dg.multi_asset(specs=[_spec(table) for table in PUBLISHED])
def registry_tables(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """A snapshot of meters, points, installations, exchanges, collectors, groups and the audit log."""
    rows = publish_registry(installation.open())
    for name, count in rows.items():
        yield dg.MaterializeResult(asset_key=name, metadata={"dagster/row_count": count})
