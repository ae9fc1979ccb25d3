"""Imports: registry files and readings of other systems, and what must be reckoned again because of them."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from assets.installation import Installation
from assets.steps.history import keep_readings, superseded_readings
from assets.steps.publishing import publish_registry
from assets.steps.touched import touch
from connectors.folder import read_complete
from registry.imports import (
    ImportReport,
    KeyReport,
    import_customers,
    import_exchanges,
    import_keys,
    import_meters,
    parse_readings,
)
from registry.keyfiles import KeyFile, find_profile, read_key_file
from warehouse.merging import touched
from warehouse.schemas import READINGS, REJECTED_ROWS


def import_file(
    house: Installation,
    kind: str,
    file: Path,
    *,
    identity: str,
    target_state: str,
    now: datetime,
    stock_without_key: bool = False,
) -> ImportReport:
    """Imports one file.

    Args:
        house: The installation.
        kind: ``meters``, ``customers``, ``exchanges`` or ``readings``.
        file: CSV file of that profile.
        identity: Who asks; goes into the audit log.
        target_state: State of new meters: ``in_use`` or ``stock``.
        now: Instant of the import, UTC.
        stock_without_key: Whether new meters without a key go to stock until it comes.

    Returns:
        Counts and rejected lines; the rejected lines are kept in ``rejected_rows``, too.

    Raises:
        RegistryError: The file is no such file.
        ConnectorError: The file cannot be read.
    """
    content = read_complete(file)
    registry, organisation, zone, name = house.registry, house.organisation, house.settings.zone, file.name
    if kind == "readings":
        readings, rejected = parse_readings(
            registry, content, organisation=organisation, zone=zone, now=now, source_name=name
        )
        news, nothing = _news(house, readings), READINGS.empty().select(READINGS.key)
        keep_readings(house, superseded_readings(house, news, nothing), now)
        merged = house.lake.merge(READINGS, news, stale=nothing)
        touch(house, readings, "readings")
        report = ImportReport(merged.inserted, merged.replaced, readings.height - news.height, rejected)
    elif kind == "meters":
        report = import_meters(
            registry,
            content,
            organisation=organisation,
            identity=identity,
            vault=house.vault,
            now=now,
            source_name=name,
            target_state=target_state,
            stock_without_key=stock_without_key,
        )
    else:
        import_profile = import_customers if kind == "customers" else import_exchanges
        report = import_profile(
            registry, content, organisation=organisation, identity=identity, zone=zone, now=now, source_name=name
        )
    publish_registry(house)
    _keep_rejected(house, file.name, content, report.rejected, now)
    return report


def import_key_file(
    house: Installation,
    file: Path,
    *,
    password: Callable[[], str],
    profile: str,
    identity: str,
    register: str | None,
    dry_run: bool,
    now: datetime,
) -> tuple[KeyFile, KeyReport]:
    """Imports the keys of a key file.

    Args:
        house: The installation.
        file: KEM, KEM2 or CSV export.
        password: Gives the password; asked only where the file is encrypted.
        profile: Name or file of the profile of a CSV export; empty to go by its header.
        identity: Who asks; goes into the audit log.
        register: State of unknown meters that are added; ``None`` adds none.
        dry_run: Whether nothing is stored.
        now: Instant of the import, UTC.

    Returns:
        The file, and what came of it; unknown and rejected lines are kept in ``rejected_rows``, too.

    Raises:
        RegistryError: The file is no such file, or its password is wrong.
        ConnectorError: The file cannot be read.
    """
    content = read_complete(file)
    keys = read_key_file(content, file.name, password, find_profile(profile) if profile else None)
    report = import_keys(
        house.registry,
        keys,
        organisation=house.organisation,
        identity=identity,
        vault=house.vault,
        now=now,
        source_name=file.name,
        register=register,
        dry_run=dry_run,
    )
    if not dry_run:
        publish_registry(house)
        _keep_rejected(house, file.name, content, pl.concat([report.unknown, report.rejected]), now)
    return keys, report


def _news(house: Installation, readings: pl.DataFrame) -> pl.DataFrame:
    """Readings that do not stand already; one that comes again keeps the instant at which it came first."""
    said = [name for name in READINGS.schema.names() if name != "landed_at"]
    standing = touched(READINGS, house.lake.scan(READINGS), readings, READINGS.empty().select(READINGS.key), None)
    return readings.join(standing, on=said, how="anti", nulls_equal=True)


def _keep_rejected(house: Installation, name: str, content: bytes, rejected: pl.DataFrame, now: datetime) -> None:
    """Keeps rejected lines beside those of frame files, in place of those of an earlier import of the same file.

    The line itself is left out, since it may hold a key.
    """
    digest = hashlib.sha256(content).hexdigest()
    rows = rejected.select(
        "source_line",
        "reason",
        organisation=pl.lit(house.organisation),
        source_file=pl.lit(name),
        source_sha256=pl.lit(digest),
        landed_at=pl.lit(now),
        landed_day=pl.lit(now.date()),
    )
    stale = pl.DataFrame({"organisation": [house.organisation], "source_sha256": [digest]})
    house.lake.merge(REJECTED_ROWS, rows, stale=stale)
