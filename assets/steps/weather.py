"""Weather: which station a point belongs to, and the import of outdoor temperatures.

The next run reckons the signatures and faults that rest on what was imported.
"""

from datetime import datetime

import polars as pl

from assets.installation import Installation
from registry import audit
from registry.imports import ImportMode, ImportReport, parse_temperatures
from registry.imports.report import changes_between
from warehouse.phrases import phrase
from warehouse.policies import WeatherPolicy
from warehouse.schemas import GROUP_MEMBERS, OUTDOOR_TEMPERATURES
from warehouse.transforms import assignments, normalisation
from warehouse.transforms.degree_days import without_small_gaps


def stations_of(house: Installation, points: pl.Series, now: datetime) -> pl.DataFrame:
    """Weather stations of metering points by the policy: ``metering_point`` and ``station``."""
    policy = house.policy(WeatherPolicy)
    owned = house.lake.scan(GROUP_MEMBERS).filter(pl.col("organisation") == house.organisation).collect()
    members = assignments.members_at(owned, now)
    return assignments.stations(
        points, members, of_points=policy.points, of_groups=policy.groups, default=policy.station
    )


def degree_days_of_months(house: Installation) -> pl.DataFrame:
    """Degree days of whole months: ``station``, ``day`` (first of the month) and ``degree_days``.

    Months of which a day is not known are left out.
    """
    policy = house.policy(WeatherPolicy)
    owned = house.lake.scan(OUTDOOR_TEMPERATURES).filter(pl.col("organisation") == house.organisation)
    known = owned.select("station", "day", "mean_temp_c").collect()
    days = without_small_gaps(known, policy.longest_gap_days)
    return normalisation.degree_days_of_months(days, policy.degree_days, policy.base_c)


def import_temperatures(
    house: Installation, content: bytes, name: str, mode: ImportMode, *, identity: str, now: datetime
) -> ImportReport:
    """Imports a file of daily mean temperatures; a day that comes again with another value is corrected.

    Args:
        house: The installation.
        content: The file.
        name: Its name.
        mode: How it is imported.
        identity: Who asks; goes into the audit log.
        now: Instant of the import, UTC.

    Returns:
        What was done.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    parsed = parse_temperatures(
        content, organisation=house.organisation, now=now, source_name=name, profile=mode.profile
    )
    key = OUTDOOR_TEMPERATURES.key
    standing = house.lake.scan(OUTDOOR_TEMPERATURES).filter(pl.col("organisation") == house.organisation).collect()
    rows = parsed.rows
    # The file is no part of the value: the same temperature from another file changes nothing.
    news = rows.join(standing, on=[*key, "mean_temp_c"], how="anti")
    replaced = news.join(standing, on=key, how="semi").height
    both = rows.with_columns(source_line=parsed.source_lines).join(
        standing, on=key, suffix="_known", maintain_order="left"
    )
    report = ImportReport(
        added=news.height - replaced,
        updated=replaced,
        unchanged=rows.height - news.height,
        rejected=parsed.rejected,
        changes=changes_between(both.with_columns(entry=phrase("{} {}", "station", "day")), "entry", ["mean_temp_c"]),
        warnings=parsed.warnings,
        stored=mode.stores(parsed.rejected),
    )
    if report.stored:
        with house.registry.begin() as session:  # around the merge: one that fails leaves no event
            audit.record(
                session,
                organisation=house.organisation,
                event="temperatures.import",
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
            nothing = OUTDOOR_TEMPERATURES.empty().select(key)
            house.lake.merge(OUTDOOR_TEMPERATURES, news, stale=nothing, superseded_at=now)
    return report
