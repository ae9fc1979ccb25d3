"""Another zone for an installation that has figures: everything that rests on local days is reckoned again.

Instants stay: a frame was received and a meter installed when they were. What is local is found anew: days, months and
years of figures, the days and deadlines of the reading performance.
"""

from datetime import datetime

import polars as pl

import settings
from assets.installation import ZONE, Installation
from assets.steps.frozen import frozen_periods
from assets.steps.touched import start_again
from registry import audit
from registry.ledger import read_cursor
from registry.models import Cursor
from registry.store import Registry
from settings import InstallationError
from warehouse.schemas import (
    COLLECTOR_DAILY,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    ENERGY_SIGNATURES,
    FLOW_DAILY,
    GROUP_PROFILES,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INFO_CODE_EVENTS,
    LEAK_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    REGISTER_EVENTS,
    Table,
)

FIGURES = (
    CONSUMPTION_HOURLY,
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    HEAT_CHECKS,
    HEAT_FAULTS,
    ENERGY_SIGNATURES,
    REGISTER_EVENTS,
    INFO_CODE_EVENTS,
    READING_PERFORMANCE_DAILY,
    MISSING_CAUSES_DAILY,
    LINK_DAILY,
    FLOW_DAILY,
    LEAK_EVENTS,
    GROUP_PROFILES,
    METER_LINKS,
    COLLECTOR_DAILY,
)
"""Tables that rest on local days, and are reckoned from readings, receptions and installations."""


def migrate(house: Installation, zone: str, *, identity: str, now: datetime, dry_run: bool = False) -> dict[str, int]:
    """Gives an installation another zone and takes away the figures of the old one.

    What is left to do is an ordinary run that catches up: every figure counts as touched. Where this dies, the
    installation does not open until it was repeated with the same zone.

    Args:
        house: The installation; it need not open in its present zone.
        zone: IANA zone.
        identity: Who migrates.
        now: When.
        dry_run: Whether only to count.

    Returns:
        Rows per table that are reckoned again.

    Raises:
        InstallationError: The zone is unknown or the present one, is set by the environment, a run is at work, or
            readings were thinned.
    """
    settings.zone_of(zone)
    known = house.settings
    if settings.written_zone(known.home) != known.timezone:
        raise InstallationError(
            f"The zone of {known.home} is set by METERHOUSE_TIMEZONE: take that out of the environment first."
        )
    registry = Registry.open(known.registry_address)
    kept = read_cursor(registry, house.organisation, ZONE) or known.timezone
    if kept == known.timezone == zone:
        raise InstallationError(f"The figures of {known.home} are those of {zone} already.")
    if kept not in {known.timezone, zone}:
        raise InstallationError(f"A migration to {kept} was cut off: repeat it before you begin another one.")
    if not frozen_periods(house).is_empty():
        raise InstallationError(
            f"Readings of {known.home} were thinned by retention: figures of the days of {known.timezone} cannot be "
            "reckoned again in another zone."
        )
    counts = {table.name: _rows(house, table) for table in FIGURES}
    if dry_run:
        return counts
    with house.undisturbed(wait=False):
        versions = {table.name: house.lake.version(table) for table in FIGURES}
        with registry.begin() as session:
            session.merge(Cursor(organisation=house.organisation, name=ZONE, value=zone, written_at=now))
            start_again(session, house.organisation, now)
            audit.record(
                session,
                organisation=house.organisation,
                event="timezone.migrate",
                identity=identity,
                now=now,
                before={"timezone": known.timezone},
                after={"timezone": zone},
                details={"rows": counts, "versions": versions},
            )
        for table in FIGURES:
            others = house.lake.scan(table).filter(pl.col("organisation") != house.organisation).collect()
            if house.lake.version(table) is not None:
                house.lake.overwrite(table, others)
        settings.write_zone(known.home, zone)
    registry.engine.dispose()
    return counts


def _rows(house: Installation, table: Table) -> int:
    rows = house.lake.scan(table).filter(pl.col("organisation") == house.organisation)
    return int(rows.select(pl.len()).collect().item())
