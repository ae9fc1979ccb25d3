"""Imports: registry files and readings of other systems, and what must be reckoned again because of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased_readings
from assets.steps.history import keep_readings, superseded_readings
from assets.steps.publishing import publish_events, publish_registry
from assets.steps.touched import touch
from assets.steps.weather import import_temperatures
from connectors.folder import read_complete
from decoders.info_codes import BITS
from registry import audit
from registry.imports import (
    ImportMode,
    ImportReport,
    KeyReport,
    import_customers,
    import_exchanges,
    import_keys,
    import_meters,
    parse_readings,
)
from registry.imports.parsed import ParsedRows
from registry.imports.report import WHOLE_FILE, changes_between
from registry.keyfiles import KeyFile, read_key_file
from registry.keyfiles import find_profile as find_key_profile
from registry.profiles import Kind, Profile, find_profile
from warehouse.merging import touched
from warehouse.phrases import phrase
from warehouse.schemas import READINGS, REJECTED_ROWS
from warehouse.schemas.registers import REGISTERS


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What may be asked of an import.

    Attributes:
        profile: Name or file of the profile; empty for the predefined one of the kind.
        partial: Whether good lines are taken where others are rejected.
        dry_run: Whether nothing is stored.
        target_state: State of new meters: ``in_use`` or ``stock``.
        keyed_only: Whether customers are left out whose meter has no key.
        overwrite_coordinates: Whether coordinates of the file win over those that stand.
        stock_without_key: Whether new meters without a key go to stock until it comes.
    """

    profile: str = ""
    partial: bool = False
    dry_run: bool = False
    target_state: str = "in_use"
    keyed_only: bool = False
    overwrite_coordinates: bool = False
    stock_without_key: bool = False


_MEASURED = ("readings", "temperatures")
"""What goes to the lake alone: of the registry's published tables nothing changes."""
_ERASED = "readings of that time are erased on request"
_OF_IMPORT = ("landed_at", "source_file", "source_line", "known_from")
"""Columns of a reading that do not tell whether it is the same one."""

PLAIN = ImportOptions()
"""The predefined profile, all lines or none, new meters in use."""


def import_file(
    house: Installation, kind: Kind, file: Path, *, identity: str, now: datetime, options: ImportOptions = PLAIN
) -> ImportReport:
    """Imports one file.

    Args:
        house: The installation.
        kind: ``meters``, ``customers``, ``exchanges`` or ``readings``.
        file: File of that kind.
        identity: Who asks; goes into the audit log.
        now: Instant of the import, UTC.
        options: What is asked of it.

    Returns:
        Counts and rejected lines; the rejected lines are kept in ``rejected_rows``, too, but for a dry run.

    Raises:
        RegistryError: The file is no such file, or the profile is none.
        ConnectorError: The file cannot be read.
    """
    profile = find_profile(options.profile, kind, house.settings.profiles_path)
    return import_content(house, profile, read_complete(file), file.name, identity=identity, now=now, options=options)


def import_content(
    house: Installation,
    profile: Profile,
    content: bytes,
    name: str,
    *,
    identity: str,
    now: datetime,
    options: ImportOptions = PLAIN,
) -> ImportReport:
    """Imports what a file holds; see :func:`import_file`.

    Args:
        house: The installation.
        profile: How it is laid out.
        content: Its bytes.
        name: Its name.
        identity: Who asks.
        now: Instant of the import, UTC.
        options: What is asked of it.

    Returns:
        Counts and rejected lines.

    Raises:
        RegistryError: It is no such file.
    """
    mode = ImportMode(profile, options.partial, options.dry_run)
    if profile.kind == "readings":
        report = _import_readings(house, content, name, mode, identity=identity, now=now)
    elif profile.kind == "temperatures":
        report = import_temperatures(house, content, name, mode, identity=identity, now=now)
    else:
        report = _import_registry(house, profile.kind, content, name, mode, identity=identity, now=now, options=options)
    if options.dry_run:
        return report
    if report.stored:
        publish = publish_events if profile.kind in _MEASURED else publish_registry
        publish(house)
    _keep_rejected(house, name, content, report.rejected, now)
    return report


def _import_registry(
    house: Installation,
    kind: Kind,
    content: bytes,
    name: str,
    mode: ImportMode,
    *,
    identity: str,
    now: datetime,
    options: ImportOptions,
) -> ImportReport:
    registry, organisation, zone = house.registry, house.organisation, house.settings.zone
    if kind == "meters":
        return import_meters(
            registry,
            content,
            organisation=organisation,
            identity=identity,
            vault=house.vault,
            now=now,
            source_name=name,
            target_state=options.target_state,
            mode=mode,
            stock_without_key=options.stock_without_key,
        )
    if kind == "exchanges":
        return import_exchanges(
            registry,
            content,
            organisation=organisation,
            identity=identity,
            zone=zone,
            now=now,
            source_name=name,
            mode=mode,
        )
    return import_customers(
        registry,
        content,
        organisation=organisation,
        identity=identity,
        vault=house.vault,
        zone=zone,
        now=now,
        source_name=name,
        mode=mode,
        keyed_only=options.keyed_only,
        overwrite_coordinates=options.overwrite_coordinates,
    )


def _import_readings(
    house: Installation, content: bytes, name: str, mode: ImportMode, *, identity: str, now: datetime
) -> ImportReport:
    parsed = parse_readings(
        house.registry,
        content,
        organisation=house.organisation,
        zone=house.settings.zone,
        now=now,
        source_name=name,
        profile=mode.profile,
        info_code_kinds=BITS["kind"].unique(),
    )
    with house.alone("readings"):
        report, readings = _store_readings(house, parsed, name, mode, identity=identity, now=house.stamp(now))
    if report.stored:
        touch(house, readings, "readings", identity)
    return report


