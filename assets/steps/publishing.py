"""Publishing: the registry's non-secret tables as a snapshot in the lake."""

from assets.installation import Installation
from registry.tables import published_tables
from warehouse.schemas import (
    AUDIT_LOG,
    COLLECTORS,
    EXCHANGES,
    GROUP_MEMBERS,
    GROUPS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
)

PUBLISHED = (METERS, METERING_POINTS, INSTALLATIONS, EXCHANGES, COLLECTORS, GROUPS, GROUP_MEMBERS, AUDIT_LOG)


def publish_registry(house: Installation) -> dict[str, int]:
    """Writes what changed of the registry's tables to the lake.

    Args:
        house: The installation.

    Returns:
        Rows per table.
    """
    snapshots = published_tables(house.registry)
    for table in PUBLISHED:
        house.lake.overwrite(table, snapshots[table.name])
    return {table.name: snapshots[table.name].height for table in PUBLISHED}
