"""The latest readings of some meters, as lists show them."""

from datetime import date, timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas.readings import READINGS
from warehouse.schemas.registers import CUMULATIVE, MAIN_REGISTERS, UNITS


def latest(lake: Readable, organisation: str, meters: pl.Series) -> pl.DataFrame:
    """The latest valid reading of each of some meters.

    The newest months are asked first: meters that are heard are found there, whatever the length of their history.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        meters: ``meter_id``, String; a page of them rather than a fleet.

    Returns:
        Rows of ``readings``, at most one per meter; none of meters without a reading that counts.
    """
    rows = lake.scan(READINGS).filter(
        pl.col("organisation") == organisation,
        pl.col("quality") != "R",
        pl.any_horizontal(pl.col(name).is_not_null() for name in CUMULATIVE),
    )
    newest = lake.scan(READINGS).select(pl.col("month").max()).collect().item() if meters.len() else None
    if newest is None:
        return READINGS.empty()
    before = f"{date.fromisoformat(f'{newest}-01') - timedelta(days=1):%Y-%m}"
    found, month, missing = [], pl.col("month"), meters
    for months in (month == newest, month == before, month < before):
        some = rows.filter(months, among("meter_id", missing))
        found.append(some.filter(pl.col("measured_at") == pl.col("measured_at").max().over("meter_id")).collect())
        missing = missing.filter(~missing.is_in(found[-1]["meter_id"].implode()))
        if missing.is_empty():
            break
    return pl.concat(found)


def main_registers(lake: Readable, organisation: str, meters: pl.DataFrame) -> pl.DataFrame:
    """When some meters were read last, and what their main register showed.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        meters: ``meter_id`` and ``medium``, String.

    Returns:
        ``meter_id``, ``read_at`` (UTC), ``register``, ``reading`` (Decimal, base unit) and ``reading_unit``; one row
        per meter that has a reading. Where the medium has no main register, or the reading lacks it, it is the first
        register that is there.
    """
    rows = latest(lake, organisation, meters["meter_id"]).join(meters, on="meter_id")
    usual = [
        pl.when(pl.col("medium").is_in(media) & pl.col(name).is_not_null()).then(pl.lit(name))
        for name, media in MAIN_REGISTERS.items()
    ]
    there = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in CUMULATIVE]
    named = rows.with_columns(register=pl.coalesce(*usual, *there))
    values = [pl.when(pl.col("register") == name).then(pl.col(name)) for name in CUMULATIVE]
    return named.select(
        "meter_id",
        pl.col("measured_at").alias("read_at"),
        "register",
        reading=pl.coalesce(values),
        reading_unit=pl.col("register").replace_strict(UNITS, return_dtype=pl.String),
    ).sort("meter_id")


def among(column: str, names: pl.Series) -> pl.Expr:
    """Membership, with the range said as well: files are skipped by it."""
    if names.is_empty():
        return pl.lit(value=False)
    inside = pl.col(column).is_between(pl.lit(names.min()), pl.lit(names.max()))
    return inside & pl.col(column).is_in(names.implode())
