"""How messages name a row: by meter, place and instant, never by who lives there."""

from datetime import datetime

import polars as pl


def named(rows: pl.DataFrame) -> str:
    """The first of the rows in words.

    Args:
        rows: Export rows, or readings with their registers side by side; not empty.

    Returns:
        Meter, metering point, register and instant, as far as they are there.
    """
    row = rows.row(0, named=True)
    parts = [f"meter {row['meter_id']}"] if row["meter_id"] else []
    parts += [f"metering point {row['metering_point']}"] if row["metering_point"] else []
    parts += [row["register"]] if row.get("register") else []
    instant: datetime | None = row["measured_at"] or row["period_start"]
    parts += [instant.isoformat()] if instant else []
    return f"The row of {', '.join(parts)}"
