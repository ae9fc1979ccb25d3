"""Which part of a table an operation touches, as one predicate in Polars and in Delta's SQL.

Both forms name the same rows: what is read, changed and written back is exactly what the commit replaces.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from warehouse.schemas import INSTANT, Table

Bound = str | datetime | date


@dataclass(frozen=True, slots=True)
class Box:
    """A block of rows: some partitions, and a closed range in each of some columns.

    Attributes:
        partitions: Per partition column the values it may have.
        ranges: Per column its lowest and highest value.
    """

    partitions: Mapping[str, tuple[Bound, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Bound, Bound]] = field(default_factory=dict)

    @property
    def expression(self) -> pl.Expr:
        """The block as a Polars filter."""
        inside = [pl.col(name).is_in(list(values)) for name, values in self.partitions.items()]
        between = [pl.col(name).is_between(pl.lit(low), pl.lit(high)) for name, (low, high) in self.ranges.items()]
        return pl.all_horizontal(pl.lit(value=True), *inside, *between)

    @property
    def sql(self) -> str:
        """The block as a predicate of Delta's SQL; instants and dates are quoted, as delta-rs wants them."""
        inside = [
            f'"{name}" in ({", ".join(_literal(value) for value in values)})'
            for name, values in self.partitions.items()
        ]
        between = [
            f'"{name}" >= {_literal(low)} and "{name}" <= {_literal(high)}' for name, (low, high) in self.ranges.items()
        ]
        return " and ".join([*inside, *between]) or "true"


def covering(table: Table, rows: pl.DataFrame) -> Box:
    """The smallest block that holds all rows.

    Args:
        table: Their table.
        rows: At least one row with the table's columns.

    Returns:
        Its partitions and the ranges of the leading sort column and of the instants and dates in key and order.
    """
    names = [name for name in bounded_by(table) if not rows[name].has_nulls()]
    return Box(
        partitions={name: tuple(rows[name].unique().sort()) for name in table.partition_by},
        ranges={name: (_bound(rows[name].min()), _bound(rows[name].max())) for name in names},
    )


def bounded_by(table: Table) -> list[str]:
    """Columns of which :func:`covering` gives ranges; a row's key determines what they hold."""
    leading = [name for name in table.sort_by[:1] if table.schema[name] == pl.String]
    times = [name for name in (*table.sort_by, *table.key) if table.schema[name] in (INSTANT, pl.Date)]
    return [name for name in dict.fromkeys([*leading, *times]) if name not in table.partition_by]


def inside(boxes: Iterable[Box]) -> pl.Expr:
    """Condition that holds for the rows of any of some blocks; of none for no row."""
    return pl.any_horizontal(pl.lit(value=False), *(box.expression for box in boxes))


def _bound(value: object) -> Bound:
    if not isinstance(value, str | date):
        raise TypeError(f"{value!r} bounds no range")
    return value


def _literal(value: Bound) -> str:
    if isinstance(value, datetime):
        return f"'{value.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}'"
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"
