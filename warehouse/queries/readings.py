"""The latest readings of some meters, as lists show them."""

from functools import reduce
from itertools import product
from operator import or_

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas.readings import READINGS
from warehouse.schemas.registers import CUMULATIVE, MAIN_REGISTERS, UNITS

_TELLING = ("quality", *CUMULATIVE)
_COUNTS = pl.any_horizontal(pl.col(name).is_not_null() for name in CUMULATIVE) & (pl.col("quality") != "R")

_BEGINNING = 3
"""Letters of a manufacturer (EN 62056-21)."""

_MOST_RANGES = 16
"""Of more beginnings one range is said: a filter of hundreds costs more than the files it skips."""


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
    rows = lake.scan(READINGS).filter(pl.col("organisation") == organisation)
    months, at = lake.partitions(READINGS)[::-1], pl.col("measured_at")
    found, missing = [READINGS.empty()], meters
    stages = [rows.filter(pl.col("month").is_in(some)) for some in (months[:1], months[1:2], months[2:]) if some]
    for near, is_told in product(stages, (False, True)):
        if missing.is_empty():
            break
        # Most often the last reading counts. Then times alone are read to find it; else what tells which ones count, of
        # these meters alone: as a part of the filter it would be read of all that lie between them.
        asked = near.filter(among("meter_id", missing))
        if is_told:
            asked = asked.select("meter_id", "measured_at", *_TELLING).collect().lazy().filter(_COUNTS)
        last = asked.group_by("meter_id").agg(at.max()).collect()
        if last.is_empty():
            continue
        inside = at.is_between(pl.lit(last["measured_at"].min()), pl.lit(last["measured_at"].max()))
        wanted = near.filter(among("meter_id", last["meter_id"]), inside)
        there = wanted.join(last.lazy(), on=["meter_id", "measured_at"], how="semi").collect().filter(_COUNTS)
        found.append(there)
        missing = missing.filter(~missing.is_in(there["meter_id"].implode()))
    return pl.concat(found)


def recent(lake: Readable, organisation: str, meter_id: str, count: int = 48) -> pl.DataFrame:
    """The newest readings of a meter.

    Args:
        lake: Where the tables are.
        organisation: Whose meter.
        meter_id: The meter.
        count: Readings at most.

    Returns:
        ``measured_at`` (UTC), ``quality``, ``source`` and the registers that any of them has, the newest first; months
        before the newest with a reading are not asked.
    """
    rows = lake.scan(READINGS).filter(organisation=organisation, meter_id=meter_id)
    month = rows.select(pl.col("month").max()).collect().item()
    newest = rows.clear() if month is None else rows.filter(month=month)
    found = newest.sort("measured_at", descending=True).head(count).collect()
    there = [name for name in UNITS if found[name].null_count() < found.height]
    return found.select("measured_at", "quality", "source", *there)


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
    """Membership, with the ranges said as well: files are skipped by them.

    Neighbours by serial number lie far apart where several made them, since the names of meters begin with their
    manufacturer: each beginning has a range of its own.

    Args:
        column: A column of texts.
        names: Those that are wanted, String.
    """
    runs = names.to_frame("name").group_by(pl.col("name").str.head(_BEGINNING).alias("beginning"))
    ends = runs.agg(low=pl.col("name").min(), high=pl.col("name").max()).drop_nulls()
    if ends.is_empty():
        return pl.lit(value=False)
    if ends.height > _MOST_RANGES:
        ends = ends.select(pl.col("low").min(), pl.col("high").max())
    inside = (pl.col(column).is_between(pl.lit(low), pl.lit(high)) for low, high in ends.select("low", "high").rows())
    return reduce(or_, inside) & pl.col(column).is_in(names.implode())
