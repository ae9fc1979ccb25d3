"""Rows of the registry on standard output."""

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime


def write_rows(columns: Sequence[str], rows: Iterable[object]) -> None:
    """Writes rows as CSV with a header: attributes of objects, empty where null, instants in ISO 8601."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = (getattr(row, name) for name in columns)
        writer.writerow([value.isoformat() if isinstance(value, datetime) else value for value in values])
