"""A row per reading: the registers of a meter at an instant, or in a period, side by side."""

from collections.abc import Sequence

import polars as pl

from exports.columns import OWN, own_of, register_of
from exports.errors import ExportError
from exports.naming import named

_INSTANTS = ("measured_at", "period_start", "period_end")
_NAMES = ("metering_point", "meter_id", *_INSTANTS)
_KEYS = ("run", *_INSTANTS)
"""A run of rows is those of one meter at one metering point."""


def side_by_side(rows: pl.DataFrame, variables: Sequence[str]) -> pl.DataFrame:
    """Turns registers into columns.

    Args:
        rows: Export rows in their order, those of a metering point all together.
        variables: What is asked for: ``volume_m3``, ``volume_m3.quality``, ``serial``.

    Returns:
        One row per metering point, meter and instant or period, in this order: what messages name it by, and a column
        per variable, null where the register has no row there.

    Raises:
        ExportError: A register has two rows for the same meter and instant, so that one would be lost.
    """
    runs = rows.with_columns(run=pl.struct("metering_point", "meter_id").rle_id())
    twice = runs.select(*_KEYS, "register").is_duplicated()
    if twice.any():
        raise ExportError(f"{named(rows.filter(twice))} is there twice; a row per reading has place for one of them.")
    shared = [name for name in rows.columns if name not in OWN and (name in _NAMES or name in variables)]
    wide = runs.select("run", *shared).unique(_KEYS, keep="first")
    own: dict[str, list[str]] = {}
    for variable in variables:
        if (register := register_of(variable)) is not None:
            own.setdefault(register, []).append(variable)
    for register, names in own.items():
        columns = {name: pl.col(own_of(name)) for name in names}
        part = runs.filter(register=register).select(*_KEYS, **columns)
        wide = wide.join(part, on=_KEYS, how="left", nulls_equal=True)
    return wide.sort(_KEYS).drop("run")
