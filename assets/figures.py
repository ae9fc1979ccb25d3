"""Assets of figures: consumption, heat, info codes, performance and links of what was touched."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.resources import InstallationResource
from assets.specs import table_spec
from assets.steps.figures import reckon_figures
from assets.steps.info_codes import reckon_info_codes
from assets.steps.performance import reckon_performance
from assets.steps.radio import reckon_radio
from warehouse.schemas import (
    COLLECTOR_DAILY,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    CORRECTIONS,
    EXCHANGES,
    HEAT_DAILY,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    LAYOUTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    READING_PERFORMANCE_DAILY,
    READINGS,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
)

_FIGURES = (
    REGISTER_EVENTS,
    CONSUMPTION_HOURLY,
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    CORRECTIONS,
    VEE_EXCEPTIONS,
)


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[READINGS.name, LAYOUTS.name, INSTALLATIONS.name, EXCHANGES.name])
        for table in _FIGURES
    ]
)
def figures(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Consumption by boundary registers and volume-weighted temperatures, of what was touched since the last run."""
    changed = reckon_figures(installation.open(), datetime.now(UTC))
    for table in _FIGURES:
        yield dg.MaterializeResult(asset_key=table.name, metadata={"changed_rows": changed.get(table.name, 0)})


@dg.multi_asset(specs=[table_spec(INFO_CODE_EVENTS, "figures", deps=[READINGS.name])])
def info_codes(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Episodes of info codes."""
    changed = reckon_info_codes(installation.open(), datetime.now(UTC))
    yield dg.MaterializeResult(asset_key=INFO_CODE_EVENTS.name, metadata={"changed_rows": changed})


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[READINGS.name, INSTALLATIONS.name, OUTCOMES.name])
        for table in (READING_PERFORMANCE_DAILY, MISSING_CAUSES_DAILY)
    ]
)
def performance(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Expected and received readings per meter and local day, and why others are missing."""
    changed = reckon_performance(installation.open(), datetime.now(UTC))
    for table in (READING_PERFORMANCE_DAILY, MISSING_CAUSES_DAILY):
        yield dg.MaterializeResult(asset_key=table.name, metadata={"changed_rows": changed[table.name]})


@dg.multi_asset(
    specs=[table_spec(table, "figures", deps=[OUTCOMES.name]) for table in (LINK_DAILY, METER_LINKS, COLLECTOR_DAILY)]
)
def links(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Receptions and signal per meter and collector, and how collectors work, by local day."""
    changed = reckon_radio(installation.open(), datetime.now(UTC))
    for table in (LINK_DAILY, METER_LINKS, COLLECTOR_DAILY):
        yield dg.MaterializeResult(asset_key=table.name, metadata={"changed_rows": changed[table.name]})
