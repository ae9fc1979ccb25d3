"""Assets of figures: consumption, heat, info codes, performance and links of what was touched."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.resources import InstallationResource
from assets.specs import table_spec
from assets.steps.alerts import evaluate_alerts
from assets.steps.figures import reckon_figures
from assets.steps.heating import reckon_heating
from assets.steps.info_codes import reckon_info_codes
from assets.steps.leaks import reckon_leaks
from assets.steps.performance import reckon_performance
from assets.steps.radio import reckon_radio
from assets.steps.validating import validate_figures
from assets.steps.water import WATER, reckon_water
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    COLLECTOR_DAILY,
    CONSUMPTION_ALERTS,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    CORRECTIONS,
    ENERGY_SIGNATURES,
    EXCHANGES,
    FLOW_DAILY,
    GROUP_MEMBERS,
    GROUP_PROFILES,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    LAYOUTS,
    LEAK_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    METERING_POINTS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    OUTDOOR_TEMPERATURES,
    POLICIES,
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
    GROUP_PROFILES,
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


outdoor_temperatures = table_spec(OUTDOOR_TEMPERATURES, "figures")
"""Comes by import alone."""


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[HEAT_DAILY.name, CONSUMPTION_MONTHLY.name, OUTDOOR_TEMPERATURES.name])
        for table in (HEAT_CHECKS, ENERGY_SIGNATURES, HEAT_FAULTS)
    ]
)
def heating(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Energy signatures, faults of substations and checks of energy, of what changed since the last run."""
    changed = reckon_heating(installation.open(), datetime.now(UTC))
    for name, rows in changed.items():
        yield dg.MaterializeResult(asset_key=name, metadata={"changed_rows": rows})


@dg.multi_asset(specs=[table_spec(INFO_CODE_EVENTS, "figures", deps=[READINGS.name])])
def info_codes(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Episodes of info codes."""
    changed = reckon_info_codes(installation.open(), datetime.now(UTC))
    yield dg.MaterializeResult(asset_key=INFO_CODE_EVENTS.name, metadata={"changed_rows": changed})


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[READINGS.name, INSTALLATIONS.name, OUTCOMES.name, REGISTER_EVENTS.name])
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


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[CONSUMPTION_HOURLY.name, READINGS.name, METERING_POINTS.name])
        for table in (FLOW_DAILY, LEAK_EVENTS)
    ]
)
def leaks(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Leaks and bursts of water points, from consumption alone."""
    for name, count in reckon_leaks(installation.open(), datetime.now(UTC)).items():
        yield dg.MaterializeResult(asset_key=name, metadata={"changed_rows": count})


@dg.multi_asset(
    specs=[
        table_spec(table, "figures", deps=[READINGS.name, REGISTER_EVENTS.name, CONSUMPTION_ALERTS.name])
        for table in (ALERT_EVENTS, ALERT_USAGE)
    ]
)
def alerts(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Consumption alerts that were triggered or retracted, and what was used so far."""
    for name, count in evaluate_alerts(installation.open(), datetime.now(UTC)).items():
        yield dg.MaterializeResult(asset_key=name, metadata={"changed_rows": count})


_WATER_RESTS_ON = (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    READINGS,
    INSTALLATIONS,
    METERING_POINTS,
    GROUP_MEMBERS,
    POLICIES,
)


@dg.multi_asset(specs=[table_spec(table, "figures", deps=[one.name for one in _WATER_RESTS_ON]) for table in WATER])
def water(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """Water balances, night flow, alarms and pressure events of the districts."""
    changed = reckon_water(installation.open(), datetime.now(UTC))
    for table in WATER:
        yield dg.MaterializeResult(asset_key=table.name, metadata={"changed_rows": changed.get(table.name, 0)})


_JUDGED = (CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY, REGISTER_EVENTS, READING_PERFORMANCE_DAILY)


@dg.multi_asset(
    specs=[
        table_spec(
            VEE_EXCEPTIONS,
            "figures",
            deps=[table.name for table in _JUDGED],
        )
    ]
)
def validation(installation: InstallationResource) -> Iterator[dg.MaterializeResult[None]]:
    """What validation questions; readings were judged on their way into consumption, figures are judged here."""
    changed = validate_figures(installation.open(), datetime.now(UTC))
    yield dg.MaterializeResult(asset_key=VEE_EXCEPTIONS.name, metadata={"changed_rows": changed})
