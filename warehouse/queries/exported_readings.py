"""Readings for files: one row per meter, time and register, with what rules and people made of it."""

from collections.abc import Iterator

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.exported import ROWS, Asked, Places, Section, shaped
from warehouse.schemas import FINAL_READINGS, READINGS, REGISTER, VEE_EXCEPTIONS
from warehouse.schemas.registers import REGISTERS, UNITS
from warehouse.transforms.validation.catalogue import WHOLE
from warehouse.transforms.validation.effects import of_stored
from warehouse.versions import Past

READINGS_AT_ONCE = 100_000
"""Readings taken together; bounds the memory."""

_READING = ("meter_id", "measured_at", "received_at", "quality", "source")
_VALUE = ["meter_id", "measured_at", "register"]


def readings(lake: Readable, asked: Asked, places: Places) -> Iterator[pl.DataFrame]:
    """Readings of the asked meters, in parts of whole meters.

    A value that validation does not let count is missing with quality R; one that a person gave stands in its place
    with quality X. Of a window of knowing, a value goes that had not been known before as it is, or that a person gave
    since then.

    Args:
        lake: Where the tables are.
        asked: Which rows.
        places: Points and meters.

    Yields:
        :data:`warehouse.queries.exported.ROWS`, in no certain order.
    """
    past = Past(lake, asked.as_of)
    counts = _new(past, asked).group_by("meter_id").len().collect(engine="streaming")
    counts = pl.concat([counts, _edited(past, asked).group_by("meter_id").len().collect()])
    known = counts.group_by("meter_id").agg(pl.col("len").sum()).join(places.meters, on="meter_id", how="semi")
    if places.members is not None:
        known = known.join(places.spots, on="meter_id", how="semi")
    for part in Section.parts(lake, known, "meter_id", READINGS_AT_ONCE):
        yield _values(part, asked, places)


def last_of(rows: pl.DataFrame) -> pl.DataFrame:
    """The last value of each register of a meter at a point that counts."""
    of_register = ["metering_point", "meter_id", "register"]
    counted = rows.filter(pl.col("quality") != "R")
    return counted.sort("measured_at").unique(of_register, keep="last", maintain_order=True)


def final_readings(lake: Readable, asked: Asked, places: Places) -> pl.DataFrame:
    """Registers read for final settlements in the period, at an exchange or when a customer moved out.

    Returns:
        :data:`warehouse.queries.exported.ROWS`; ``method`` says which.
    """
    rows = (
        Past(lake, asked.as_of)
        .scan(FINAL_READINGS)
        .filter(organisation=asked.organisation)
        .filter(
            pl.col("read_at").is_between(asked.start, asked.end, closed="left"),
            pl.col("register").is_in(asked.of(list(UNITS))),
        )
        .collect()
    )
    rows = places.covered(rows)
    return shaped(
        rows.rename({"read_at": "measured_at"}).with_columns(
            quality=pl.lit("M"), method=pl.col("cause").str.to_uppercase()
        )
    )


def _new(past: Past, asked: Asked) -> pl.LazyFrame:
    """Readings that were known, of the period or of the window of knowing."""
    noted, landed, at = pl.col("known_from"), pl.col("landed_at"), pl.col("measured_at")
    # In this form, and not as one column, files are skipped by it.
    rows = past.scan(READINGS).filter(
        pl.col("organisation") == asked.organisation, noted.is_null() | (noted <= asked.as_of)
    )
    if asked.known_after is not None:
        return rows.filter((noted > asked.known_after) | (noted.is_null() & (landed > asked.known_after)))
    months = pl.col("month").is_between(pl.lit(f"{asked.start:%Y-%m}"), pl.lit(f"{asked.end:%Y-%m}"))
    return rows.filter(months, at.is_between(asked.start, asked.end, closed="left"))


def _exceptions(past: Past, asked: Asked) -> pl.LazyFrame:
    """Questioned values of the period; of a window of knowing those of all times."""
    rows = past.scan(VEE_EXCEPTIONS).filter(pl.col("organisation") == asked.organisation)
    if asked.known_after is not None:
        return rows
    return rows.filter(pl.col("at").is_between(asked.start, asked.end, closed="left"))


def _edited(past: Past, asked: Asked) -> pl.LazyFrame:
    """Values that people gave, of the period or of the window of knowing."""
    rows = _exceptions(past, asked).filter(pl.col("state") == "overridden")
    return rows if asked.known_after is None else rows.filter(pl.col("known_from") > asked.known_after)


