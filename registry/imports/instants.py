"""Times in registry files: ISO 8601 with an offset, or local in the utility's zone (ALGORITHMS §0)."""

from zoneinfo import ZoneInfo

import polars as pl


def instant(column: str, zone: ZoneInfo) -> pl.Expr:
    """Reads instants.

    Args:
        column: Text such as ``2026-01-31T12:00:00+01:00``, ``2026-01-31 12:00`` or ``2026-01-31``.
        zone: Zone of times without offset; of the two readings of an autumn hour the first is taken, a time that spring
            skips is moved on by the gap.

    Returns:
        UTC instants; null where the text is none, or lies outside the years 1900 to 2199.
    """
    text = pl.col(column).str.replace(" ", "T", literal=True).str.replace("Z$", "+00:00")
    aware = text.str.contains(r"T.*[+-]\d\d:?\d\d$")
    with_offset = pl.coalesce(
        pl.when(aware).then(text).str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        for form in ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")
    )
    naive = pl.coalesce(
        pl.when(~aware).then(text).str.to_datetime(form, time_unit="us", strict=False)
        for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
    )
    date = pl.when(~aware).then(text).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    wall = pl.coalesce(naive, date)
    placed = wall.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
    before = (wall - pl.duration(hours=3)).dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
    skipped = before.dt.convert_time_zone("UTC") + pl.duration(hours=3)
    found = pl.coalesce(with_offset, placed.dt.convert_time_zone("UTC"), skipped)
    return pl.when(found.dt.year().is_between(1900, 2199)).then(found)
