"""How a person's files are written: language, delimiter and separators."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from registry.people.errors import PeopleError
from warehouse.formulas import shielded

LANGUAGES = ("da", "de", "en", "es", "fr", "nb", "sv")
DELIMITERS = (",", ";", "\t", "|")
THOUSANDS = ("", ",", ".", " ", "'")
DECIMALS = (".", ",")


@dataclass(frozen=True, slots=True)
class Locale:
    """Language and number format of one person.

    Attributes:
        language: One of :data:`LANGUAGES`.
        csv_delimiter: What stands between the fields of a CSV file.
        thousands_separator: What stands between groups of three digits; empty for nothing.
        decimal_separator: What stands before the decimals.
    """

    language: str = "en"
    csv_delimiter: str = ","
    thousands_separator: str = ""
    decimal_separator: str = "."

    def __post_init__(self) -> None:
        for value, name, offered in (
            (self.language, "language", LANGUAGES),
            (self.csv_delimiter, "CSV delimiter", DELIMITERS),
            (self.thousands_separator, "thousands separator", THOUSANDS),
            (self.decimal_separator, "decimal separator", DECIMALS),
        ):
            if value not in offered:
                raise PeopleError(f"{value!r} is no {name} on offer; choose one of {', '.join(map(repr, offered))}.")
        if self.thousands_separator == self.decimal_separator:
            raise PeopleError("Thousands and decimals cannot have the same separator.", "same_separator")

    def number(self, value: Decimal | float) -> str:
        """A number with the person's separators; never in scientific notation."""
        digits = f"{Decimal(str(value)):,f}"
        return digits.translate({ord(","): self.thousands_separator, ord("."): self.decimal_separator})


MACHINE = Locale()
"""Commas between fields, a point before decimals: what programs read."""


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]], locale: Locale) -> str:
    """Writes rows as CSV in a person's format; texts that a spreadsheet would take for formulas are shielded.

    Args:
        header: Names of the columns.
        rows: Cells: text, numbers, dates and instants (ISO 8601), truth values, ``None`` (empty).
        locale: The person's format.

    Returns:
        The text of the file, lines ending in CR LF as spreadsheets expect.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=locale.csv_delimiter)
    writer.writerow(header)
    writer.writerows([_cell(value, locale) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object, locale: Locale) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return locale.number(value)
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    return shielded(str(value))
