"""Checks of tables against their declarations, in a step of their own: they cost seconds and run at night."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.checks import KEYED
from assets.resources import InstallationResource
from assets.steps.expecting import check_table, results_folder
from warehouse.schemas import TABLES

NAME = "as_declared"

_SPECS = [
    dg.AssetCheckSpec(NAME, asset=table.name, description="Columns, types, nulls, key, vocabularies and ranges.")
    for table in KEYED
]


@dg.multi_asset_check(name="expectations", specs=_SPECS, can_subset=True)
def expectations(
    context: dg.AssetCheckExecutionContext, installation: InstallationResource
) -> Iterator[dg.AssetCheckResult]:
    """Runs the suites over the newest month of each table; results stay in the folder ``quality`` for auditors."""
    house = installation.open()
    folder = results_folder(house, datetime.now(UTC))
    for key in sorted(context.selected_asset_check_keys):
        outcomes = check_table(house, TABLES[key.asset_key.to_user_string()], folder)
        failed = [one.meaning for one in outcomes if not one.holds]
        yield dg.AssetCheckResult(
            passed=not failed,
            asset_key=key.asset_key,
            check_name=key.name,
            metadata={"against": dg.MetadataValue.json(failed), "results": dg.MetadataValue.path(str(folder))},
        )


EXPECTATIONS = [expectations]
"""Run by a job of their own."""
