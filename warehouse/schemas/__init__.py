"""Every table of the lake, declared once.

Checks, the data dictionary, SQL views, API models and the graph's metadata derive from these declarations.
"""

from warehouse.schemas.events import CORRECTIONS, DELIVERIES, FINAL_ESTIMATES, VEE_EXCEPTIONS
from warehouse.schemas.figures import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    INFO_CODE_EVENTS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    REGISTER_EVENTS,
)
from warehouse.schemas.frames import FRAMES, OUTCOMES, RECEPTIONS, REJECTED_ROWS, TELEGRAMS
from warehouse.schemas.radio import COLLECTOR_DAILY, LINK_DAILY, METER_LINKS
from warehouse.schemas.readings import FORMATS, LAYOUTS, READINGS, READINGS_HISTORY, RECORDS, TOUCHED
from warehouse.schemas.registry import (
    AUDIT_LOG,
    COLLECTORS,
    EXCHANGES,
    FINAL_READINGS,
    GROUP_MEMBERS,
    GROUP_READERS,
    GROUPS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    POLICIES,
)
from warehouse.schemas.retention import FROZEN_PERIODS, GAUGES_DAILY, RETENTION_CERTIFICATES
from warehouse.schemas.table import INSTANT, REGISTER, Column, SchemaError, Table

TABLES = {
    table.name: table
    for declared in (
        RECEPTIONS,
        OUTCOMES,
        FRAMES,
        REJECTED_ROWS,
        TELEGRAMS,
        READINGS,
        RECORDS,
        LAYOUTS,
        FORMATS,
        TOUCHED,
        CONSUMPTION_HOURLY,
        CONSUMPTION_DAILY,
        CONSUMPTION_MONTHLY,
        CONSUMPTION_YEARLY,
        REGISTER_EVENTS,
        HEAT_DAILY,
        INFO_CODE_EVENTS,
        READING_PERFORMANCE_DAILY,
        MISSING_CAUSES_DAILY,
        LINK_DAILY,
        METER_LINKS,
        COLLECTOR_DAILY,
        METERS,
        METERING_POINTS,
        INSTALLATIONS,
        EXCHANGES,
        FINAL_READINGS,
        COLLECTORS,
        GROUPS,
        GROUP_MEMBERS,
        GROUP_READERS,
        POLICIES,
        AUDIT_LOG,
        CORRECTIONS,
        VEE_EXCEPTIONS,
        FINAL_ESTIMATES,
        DELIVERIES,
        GAUGES_DAILY,
        FROZEN_PERIODS,
        RETENTION_CERTIFICATES,
    )
    for table in (declared, declared.history)
    if table is not None
}

__all__ = [
    "AUDIT_LOG",
    "COLLECTORS",
    "COLLECTOR_DAILY",
    "CONSUMPTION_DAILY",
    "CONSUMPTION_HOURLY",
    "CONSUMPTION_MONTHLY",
    "CONSUMPTION_YEARLY",
    "CORRECTIONS",
    "DELIVERIES",
    "EXCHANGES",
    "FINAL_ESTIMATES",
    "FINAL_READINGS",
    "FORMATS",
    "FRAMES",
    "FROZEN_PERIODS",
    "GAUGES_DAILY",
    "GROUPS",
    "GROUP_MEMBERS",
    "GROUP_READERS",
    "HEAT_DAILY",
    "INFO_CODE_EVENTS",
    "INSTALLATIONS",
    "INSTANT",
    "LAYOUTS",
    "LINK_DAILY",
    "METERING_POINTS",
    "METERS",
    "METER_LINKS",
    "MISSING_CAUSES_DAILY",
    "OUTCOMES",
    "POLICIES",
    "READINGS",
    "READINGS_HISTORY",
    "READING_PERFORMANCE_DAILY",
    "RECEPTIONS",
    "RECORDS",
    "REGISTER",
    "REGISTER_EVENTS",
    "REJECTED_ROWS",
    "RETENTION_CERTIFICATES",
    "TABLES",
    "TELEGRAMS",
    "TOUCHED",
    "VEE_EXCEPTIONS",
    "Column",
    "SchemaError",
    "Table",
]
