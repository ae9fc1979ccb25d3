"""Groups on a day: their members, their counts, and what their collectors have read.

A member belongs to a group on a day if it does at any instant of it.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import COLLECTORS, GROUP_MEMBERS, GROUP_READERS, GROUPS, INSTALLATIONS, INSTANT, LINK_DAILY
from warehouse.transforms.calendar import local_days

_MEMBER = ("metering_point", "meter_id")


def counts(lake: Readable, organisation: str, at: datetime) -> pl.DataFrame:
    """All groups with how many members they have.

    Args:
        lake: Where the tables are.
        organisation: Whose groups.
        at: Instant at which the members count.

    Returns:
        ``group``, ``kind`` and ``members`` (points, or meters in groups of meters), by name.
    """
    present = (
        lake.scan(GROUP_MEMBERS)
        .filter(organisation=organisation)
        .filter(_overlaps(at, at))
        .group_by("group")
        .agg(members=pl.coalesce("meter_id", "metering_point").n_unique().cast(pl.Int64))
    )
    return (
        lake.scan(GROUPS)
        .filter(organisation=organisation)
        .join(present, on="group", how="left")
        .select("group", "kind", pl.col("members").fill_null(0))
        .sort("group")
        .collect()
    )


def on_day(lake: Readable, organisation: str, name: str, day: date, zone: ZoneInfo) -> pl.DataFrame:
    """The members of a group on a local day: what lists and maps of that day are limited to.

    Args:
        lake: Where the tables are.
        organisation: Whose group.
        name: Name of the group.
        day: Local day.
        zone: The utility's zone.

    Returns:
        ``metering_point`` and ``meter_id``, both of a point with its meter on that day (two rows where it was
        exchanged, null where none was installed); the point is null for meters that are installed nowhere.
    """
    start, end = _bounds(day, zone)
    chosen = (
        lake.scan(GROUP_MEMBERS)
        .filter(organisation=organisation, group=name)
        .filter(_overlaps(start, end))
        .select(_MEMBER)
    )
    points = chosen.filter(pl.col("meter_id").is_null()).select("metering_point").unique()
    there = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .filter(_overlaps(start, end, "installed_at", "removed_at"))
        .select(_MEMBER)
    )
    installed = points.join(there, on="metering_point", how="left")
    meters = chosen.filter(pl.col("meter_id").is_not_null())
    return pl.concat([installed.select(_MEMBER), meters]).unique().sort(_MEMBER).collect()


def readers(lake: Readable, organisation: str, at: datetime) -> pl.DataFrame:
    """Which collector is expected to read which group at an instant.

    Returns:
        ``collector``, ``group`` and ``valid_from``, by collector.
    """
    return (
        lake.scan(GROUP_READERS)
        .filter(organisation=organisation)
        .filter(_overlaps(at, at))
        .select("collector", "group", "valid_from")
        .sort("collector")
        .collect()
    )


def collectors(lake: Readable, organisation: str) -> list[str]:
    """All collectors by name."""
    rows = lake.scan(COLLECTORS).filter(organisation=organisation).select("collector").unique().sort("collector")
    return rows.collect()["collector"].to_list()


def read_by(lake: Readable, organisation: str, collector: str, day: date, zone: ZoneInfo) -> pl.DataFrame:
    """What a collector is expected to read on a local day, and what it heard.

    Returns:
        ``group``, ``metering_point``, ``meter_id`` and ``receptions`` (0 where it heard nothing of the meter), by group
        and point; none where it is not assigned to a group.
    """
    start, end = _bounds(day, zone)
    assigned = (
        lake.scan(GROUP_READERS)
        .filter(organisation=organisation, collector=collector)
        .filter(_overlaps(start, end))
        .select("group")
        .unique()
        .collect()["group"]
    )
    expected = [
        on_day(lake, organisation, name, day, zone).select(pl.lit(name).alias("group"), *_MEMBER)
        for name in assigned.sort()
    ]
    none = pl.DataFrame(schema=dict.fromkeys(("group", *_MEMBER), pl.String))
    heard = (
        lake.scan(LINK_DAILY)
        .filter(organisation=organisation, collector=collector)
        .filter(pl.col("day") == day)
        .group_by("meter_id")
        .agg(pl.col("receptions").sum().cast(pl.Int64))
        .collect()
    )
    return (
        pl.concat([none, *expected])
        .join(heard, on="meter_id", how="left", maintain_order="left")
        .with_columns(pl.col("receptions").fill_null(0))
    )


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Start and end of a local day; null for a date that the zone skipped, of which nobody is a member."""
    days = local_days(day, day, zone)
    return (days["start"][0], days["end"][0]) if days.height else (None, None)


def _overlaps(
    start: datetime | None, end: datetime | None, begins: str = "valid_from", ends: str = "valid_to"
) -> pl.Expr:
    """Whether a row's period has an instant of ``[start, end)``; of the instant itself where both are the same."""
    begun = pl.col(begins) <= pl.lit(end, INSTANT) if start == end else pl.col(begins) < pl.lit(end, INSTANT)
    return begun & (pl.col(ends) > pl.lit(start, INSTANT)).fill_null(value=True)
