"""Whole frames as CSV in a person's format, column by column."""

import polars as pl

from registry.people.locale import Locale
from warehouse.formulas import shielded_texts


def csv_of(frame: pl.DataFrame, locale: Locale) -> bytes:
    """Writes a frame as CSV in a person's format; texts that a spreadsheet would take for formulas are shielded.

    Args:
        frame: Texts, numbers, days, instants (ISO 8601 with the offset of their zone), truth values.
        locale: The person's format.

    Returns:
        UTF-8 with its mark, which Excel needs; lines end in CR LF; null is empty.
    """
    shown = shielded_texts(frame).select(_text(name, dtype, locale).alias(name) for name, dtype in frame.schema.items())
    text: str = shown.write_csv(separator=locale.csv_delimiter, line_terminator="\r\n", include_bom=True)
    return text.encode()


def _text(name: str, dtype: pl.DataType, locale: Locale) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if dtype.time_zone else ""))
    if isinstance(dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(", ")
    if dtype == pl.Boolean or not dtype.is_numeric():
        return column.cast(pl.String)
    number = column.cast(pl.Decimal(38, 9), strict=False) if dtype.is_float() else column
    return number_texts(number, thousands=locale.thousands_separator, decimal=locale.decimal_separator)


def number_texts(number: pl.Expr, *, thousands: str, decimal: str) -> pl.Expr:
    """Exact numbers as texts without zeros behind the last decimal that counts; null where they are.

    Args:
        number: Integers or decimals; of floats the digits that Polars writes.
        thousands: What stands between groups of three digits; empty for nothing.
        decimal: What stands before the decimals.
    """
    digits = number.cast(pl.String)
    pointed = digits.str.contains(".", literal=True)
    plain = pl.when(pointed).then(digits.str.strip_chars_end("0").str.strip_chars_end(".")).otherwise(digits)
    parts = plain.str.splitn(".", 2)
    whole, decimals = parts.struct.field("field_0"), parts.struct.field("field_1")
    if thousands:
        groups = whole.str.reverse().str.replace_all(r"([0-9]{3})", "${1}" + thousands).str.reverse()
        whole = groups.str.strip_prefix(thousands).str.replace(f"-{thousands}", "-", literal=True)
    whole_and_decimals = pl.concat_str(whole, pl.lit(decimal), decimals)
    return pl.when(decimals.is_null()).then(whole).otherwise(whole_and_decimals)
