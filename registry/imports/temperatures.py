"""Files of outdoor temperatures: the daily means of weather stations."""

from datetime import datetime

import polars as pl

from registry.csv_table import reject, reject_repeats, split
from registry.imports.parsed import ParsedRows
from registry.profiles import Profile, read_lines, shipped_profiles
from warehouse.schemas import OUTDOOR_TEMPERATURES

COLDEST_C, WARMEST_C = -60.0, 55.0
"""Daily means beyond these are no weather."""


def parse_temperatures(
    content: bytes, *, organisation: str, now: datetime, source_name: str, profile: Profile | None = None
) -> ParsedRows:
    """Reads a file of temperatures; whoever calls writes them to the lake.

    Args:
        content: The file.
        organisation: Who uses them.
        now: Instant of the import.
        source_name: Name of the file.
        profile: How to read it; by default the predefined one.

    Returns:
        Rows of ``outdoor_temperatures``.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    lines = read_lines(content, source_name, profile or shipped_profiles()["temperatures"])
    day = pl.col("day").str.to_date("%Y-%m-%d", strict=False)
    value = pl.col("outdoor_temp_c").cast(pl.Float64, strict=False)
    table = reject(
        lines.table,
        [
            (pl.col("station").is_null(), "station is missing"),
            (day.is_null(), "day is no day such as 2026-01-31"),
            (day > now.date(), "day lies in the future"),
            (value.is_null(), "outdoor_temp_c is no number"),
            (~value.is_between(COLDEST_C, WARMEST_C), f"no day has a mean beyond {COLDEST_C:g} or {WARMEST_C:g} degC"),
        ],
    )
    table = reject_repeats(table, ["station", "day"], "the station's day stands in an earlier line")
    good, rejected = split(table)
    rows = good.select(
        "station",
        organisation=pl.lit(organisation),
        day=day,
        mean_temp_c=value,
        source=pl.lit(source_name),
        known_from=pl.lit(now),
    )
    return ParsedRows(OUTDOOR_TEMPERATURES.conform(rows), good["source_line"], rejected, lines.warnings)
