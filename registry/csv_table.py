"""Parsing of registry files: CSV with a header, in any column order."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl

from registry.errors import RegistryError
from warehouse.formulas import bare_texts

LINE = "source_line"
REASON = "reason"


def read_table(
    content: bytes,
    name: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
    also: Callable[[str], bool] = lambda _: False,
    *,
    delimiter: str = ",",
    columns: Callable[[list[str]], list[str]] = list,
) -> pl.DataFrame:
    """Reads a CSV file into text columns.

    Args:
        content: Bytes of the file, UTF-8 with or without byte order mark.
        name: Name of the file, for messages.
        required: Columns that must be there.
        optional: Columns that may be there; null where they are not.
        also: Whether a further column is taken as it is; all others are left out.
        delimiter: What stands between the fields.
        columns: Gives the columns behind the headers, for files that spell them otherwise; empty for none.

    Returns:
        ``source_line``, ``reason`` (why a line cannot be used, else null) and the columns, trimmed, empty as null,
        without the shields of :mod:`warehouse.formulas`.

    Raises:
        RegistryError: The file is empty, no UTF-8 text, or lacks a column.
    """
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise RegistryError(f"{name} is empty.")
    if b"\0" in content:
        raise RegistryError(f"{name} is a binary file or not UTF-8; save it as CSV in UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise RegistryError(f"{name} is not UTF-8 (byte {exc.start}); save it as CSV in UTF-8.") from exc
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    header = columns([cell.strip().lower() for cell in next(_rows(reader, name), [])])
    missing = [column for column in required if column not in header]
    if missing:
        # What stands in the first line is not shown: without a header it may be a key.
        raise RegistryError(f"{name} lacks the columns {', '.join(missing)} in its first line.")
    named = [column for column in header if column]
    if len(set(named)) < len(named):
        raise RegistryError(f"{name} names a column twice.")
    lines: list[int] = []
    faults: list[str | None] = []
    cells: list[list[str]] = []
    for row in _rows(reader, name):
        if not any(cell.strip() for cell in row):
            continue
        fault = None if len(row) == len(header) else f"{len(row)} fields instead of {len(header)}"
        lines.append(reader.line_num)
        faults.append(fault)
        cells.append((row + [""] * len(header))[: len(header)])
    known = {*required, *optional}
    values_by_column = list(zip(*cells, strict=True)) if cells else [()] * len(header)
    table = pl.DataFrame(
        {
            LINE: pl.Series(lines, dtype=pl.Int64),
            REASON: pl.Series(faults, dtype=pl.String),
            **{
                column: pl.Series(values, dtype=pl.String)
                for column, values in zip(header, values_by_column, strict=True)
                if column in known or also(column)
            },
        }
    )
    absent = [pl.lit(None, pl.String).alias(column) for column in optional if column not in header]
    text_columns = bare_texts(pl.exclude(LINE, REASON).str.strip_chars()).replace("", None)
    return table.with_columns(text_columns).with_columns(absent)


def _rows(reader: Any, name: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as exc:
        raise RegistryError(f"{name} line {reader.line_num} is no CSV: {exc}.") from exc


def reject(table: pl.DataFrame, rules: Sequence[tuple[pl.Expr, str | pl.Expr]]) -> pl.DataFrame:
    """Notes the first reason that applies to each line that has none yet.

    Args:
        table: Lines.
        rules: Condition and reason; a null condition does not apply.

    Returns:
        The lines with their reasons.
    """
    reasons = [
        pl.when(condition.fill_null(value=False)).then(reason if isinstance(reason, pl.Expr) else pl.lit(reason))
        for condition, reason in rules
    ]
    return table.with_columns(pl.coalesce(REASON, *reasons).alias(REASON))


def reject_repeats(table: pl.DataFrame, columns: Sequence[str], reason: str) -> pl.DataFrame:
    """Rejects lines that repeat what an earlier good line says.

    Args:
        table: Lines.
        columns: What must not come twice.
        reason: Why.

    Returns:
        The lines with their reasons.
    """
    good = pl.col(REASON).is_null()
    again = ~pl.struct(*columns, good.alias("good")).is_first_distinct()
    return reject(table, [(good & again, reason)])


def split(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good lines without their reason, and rejected ones with nothing else."""
    bad = pl.col(REASON).is_not_null()
    return table.filter(~bad).drop(REASON), table.filter(bad).select(LINE, REASON)
