"""Times in registry files: ISO 8601 with an offset, or local in the utility's zone (ALGORITHMS §0)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from registry.csv_table import REASON, reject
from registry.errors import RegistryError
from warehouse.schemas.instants import AMBIGUOUS, instants, is_twice, names_offset

YEARS = (1900, 2199)


def place(
    table: pl.DataFrame, column: str, zone: ZoneInfo, series: pl.Expr | None = None, *, optional: bool = False
) -> pl.DataFrame:
    """Reads the instants of lines.

    Args:
        table: Lines in file order; ``column`` holds text such as ``2026-01-31T12:00:00+01:00``, ``2026-01-31 12:00``
            or ``2026-01-31``.
        column: Name of that column.
        zone: Zone of times without offset.
        series: What lines follow one another in time of, such as a meter: the same or an earlier local time of an
            autumn hour is then its second occurrence. Without it, each such time is the first one.
        optional: Whether a line may have no time.

    Returns:
        The lines with ``at`` (UTC) and ``time_flag`` (``shifted_forward`` where spring skips the time, else null); one
        whose time cannot be read, or lies outside the years 1900 to 2199, has its reason.
    """
    text = pl.col(column)
    dated = pl.when(text.str.contains(r"^\d{4}-\d\d-\d\d$")).then(text + "T00:00").otherwise(text)
    source = pl.int_range(pl.len()).cast(pl.String) if series is None else series
    times = instants(table.select(time=dated, source=source), zone, repeats_are_later=series is not None)
    possible = pl.col("instant").dt.year().is_between(*YEARS)
    placed = table.hstack(times.with_columns(at=pl.when(possible).then("instant")).drop("instant"))
    faults = [
        (pl.col("time_fault") == AMBIGUOUS, f"{column} is an {AMBIGUOUS}"),
        (pl.col("at").is_null() & (text.is_not_null() | (not optional)), f"{column} is no time"),
    ]
    return reject(placed, faults).drop("time_fault")


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """Reads one instant.

    Args:
        text: ISO 8601, as in files.
        zone: Zone of times without offset.

    Returns:
        The instant, UTC.

    Raises:
        RegistryError: It is none, or a local time that the change of the clock skips or repeats.
    """
    placed = place(pl.DataFrame({REASON: [None], "time": [text]}, schema_overrides={REASON: pl.String}), "time", zone)
    found: datetime | None = placed["at"].item()
    if found is None or placed[REASON].item():
        raise RegistryError(f"{text!r} is no time; write it as 2026-01-31 or 2026-01-31T12:00.")
    if not names_offset(text) and (placed["time_flag"].item() or is_twice(found, zone)):
        raise RegistryError(
            f"{text!r} is a time that clocks in {zone.key} skip or show twice: write its offset, "
            "as in 2026-01-31T12:00+01:00."
        )
    return found
