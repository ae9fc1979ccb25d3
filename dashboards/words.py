"""Texts, numbers, dates and units as one person reads them.

A folder below ``dashboards/texts`` holds the texts of one part of the pages, a file per language in each.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import polars as pl
from babel import Locale
from babel.dates import format_date, format_time, get_day_names
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol

from registry.people.spreadsheets import number_texts
from registry.wording import Texts, read_texts
from warehouse.queries.consumption import Interval
from warehouse.schemas.registers import UNITS

FOLDER = Path(__file__).parent / "texts"

LANGUAGES = {
    "da": "Dansk",
    "de": "Deutsch",
    "en": "English",
    "fr": "Français",
    "nb": "Norsk",
    "sv": "Svenska",
}
"""Languages that the pages speak, by their own names."""

_TERRITORY = {"en": "en_GB"}
_PATTERN = {"hourly": "EEE d MMM y", "daily": "EEE d MMM y", "monthly": "MMMM y", "yearly": "y"}
_UNIT = {"m3": "m³", "degC": "°C", "m3*degC": "m³·°C", "m3/h": "m³/h", "1": ""}
_NARROW = "\N{NARROW NO-BREAK SPACE}"


class Words(Texts):
    """Texts of a language, and how numbers and times are written in it.

    Args:
        language: One of :data:`LANGUAGES`.
        timezone: The utility's zone, IANA.
    """

    def __init__(self, language: str, timezone: str) -> None:
        super().__init__(language, read_texts(language, *sorted(path for path in FOLDER.iterdir() if path.is_dir())))
        self.zone = ZoneInfo(timezone)
        self.locale = Locale.parse(_TERRITORY.get(language, language))

    @property
    def separators(self) -> str:
        """Signs before decimals and between thousands, as Plotly takes them."""
        return get_decimal_symbol(self.locale) + get_group_symbol(self.locale)

    def named(self, section: str, name: str) -> str:
        """The text of something that has a name in data; where nobody wrote one, the name as plain words."""
        return self.texts.get(f"{section}.{name}") or name.lower().replace("_", " ")

    def heading(self, column: str) -> str:
        """Heading of a table's column."""
        found = self.texts.get(f"column.{column}")
        if found is None and column in UNITS:
            found = self.register(column)
        return found or column.replace("_", " ").capitalize()

    def register(self, name: str) -> str:
        """A register's name with its unit, e.g. ``Volume (m³)``."""
        label, symbol = self.texts.get(f"register.{name}", name), self.unit(UNITS.get(name, ""))
        return f"{label} ({symbol})" if symbol else label

    def unit(self, name: str) -> str:
        """A unit as it is written, e.g. ``m³``."""
        return _UNIT.get(name, name)

    def number(self, value: Decimal | float | None, digits: int | None = None) -> str:
        """A number with the separators of the language.

        Args:
            value: The number; ``None`` is said to be unknown.
            digits: Decimals to show; ``None`` shows those there are, at most six.
        """
        if value is None:
            return self("common.unknown")
        decimals = "######" if digits is None else "0" * digits
        return format_decimal(value, f"#,##0.{decimals}".rstrip("."), locale=self.locale)

    def amount(self, value: Decimal | float | None, unit: str = "", digits: int | None = None) -> str:
        """A number with its unit, e.g. ``1 234,5 m³``; units are named as the tables name them."""
        symbol = self.unit(unit)
        return f"{self.number(value, digits)}{_NARROW}{symbol}" if symbol and value is not None else self.number(value)

    def percent(self, share: float | None, digits: int = 0) -> str:
        """A share of one as per cent."""
        return self("common.unknown") if share is None else f"{self.number(100 * share, digits)}{_NARROW}%"

    def numbers(self, values: pl.Expr) -> pl.Expr:
        """Exact numbers as :meth:`number` says them; null where they are."""
        return number_texts(values, thousands=get_group_symbol(self.locale), decimal=get_decimal_symbol(self.locale))

    def rows(self, name: str, /, **values: pl.Expr) -> pl.Expr:
        """A text per row with values filled in; null where one of them is.

        Args:
            name: Such as ``chart.point``.
            values: Texts by placeholder.
        """
        parts: list[pl.Expr] = []
        for before, placeholder, _, _ in Formatter().parse(self.texts[name]):
            parts.append(pl.lit(before))
            if placeholder is not None:
                parts.append(values[placeholder])
        return pl.concat_str(parts)

    def date(self, day: date) -> str:
        """A day, e.g. ``25 Oct 2026``."""
        return format_date(day, "medium", locale=self.locale)

    def weekday(self, number: int) -> str:
        """A day of the week; 1 is Monday."""
        return str(get_day_names("wide", "stand-alone", self.locale)[number - 1])

    def instant(self, at: datetime | None) -> str:
        """An instant in the utility's zone, e.g. ``25 Oct 2026 02:00 CEST``; ``None`` is said to be unknown."""
        if at is None:
            return self("common.unknown")
        local = at.astimezone(self.zone)
        return f"{self.date(local)} {format_time(local, 'short', locale=self.locale)} {local:%Z}"

    def instants(self, at: pl.Series) -> pl.Series:
        """Instants in the utility's zone as :meth:`instant` says them; null where they are."""
        local = at.dt.convert_time_zone(self.zone.key)
        return self._joined(local, _days(local, self.date))

    def periods(self, starts: pl.Series, interval: Interval) -> pl.Series:
        """Periods by their first instants or local days, e.g. ``Sun 25 Oct 2026``, of hours with the time."""
        local = starts if starts.dtype == pl.Date else starts.dt.convert_time_zone(self.zone.key)
        days = _days(local, lambda day: format_date(day, _PATTERN[interval], locale=self.locale))
        return self._joined(local, days) if interval == "hourly" else days

    def ticks(self, days: pl.Series) -> pl.Series:
        """Local days as short marks of an axis, e.g. ``25 Oct``."""
        return _days(days, lambda day: format_date(day, self("chart.day"), locale=self.locale))

    def _joined(self, local: pl.Series, days: pl.Series) -> pl.Series:
        minutes = local.dt.replace_time_zone(None).dt.truncate("1m").dt.time()
        known = minutes.drop_nulls().unique()
        said = [format_time(minute, "short", locale=self.locale) for minute in known]
        times = minutes.replace_strict(known, said, return_dtype=pl.String) if said else minutes.cast(pl.String)
        return pl.select(
            pl.concat_str(days, times, local.dt.strftime("%Z"), separator=" ").alias(local.name)
        ).to_series()


def _days(local: pl.Series, said: Callable[[date], str]) -> pl.Series:
    """The days of instants or dates in words, each reckoned once."""
    days = local.dt.date() if isinstance(local.dtype, pl.Datetime) else local
    known = days.drop_nulls().unique()
    if known.is_empty():
        return days.cast(pl.String)
    return days.replace_strict(known, [said(day) for day in known], return_dtype=pl.String)


@cache
def words_in(language: str, timezone: str) -> Words:
    """The words of a language, read once per process.

    Args:
        language: One of :data:`LANGUAGES`.
        timezone: The utility's zone, IANA.
    """
    return Words(language, timezone)
