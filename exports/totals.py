"""What lines after the rows tell of them: how many there are, and sums of their numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from exports.columns import Column, register_of
from exports.templates import Value, places_of
from exports.texts import Number

_SUM = "sum."


@dataclass(slots=True)
class Totals:
    """Counts of rows, and sums by register of the numbers as they stand in the file.

    Attributes:
        numbers: The numbers that are summed, by register.
        rows: How many rows there were.
        sums: Whole numbers by register.
    """

    numbers: Mapping[str, Number]
    rows: int = 0
    sums: Counter[str] = field(default_factory=Counter)

    def add(self, rows: pl.DataFrame) -> None:
        """Adds rows: export rows, or readings with their registers side by side."""
        self.rows += rows.height
        for register, number in self.numbers.items():
            of_it = rows.filter(register=register) if "register" in rows.columns else rows
            self.sums[register] += of_it.select(number.whole.cast(pl.Int128).sum()).item()

    def values(self) -> dict[str, Value]:
        """What places may name."""
        exact = {name: Decimal(self.sums[name]).scaleb(-number.decimals) for name, number in self.numbers.items()}
        short = {name: value.normalize() if self.numbers[name].is_short else value for name, value in exact.items()}
        return {"rows": self.rows, **{f"{_SUM}{name}": value for name, value in short.items()}}


def summed(lines: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Registers whose sums lines ask for.

    Args:
        lines: Templates.
        columns: Columns of the rows.

    Returns:
        The place of the first column that has the numbers, by register.

    Raises:
        ValueError: No column has them.
    """
    asked = sorted({name.removeprefix(_SUM) for line in lines for name in places_of(line) if name.startswith(_SUM)})
    shown: dict[str, int] = {}
    for place, column in enumerate(columns):
        if column.variable is not None and column.kind == "number":
            shown.setdefault(register_of(column.variable) or column.variable, place)
    absent = [name for name in asked if name not in shown and "value" not in shown]
    if absent:
        raise ValueError(f"no column has the numbers that {{{_SUM}{absent[0]}}} is the sum of")
    return {name: shown[name] if name in shown else shown["value"] for name in asked}
