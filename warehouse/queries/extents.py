"""Where the first and the last rows are: tables grow for years, and their ends lie in few partitions."""

from datetime import date

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import Table


def newest(lake: Readable, table: Table, condition: pl.Expr) -> str | date | None:
    """The newest partition that holds rows of a condition; the last one is looked into before all others.

    Args:
        lake: Where the tables are.
        table: A table with partitions.
        condition: Of columns of the table.

    Returns:
        The partition, as the table's column has it: a month, or a day; ``None`` where no row is of that kind.
    """
    name, partitions = _partitions(lake, table)
    return _outermost(lake, table, condition, pl.col(name).max(), partitions[-1:], partitions[:-1])


def first_and_last_day(lake: Readable, table: Table, organisation: str) -> tuple[date, date] | None:
    """First and last local day of which a table has rows.

    Args:
        lake: Where the tables are.
        table: One with ``day``, and a partition per ``month`` of it.
        organisation: Whose rows.

    Returns:
        Both days; ``None`` where there are no rows.
    """
    own, day = pl.col("organisation") == organisation, pl.col("day")
    _, partitions = _partitions(lake, table)
    first = _outermost(lake, table, own, day.min(), partitions[:1], partitions[1:])
    last = _outermost(lake, table, own, day.max(), partitions[-1:], partitions[:-1])
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None


def _partitions(lake: Readable, table: Table) -> tuple[str, pl.Series]:
    (name,) = table.partition_by
    found = pl.Series(name, lake.partitions(table), pl.String)
    return name, found.str.to_date() if table.schema[name] == pl.Date else found


def _outermost(
    lake: Readable, table: Table, condition: pl.Expr, end: pl.Expr, *partitions: pl.Series
) -> str | date | None:
    """An end of the rows in the first of several lists of partitions that has any."""
    for some in partitions:
        rows = lake.scan(table).filter(pl.col(some.name).is_in(some.implode()), condition)
        found: str | date | None = rows.select(end).collect().item()
        if found is not None:
            return found
    return None
