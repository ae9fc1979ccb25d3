"""Tables that retention reaches: in which part of the lake each is, and what outlives which stage."""

from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    CORRECTIONS,
    ENERGY_SIGNATURES,
    FLOW_DAILY,
    GAUGES_DAILY,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INFO_CODE_EVENTS,
    LEAK_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    PRESSURE_EVENTS,
    READING_PERFORMANCE_DAILY,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
    RECORDS,
    REGISTER_EVENTS,
    REJECTED_ROWS,
    TELEGRAMS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.transforms.retention import Keep, Zone

_ZONES: dict[Table, Zone] = {
    RECORDS: "reading",
    READINGS_HISTORY: "reading",
    REJECTED_ROWS: "raw",
    TELEGRAMS: "raw",
    RECEPTIONS: "raw",
    READINGS: "reading",
    CONSUMPTION_HOURLY: "interval",
    CONSUMPTION_DAILY: "interval",
    CONSUMPTION_MONTHLY: "interval",
    CONSUMPTION_YEARLY: "interval",
    HEAT_DAILY: "interval",
    GAUGES_DAILY: "interval",
    READING_PERFORMANCE_DAILY: "interval",
    MISSING_CAUSES_DAILY: "interval",
    LINK_DAILY: "interval",
    METER_LINKS: "interval",
    FLOW_DAILY: "interval",
    HEAT_CHECKS: "interval",
    HEAT_FAULTS: "interval",
    ENERGY_SIGNATURES: "interval",
    LEAK_EVENTS: "event",
    PRESSURE_EVENTS: "event",
    REGISTER_EVENTS: "event",
    INFO_CODE_EVENTS: "event",
    VEE_EXCEPTIONS: "event",
    CORRECTIONS: "event",
    ALERT_EVENTS: "event",
    ALERT_USAGE: "event",
    OUTCOMES: "raw",
}


def _versions(table: Table) -> list[Table]:
    return [table.history, table] if table.versioned and table.history else [table]


ZONES: dict[Table, Zone] = {each: zone for table, zone in _ZONES.items() for each in _versions(table)}
"""Tables by zone, in the order in which they are thinned; former versions of rows go when the rows themselves do.

Receptions say which source telegrams and outcomes are of, and outcomes which meter a reception is of, so they go last:
whatever dies in between, a repeated run finds the rest.
"""

_OUTLIVE: dict[Table, tuple[Keep, ...]] = {
    CONSUMPTION_HOURLY: (),
    CONSUMPTION_MONTHLY: ("day", "month"),
    CONSUMPTION_YEARLY: ("day", "month"),
    HEAT_CHECKS: ("day", "month"),
    HEAT_FAULTS: ("day", "month"),
    ENERGY_SIGNATURES: ("day", "month"),
    LEAK_EVENTS: ("day", "month"),
    PRESSURE_EVENTS: ("day", "month"),
    REGISTER_EVENTS: ("day", "month"),
    INFO_CODE_EVENTS: ("day", "month"),
    VEE_EXCEPTIONS: ("day", "month"),
    CORRECTIONS: ("day", "month"),
    ALERT_EVENTS: ("day", "month"),
    ALERT_USAGE: ("day", "month"),
    REJECTED_ROWS: (),
}

OUTLIVE: dict[Table, tuple[Keep, ...]] = {
    each: _OUTLIVE.get(table, ("day",)) for table in _ZONES for each in _versions(table)
}
"""Stages that rows of figures, events and rejected lines outlive; those of days outlive ``day``."""
