"""Instants on the command line."""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from registry.csv_table import LINE, REASON
from registry.errors import RegistryError
from registry.imports.instants import place


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """Reads an instant as registry files have it.

    Args:
        text: ISO 8601, with an offset or local in the zone, e.g. ``2026-01-31T12:00:00+01:00`` or ``2026-01-31 12:00``.
        zone: The utility's zone.

    Returns:
        The instant, UTC.

    Raises:
        RegistryError: It is no time, or a local time that comes twice.
    """
    line = pl.DataFrame({LINE: [1], REASON: [None], "time": [text]}, schema_overrides={REASON: pl.String})
    reason, at = place(line, "time", zone).select(REASON, "at").row(0)
    if reason is not None or not isinstance(at, datetime):
        raise RegistryError(f"{text} is no time: give one such as 2026-01-31 12:00 or 2026-01-31T12:00:00+01:00.")
    return at