def _store_readings(
    house: Installation, parsed: ParsedRows, name: str, mode: ImportMode, *, identity: str, now: datetime
) -> tuple[ImportReport, pl.DataFrame]:
    readings, erased = without_erased_readings(house, parsed.rows.with_columns(known_from=pl.lit(now)))
    nothing = READINGS.empty().select(READINGS.key)
    standing = touched(READINGS, house.lake.scan(READINGS), readings, nothing, None)
    # One that comes again keeps the instant at which it came first, and the file.
    said = [column for column in READINGS.schema.names() if column not in _OF_IMPORT]
    news = readings.join(standing, on=said, how="anti", nulls_equal=True)
    replaced = news.join(standing, on=READINGS.key, how="semi").height
    report = ImportReport(
        added=news.height - replaced,
        updated=replaced,
        unchanged=readings.height - news.height,
        rejected=parsed.rejected,
        skipped=pl.DataFrame({"source_line": parsed.source_lines.filter(erased)}).with_columns(reason=pl.lit(_ERASED)),
        changes=_changed_readings(readings, parsed.source_lines.filter(~erased), standing),
        warnings=parsed.warnings,
        stored=mode.stores(parsed.rejected),
    )
    if report.stored:
        keep_readings(house, superseded_readings(house, news, nothing), now)
        with house.registry.begin() as session:  # around the merge: one that fails leaves no event
            audit.record(
                session,
                organisation=house.organisation,
                event="readings.import",
                identity=identity,
                now=now,
                target=name,
                details={
                    "added": report.added,
                    "updated": report.updated,
                    "unchanged": report.unchanged,
                    "rejected": report.rejected.height,
                },
            )
            house.lake.merge(READINGS, news, stale=nothing)
    return report, readings


def _changed_readings(readings: pl.DataFrame, source_lines: pl.Series, standing: pl.DataFrame) -> pl.DataFrame:
    """Registers and gauges that the file gives otherwise than they stand."""
    lines = readings.with_columns(source_line=source_lines)
    both = lines.join(standing, on=READINGS.key, suffix="_known", maintain_order="left").with_columns(
        entry=phrase("{} {}", "meter_id", pl.col("measured_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    )
    return changes_between(both, "entry", [register.name for register in REGISTERS])


def import_key_file(
    house: Installation,
    file: Path,
    *,
    password: Callable[[], str],
    profile: str,
    identity: str,
    register: str | None,
    mode: ImportMode = WHOLE_FILE,
    now: datetime,
) -> tuple[KeyFile, KeyReport]:
    """Imports the keys of a key file; see :func:`import_key_content`.

    Raises:
        RegistryError: The file is no such file, or its password is wrong.
        ConnectorError: The file cannot be read.
    """
    return import_key_content(
        house,
        read_complete(file),
        file.name,
        password=password,
        profile=profile,
        identity=identity,
        register=register,
        mode=mode,
        now=now,
    )


def import_key_content(
    house: Installation,
    content: bytes,
    name: str,
    *,
    password: Callable[[], str],
    profile: str = "",
    identity: str,
    register: str | None,
    mode: ImportMode = WHOLE_FILE,
    now: datetime,
) -> tuple[KeyFile, KeyReport]:
    """Imports the keys that a key file holds.

    Args:
        house: The installation.
        content: KEM, KEM2 or CSV export.
        name: Its name.
        password: Gives the password; asked only where the file is encrypted.
        profile: Name or file of the profile of a CSV export; empty to go by its header.
        identity: Who asks; goes into the audit log.
        register: State of unknown meters that are added; ``None`` adds none.
        mode: Whether a rejected line refuses the file, and whether anything is stored.
        now: Instant of the import, UTC.

    Returns:
        The file, and what came of it; unknown and rejected lines are kept in ``rejected_rows``, too.

    Raises:
        RegistryError: It is no such file, or its password is wrong.
    """
    keys = read_key_file(content, name, password, find_key_profile(profile) if profile else None)
    report = store_key_file(house, keys, content, name, identity=identity, register=register, mode=mode, now=now)
    if report.stored:
        publish_registry(house)
    return keys, report


def store_key_file(
    house: Installation,
    keys: KeyFile,
    content: bytes,
    name: str,
    *,
    identity: str,
    register: str | None = None,
    mode: ImportMode = WHOLE_FILE,
    now: datetime,
) -> KeyReport:
    """Stores the keys of a key file that was read; whoever calls publishes the registry afterwards.

    Args:
        house: The installation.
        keys: What the file holds.
        content: Its bytes.
        name: Its name.
        identity: Who asks; goes into the audit log.
        register: State of unknown meters that are added; ``None`` adds none.
        mode: Whether a rejected line refuses the file, and whether anything is stored.
        now: Instant of the import, UTC.

    Returns:
        What came of it; unknown and rejected lines are kept in ``rejected_rows``, too.

    Raises:
        RegistryError: The registry cannot be read or written.
    """
    report = import_keys(
        house.registry,
        keys,
        organisation=house.organisation,
        identity=identity,
        vault=house.vault,
        now=now,
        source_name=name,
        register=register,
        mode=mode,
    )
    if not mode.dry_run:
        _keep_rejected(house, name, content, pl.concat([report.unknown, report.rejected]), now)
    return report


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
