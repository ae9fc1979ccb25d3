"""The form that all figures share before they are stored."""

from dataclasses import replace

import polars as pl

from warehouse.schemas import Table
from warehouse.transforms.calendar import month


def shape(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Brings rows into a figure table's columns and types, without ``known_from``, which whoever stores them adds.

    Args:
        table: Table of figures.
        rows: Its columns. Where the table has a ``month`` and the rows a ``day`` only, the month is the day's own.

    Returns:
        The table's columns but ``known_from``, in its order of rows.

    Raises:
        SchemaError: A column is missing, does not cast without loss, or holds a null it may not hold.
    """
    if "month" in table.schema and "month" not in rows.columns:
        rows = rows.with_columns(month=month(pl.col("day")))
    columns = tuple(column for column in table.columns if column.name != "known_from")
    return (
        replace(table, columns=columns, versioned=False, known_since=None, history=None)
        .conform(rows)
        .sort("organisation", *table.sort_by)
    )