def _values(part: Section, asked: Asked, places: Places) -> pl.DataFrame:
    past = Past(part, asked.as_of)
    rows = _long(_new(past, asked), asked)
    if asked.known_after is not None and rows.height:
        rows = rows.join(_told_before(part, asked, rows), on=[*_VALUE, "value", "quality"], how="anti")
    questioned = _exceptions(past, asked).collect()
    found = of_stored(questioned).rename({"at": "measured_at"})
    given = _given(found, questioned, rows, asked)
    standing = _rejecting(rows, found).join(given, on=_VALUE, how="anti")
    both = pl.concat([shaped(standing), shaped(given)]).drop("metering_point")
    return places.placed(both).select(list(ROWS))


def _rejecting(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Takes away values that do not count, so that nobody bills them who does not look at the quality."""
    gone = found.filter(pl.col("effect") == "exclude")
    wholly = gone.filter(pl.col("register") == WHOLE).select("meter_id", "measured_at").unique()
    singly = gone.filter(pl.col("register") != WHOLE).select(_VALUE).unique()
    hit = pl.lit(value=True)
    marked = rows.join(wholly.with_columns(_wholly=hit), on=["meter_id", "measured_at"], how="left").join(
        singly.with_columns(_singly=hit), on=_VALUE, how="left"
    )
    is_gone = pl.any_horizontal(pl.col("_wholly", "_singly").is_not_null()) | (pl.col("quality") == "R")
    return marked.with_columns(
        quality=pl.when(is_gone).then(pl.lit("R")).otherwise("quality"), value=pl.when(~is_gone).then("value")
    ).drop("_wholly", "_singly")


def _given(found: pl.DataFrame, questioned: pl.DataFrame, rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Values that people gave; of a window of knowing those given in it, and those of readings that came in it."""
    decided = questioned.filter(pl.col("state") == "overridden").select(
        "meter_id", "register", "rule", "known_from", measured_at="at"
    )
    given = (
        found.filter(pl.col("effect") == "replace", pl.col("register").is_in(asked.of(list(UNITS))))
        .drop("effect")
        .join(decided, on=_VALUE)
        .sort("known_from", "rule")
        .unique(_VALUE, keep="last", maintain_order=True)
        .with_columns(quality=pl.lit("X"), method=pl.lit("EDITED"))
    )
    read = given.join(rows.select(*_VALUE, "received_at", "source", _read=pl.lit(value=True)), on=_VALUE, how="left")
    if asked.known_after is not None:
        read = read.filter((pl.col("known_from") > asked.known_after) | pl.col("_read").is_not_null())
    return read.with_columns(pl.col("source").fill_null("manual"))


def _long(rows: pl.LazyFrame, asked: Asked) -> pl.DataFrame:
    """One row per register that has a value."""
    wanted = [register for register in REGISTERS if register.name in asked.of(list(UNITS))]
    values = [
        pl.col(one.name) if one.kind == "cumulative" else pl.col(one.name).round(6).cast(REGISTER) for one in wanted
    ]
    since = pl.coalesce("known_from", "landed_at").alias("known_from")
    wide = rows.select(*_READING, since, *values).collect()
    there = [one.name for one in wanted if wide[one.name].null_count() < wide.height]
    if not there:
        return wide.select(
            *_READING, "known_from", register=pl.lit(None, pl.String), value=pl.lit(None, REGISTER)
        ).clear()
    return wide.unpivot(there, index=[*_READING, "known_from"], variable_name="register").drop_nulls("value")


def _told_before(part: Section, asked: Asked, rows: pl.DataFrame) -> pl.DataFrame:
    """Values that were known before the window as they are now: another register of the reading changed."""
    assert asked.known_after is not None  # noqa: S101  else there is no window
    near = pl.col("measured_at").is_between(rows["measured_at"].min(), rows["measured_at"].max())
    noted = pl.col("known_from")
    before = (
        Past(part, asked.known_after)
        .scan(READINGS)
        .filter(pl.col("organisation") == asked.organisation, near, noted.is_null() | (noted <= asked.known_after))
    )
    same = before.join(rows.lazy().select("meter_id", "measured_at"), on=["meter_id", "measured_at"], how="semi")
    return _long(same, asked)
