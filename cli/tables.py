"""Tables on standard output: CSV with a header, for people and programs alike."""

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from registry.errors import RegistryError
from warehouse.formulas import shielded

_DELIMITERS = (",", ";", "\t")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    """Prints rows: empty where null, instants in ISO 8601 (UTC), truth values as ``true`` and ``false``.

    Texts that a spreadsheet would take for formulas are shielded.

    Args:
        columns: Names of the columns.
        rows: Their cells.
        delimiter: What stands between fields: a comma, a semicolon, or ``tab``.

    Raises:
        RegistryError: The delimiter is none of these.
    """
    mark = "\t" if delimiter == "tab" else delimiter
    if mark not in _DELIMITERS:
        raise RegistryError("The delimiter must be a comma, a semicolon or tab.")
    writer = csv.writer(sys.stdout, delimiter=mark, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)


def print_objects(columns: Sequence[str], objects: Iterable[object]) -> None:
    """Prints attributes of objects, as :func:`print_rows` does."""
    print_rows(columns, ([getattr(one, name) for name in columns] for one in objects))


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return shielded(value) if isinstance(value, str) else value
