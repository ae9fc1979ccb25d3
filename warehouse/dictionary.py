"""The data dictionary: every published table and column, from the declarations."""

import polars as pl

from warehouse.schemas import TABLES, Table
from warehouse.versions import is_history

_TYPES: dict[object, str] = {
    pl.String: "text",
    pl.Binary: "bytes",
    pl.Boolean: "truth value",
    pl.Int16: "integer (16 bit)",
    pl.Int32: "integer (32 bit)",
    pl.Int64: "integer (64 bit)",
    pl.Float64: "floating point (64 bit)",
    pl.Date: "date",
    pl.Datetime("us", "UTC"): "instant (UTC, microseconds)",
    pl.Datetime("us"): "local date and time",
}

_HEAD = """# Tables

Every table that `meterhouse sql`, the catalogue file and auditors see. This page is written by
`meterhouse dictionary --format markdown`; its source are the declarations in `warehouse/schemas/`.

Keys are bold. A column may be empty only where it says so. What `--as-of` shows of each table stands above its columns;
a history has the columns of its table and is not repeated here, but for what it has in addition.
"""


def dictionary() -> pl.DataFrame:
    """The published columns.

    Returns:
        One row per column in the order of the declarations: ``table``, ``grain`` (what a row is), ``as_of`` (what is
        shown of the table as of an instant), ``partitioned_by`` (null where it is not), ``column``, ``type``, ``unit``
        (null where there is none), ``key``, ``nullable`` and ``meaning``.
    """
    rows = [
        {
            "table": table.name,
            "grain": table.meaning,
            "as_of": as_of(table),
            "partitioned_by": ", ".join(table.partition_by) or None,
            "column": column.name,
            "type": _type(column.dtype),
            "unit": column.unit,
            "key": column.name in table.key,
            "nullable": column.nullable,
            "meaning": column.meaning,
        }
        for table in TABLES.values()
        if table.published
        for column in table.columns
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def as_of(table: Table) -> str:
    """What is shown of a table as of an instant K, in a sentence."""
    since, until = table.known_since, table.known_until
    if table.lasting:
        return "Its rows say the same for ever: as of K they all show."
    if since is None:
        return "The table does not keep what it said before; it cannot be asked as of an instant."
    if is_history(table):
        return f"As of K: rows with {since} <= K and {until} <= K."
    if until is not None:
        return f"As of K: rows with {since} <= K; a later {until} is empty."
    if table.history is None:
        return f"As of K: rows with {since} <= K."
    replaced = f"{table.history.name} with {since} <= K < {table.history.known_until}"
    return f"As of K: rows with {since} <= K, and in their place those of {replaced}."


def markdown() -> str:
    """The dictionary as a page."""
    parts = [_HEAD]
    for table in TABLES.values():
        if not table.published:
            continue
        repeated = table.name.removesuffix("_history")
        columns = table.columns
        if is_history(table):
            columns = tuple(column for column in columns if column not in TABLES[repeated].columns)
        parts.append(f"## {table.name}\n\n{table.meaning} {as_of(table)}\n")
        parts.append("| column | type | unit | empty | meaning |\n| --- | --- | --- | --- | --- |")
        for column in columns:
            name = f"**{column.name}**" if column.name in table.key else column.name
            empty = "may be" if column.nullable else ""
            meaning = column.meaning.replace("|", "\\|").replace("*", "\\*")
            parts.append(f"| {name} | {_type(column.dtype)} | {column.unit or ''} | {empty} | {meaning} |")
        parts.append("")
    return "\n".join(parts)


def _type(dtype: pl.DataType | type[pl.DataType]) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"decimal ({dtype.precision}, {dtype.scale})"
    return _TYPES[dtype]
