"""A frame as an Excel workbook of one sheet."""

import io
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import polars as pl
import xlsxwriter

MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""

_MOST_LETTERS = 32_767
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
"""A row at a time, and texts are texts whatever they begin with."""


def workbook(frame: pl.DataFrame, headings: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Writes a workbook.

    Numbers are numbers (a spreadsheet keeps 15 digits of a decimal), days and instants are dates, texts are texts
    whatever they begin with, null is an empty cell. An instant is the clock time of its column's zone, which the
    heading names: workbooks know no zones, so that the two hours of the autumn change look alike.

    Args:
        frame: At most :data:`MOST_ROWS` rows.
        headings: Text by column; a column without one has its name.

    Returns:
        The file.

    Raises:
        ValueError: There are more rows than a sheet has.
    """
    if frame.height > MOST_ROWS:
        raise ValueError(f"A sheet has {MOST_ROWS:,} rows at most, and the result {frame.height:,}.")
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, _OPTIONS) as book:
        sheet = book.add_worksheet("Meterhouse")
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for place, (name, dtype) in enumerate(frame.schema.items()):
            sheet.write_string(0, place, headings.get(name, name) + _zone(dtype), bold)
        day, instant = (book.add_format({"num_format": text}) for text in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"))
        plain = frame.select(_plain(name, dtype) for name, dtype in frame.schema.items())
        writers = []
        for dtype in plain.dtypes:
            if dtype.is_temporal():
                writers.append(partial(sheet.write_datetime, cell_format=day if dtype == pl.Date else instant))
            elif dtype == pl.Boolean:
                writers.append(sheet.write_boolean)
            else:
                writers.append(sheet.write_number if dtype.is_numeric() else sheet.write_string)
        for line, row in enumerate(plain.iter_rows(), 1):
            for place, value in enumerate(row):
                if value is not None:
                    writers[place](line, place, value)
    return made.getvalue()


def _zone(dtype: pl.DataType) -> str:
    return f" ({dtype.time_zone})" if isinstance(dtype, pl.Datetime) and dtype.time_zone else ""


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as what a cell can hold."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.replace_time_zone(None)
    if dtype.is_float():
        return pl.when(column.is_finite()).then(column)
    if dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    if isinstance(dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(", ")
    if dtype.is_nested():
        return column.struct.json_encode()
    return column.str.slice(0, _MOST_LETTERS) if dtype == pl.String else column
