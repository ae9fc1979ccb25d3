"""A row per reading: the registers of a meter at an instant, or in a period, side by side."""

from collections.abc import Sequence

import polars as pl

from exports.columns import OWN, own_of, register_of
from exports.errors import ExportError
from exports.naming import named

_KEYS = ("metering_point", "meter_id", "measured_at", "period_start", "period_end")


def side_by_side(rows: pl.DataFrame, variables: Sequence[str]) -> pl.DataFrame:
    """Turns registers into columns.

    Args:
        rows: Export rows that hold whole metering points.
        variables: What is asked for: ``volume_m3``, ``volume_m3.quality``, ``serial``.

    Returns:
        One row per metering point, meter and instant or period, in this order: the keys, and a column per variable,
        null where the register has no row there.

    Raises:
        ExportError: A register has two rows for the same meter and instant, so that one would be lost.
    """
    twice = rows.select(*_KEYS, "register").is_duplicated()
    if twice.any():
        raise ExportError(f"{named(rows.filter(twice))} is there twice; a row per reading has place for one of them.")
    order = [*_KEYS]
    own = [variable for variable in variables if register_of(variable)]
    shared = [name for name in rows.columns if name not in OWN and name not in order and name in variables]
    wide = rows.select(*order, *shared).unique(order, keep="first")
    for register in dict.fromkeys(register_of(variable) for variable in own):
        columns = {name: pl.col(own_of(name)) for name in own if register_of(name) == register}
        part = rows.filter(pl.col("register") == register).select(*order, **columns)
        wide = wide.join(part, on=order, how="left", nulls_equal=True, validate="1:1")
    return wide.sort(order)
