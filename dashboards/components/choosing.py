"""One row of a result: that of the table, or else one of a list."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from dashboards.components import filters

MOST_OFFERED = 200
"""Rows that a list offers by name; others are chosen in the table beside it."""

Row = Mapping[str, Any]


def chosen_row(
    label: str,
    found: pl.DataFrame,
    chosen: pl.DataFrame,
    *,
    key: str,
    mark: Callable[[Row], str],
    named: Callable[[Row], str],
) -> dict[str, Any]:
    """The first row that is chosen in a table; where none is, one of a list.

    Args:
        label: Of the list.
        found: All rows, the most important first; at least one.
        chosen: Those of them that are chosen in the table.
        key: Parameter of the address.
        mark: What stands in the address for a row.
        named: How people call it.
    """
    if chosen.height:
        return chosen.row(0, named=True)
    offered = {mark(row): row for row in found.head(MOST_OFFERED).to_dicts()}
    return offered[filters.one_of(label, tuple(offered), key=key, named=lambda one: named(offered[one]))]
