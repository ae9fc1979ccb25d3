"""Results as bytes of a file that people and programs read: text table, CSV, JSON or Parquet.

Registers are printed as the exact decimals they are, never with an exponent; instants in ISO 8601 with their zone
(``2026-03-29T01:00:00Z``); bytes in hex.
"""

import io
import json
from typing import Literal, get_args

import polars as pl

from warehouse.formulas import shielded_texts

Format = Literal["table", "csv", "json", "parquet"]

FORMATS: tuple[Format, ...] = get_args(Format)


def render(frame: pl.DataFrame, form: Format, *, for_people: bool = False) -> bytes:
    """Writes a result.

    Args:
        frame: Any frame.
        form: ``table`` for reading (nulls as ``NULL``), ``csv`` (header, RFC 4180 quotes, empty for null), ``json``
            (an array of objects, NaN as null) or ``parquet``.
        for_people: Whether a spreadsheet may open the CSV: texts that look like formulas are shielded then.

    Returns:
        The file's bytes, text in UTF-8.

    Raises:
        ValueError: The format is none of these.
    """
    match form:
        case "table":
            return _table(frame).encode()
        case "csv":
            shown = shielded_texts(frame) if for_people else frame
            return shown.select(_text(name, dtype) for name, dtype in shown.schema.items()).write_csv().encode()
        case "json":
            return _json(frame).encode()
        case "parquet":
            buffer = io.BytesIO()
            frame.write_parquet(buffer)
            return buffer.getvalue()
        case _:
            raise ValueError(f"{form!r} is no format; choose one of {', '.join(FORMATS)}.")


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text, null where it is null."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        utc = dtype.time_zone in ("UTC", "Etc/UTC")
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if utc else "%:z"))
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    if dtype.is_nested():
        return _encoded(column)
    return column.cast(pl.String)


def _encoded(column: pl.Expr) -> pl.Expr:
    """A column's values as JSON; Polars encodes structs only."""
    whole = pl.struct(column.alias("")).struct.json_encode()
    text = whole.str.strip_prefix('{"":').str.strip_suffix("}")
    return pl.when(column.is_not_null()).then(text).name.keep()


def _json(frame: pl.DataFrame) -> str:
    members = []
    for name, dtype in frame.schema.items():
        text = _text(name, dtype)
        value: pl.Expr
        if dtype.is_float():
            value = pl.when(pl.col(name).is_finite()).then(text)
        elif dtype.is_numeric() or dtype == pl.Boolean or dtype.is_nested():
            value = text
        else:
            value = _encoded(text)
        members.append(pl.concat_str(pl.lit(json.dumps(name) + ": "), value.fill_null("null")))
    if not members:
        return "[]\n"
    rows = frame.select(pl.concat_str(pl.lit("  {"), pl.concat_str(members, separator=", "), pl.lit("}"))).to_series()
    return "[\n" + ",\n".join(rows.to_list()) + "\n]\n" if rows.len() else "[]\n"


def _table(frame: pl.DataFrame) -> str:
    if not frame.width:
        return "\n"
    texts = frame.select(
        _text(name, dtype).str.replace_all("\n", "\\n", literal=True).fill_null("NULL")
        for name, dtype in frame.schema.items()
    )
    longest = texts.select(pl.all().str.len_chars().max().fill_null(0)).row(0) if texts.height else (0,) * texts.width
    widths = {name: max(len(name), length) for name, length in zip(texts.columns, longest, strict=True)}
    header, rule, cells = [], [], []
    for name, dtype in frame.schema.items():
        right, width = dtype.is_numeric(), widths[name]
        header.append(name.rjust(width) if right else name.ljust(width))
        rule.append("-" * width)
        cells.append(pl.col(name).str.pad_start(width) if right else pl.col(name).str.pad_end(width))
    lines = texts.select(pl.concat_str(cells, separator="  ").str.strip_chars_end(" ")).to_series().to_list()
    return "\n".join(["  ".join(header).rstrip(), "  ".join(rule), *lines]) + "\n"
