"""Consumption for files: one row per metering point, local period and register."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import ReplacementPolicy
from warehouse.queries.consumption import TABLE_OF, Interval
from warehouse.queries.exported import Asked, Places, Section, shaped
from warehouse.schemas import CONSUMPTION_YEARLY, INSTANT, READINGS, REGISTER, Table
from warehouse.schemas.registers import MAIN_REGISTER_OF, UNITS
from warehouse.transforms.calendar import hours, local_days, local_months, local_years
from warehouse.transforms.replacement import worth_telling
from warehouse.versions import Past

ROWS_AT_ONCE = 200_000
"""Rows taken together; bounds the memory."""

FILLED = ("I", "E")
"""Qualities of values that were interpolated or estimated and may be replaced."""

REACH = timedelta(days=35)
"""Longest gap that is filled by default; readings on its sides are not farther away."""

Filling = Literal["none", "scheduled", "all"]
"""Which filled values go out: none, those of meters that are read on a schedule, or all."""

_FIGURE = ["metering_point", "register", "period_start"]
_COLUMNS = (*_FIGURE, "period_end", "meter_id", "unit", "consumption", "quality", "method", "known_from")


def figures(
    lake: Readable,
    asked: Asked,
    places: Places,
    interval: Interval,
    *,
    filling: Filling,
    replacement: ReplacementPolicy,
) -> Iterator[pl.DataFrame]:
    """Consumption of the asked points, in parts of whole points in their order.

    Of a period every expected row is there: one that is not known is of quality N. Of a window of knowing, rows are
    there that became known in it, those that others know already only where the policy says that they must hear of it.

    Args:
        lake: Where the tables are.
        asked: Which rows.
        places: Points and meters.
        interval: Length of the periods.
        filling: Which values that were interpolated or estimated are told; the others are missing.
        replacement: Which corrections are told.

    Yields:
        :data:`warehouse.queries.exported.ROWS`, in no certain order.
    """
    table = TABLE_OF[interval]
    passed_by = _passed_by(lake, asked) if filling == "scheduled" else None
    expected = _periods(asked, interval) if asked.known_after is None else None
    counted = _of(Past(lake, asked.as_of), table, asked).group_by("metering_point").len()
    if expected is None:
        others = _ended(lake, table, asked).group_by("metering_point").len()
    else:
        others = places.spots.lazy().select("metering_point", len=pl.lit(expected.height, pl.UInt32)).unique()
    counts = pl.concat([each.collect(engine="streaming") for each in (counted, others)])
    known = (
        counts.group_by("metering_point").agg(pl.col("len").max()).join(places.spots, on="metering_point", how="semi")
    )
    for part in Section.parts(lake, known, "metering_point", ROWS_AT_ONCE):
        rows = _masked(_of(Past(part, asked.as_of), table, asked).collect(), filling, passed_by)
        if expected is None:
            rows = _news(part, table, asked, rows, filling, passed_by, replacement)
        else:
            rows = pl.concat([rows, _missing(part, asked, places, expected, rows)])
        yield shaped(places.covered(rows).rename({"consumption": "value"}))


def _of(past: Past, table: Table, asked: Asked) -> pl.LazyFrame:
    """Rows of the period, or of the window of knowing."""
    rows = past.scan(table).filter(
        pl.col("organisation") == asked.organisation, pl.col("register").is_in(asked.of(list(UNITS)))
    )
    if asked.known_after is not None:
        return rows.filter(pl.col("known_from") > asked.known_after).select(_COLUMNS)
    first, last = (f"{at:%Y-%m}" for at in (asked.start, asked.end))
    return rows.filter(
        pl.col("month").is_between(pl.lit(first), pl.lit(last)),
        pl.col("period_start").is_between(asked.start, asked.end, closed="left"),
    ).select(_COLUMNS)


def _masked(rows: pl.DataFrame, filling: Filling, passed_by: pl.Series | None) -> pl.DataFrame:
    """Takes filled values away that are not to be told; what was measured stays as it is."""
    if filling == "all":
        return rows
    hidden = pl.col("quality").is_in(FILLED)
    if passed_by is not None:
        hidden &= pl.col("meter_id").is_in(passed_by.implode())
    return rows.with_columns(
        consumption=pl.when(~hidden).then("consumption"),
        quality=pl.when(hidden).then(pl.lit("N")).otherwise("quality"),
        method=pl.when(~hidden).then("method"),
    )


def _passed_by(lake: Readable, asked: Asked) -> pl.Series:
    """Meters that are read by collectors that pass by, around the period."""
    rows = Past(lake, asked.as_of).scan(READINGS)
    rows = rows.filter(pl.col("organisation") == asked.organisation, pl.col("source") == "drive_by")
    if asked.known_after is None:
        first, last = (f"{at:%Y-%m}" for at in (asked.start - REACH, asked.end + REACH))
        rows = rows.filter(pl.col("month").is_between(pl.lit(first), pl.lit(last)))
    return rows.select("meter_id").unique().collect(engine="streaming")["meter_id"]


def _news(
    part: Section,
    table: Table,
    asked: Asked,
    rows: pl.DataFrame,
    filling: Filling,
    passed_by: pl.Series | None,
    replacement: ReplacementPolicy,
) -> pl.DataFrame:
    """What others do not know yet: rows that are new, and those that replace what they know by enough."""
    assert asked.known_after is not None  # noqa: S101  else there is no window
    gone = _vanished(part, table, asked)
    fresh = pl.concat([rows, gone])
    if fresh.is_empty():
        return fresh
    near = pl.col("period_start").is_between(fresh["period_start"].min(), fresh["period_start"].max())
    before = (
        Past(part, asked.known_after)
        .scan(table)
        .filter(pl.col("organisation") == asked.organisation, near)
        .select(_COLUMNS)
        .join(fresh.lazy().select(_FIGURE), on=_FIGURE, how="semi")
        .collect()
    )
    old = _masked(before, filling, passed_by).select(*_FIGURE, old_consumption="consumption", old_quality="quality")
    compared = fresh.join(old, on=_FIGURE, how="inner").with_columns(
        new_consumption="consumption", new_quality="quality"
    )
    told = worth_telling(
        compared,
        least_absolute=replacement.least_absolute,
        least_percent=replacement.least_percent,
        better_quality=replacement.better_quality,
    )
    return pl.concat([fresh.join(old, on=_FIGURE, how="anti"), told.select(fresh.columns)])


def _vanished(part: Section, table: Table, asked: Asked) -> pl.DataFrame:
    """Rows that stood before the window and have no successor: they are missing now."""
    standing = Past(part, asked.as_of).scan(table).filter(organisation=asked.organisation).select(_FIGURE)
    gone = (
        _ended(part, table, asked)
        .join(standing, on=_FIGURE, how="anti")
        .with_columns(
            known_from="known_to",
            consumption=pl.lit(None, REGISTER),
            quality=pl.lit("N"),
            method=pl.lit(None, pl.String),
        )
    )
    return gone.select(_COLUMNS).collect()


def _ended(lake: Readable, table: Table, asked: Asked) -> pl.LazyFrame:
    """The last versions of rows that stood before the window and ended in it."""
    assert table.history is not None  # noqa: S101  figures keep their versions
    return (
        lake.scan(table.history)
        .filter(
            pl.col("organisation") == asked.organisation,
            pl.col("register").is_in(asked.of(list(UNITS))),
            pl.col("known_from") <= asked.known_after,
            pl.col("known_to") > asked.known_after,
            pl.col("known_to") <= asked.as_of,
        )
        .sort("known_to")
        .unique(_FIGURE, keep="last")
    )


def _periods(asked: Asked, interval: Interval) -> pl.DataFrame:
    """Local periods that begin in the asked one and were over when the rows were known: ``start``, ``end``."""
    first, last = (at.astimezone(asked.zone).date() for at in (asked.start, asked.end))
    if interval == "hourly":
        found = hours(local_days(first, last, asked.zone))
    else:
        listed = {"daily": local_days, "monthly": local_months, "yearly": local_years}[interval]
        found = listed(first, last, asked.zone)
    inside = pl.col("start").is_between(asked.start, asked.end, closed="left") & (pl.col("end") <= asked.as_of)
    return found.filter(inside).select(pl.col("start", "end").cast(INSTANT))


def _missing(part: Section, asked: Asked, places: Places, periods: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of periods in which a meter was installed, and of which nothing is known.

    Expected are the registers that a point's meters have ever sent; of meters that were never heard, the main one.
    """
    spots = places.spots.filter(part.condition).join(places.meters.select("meter_id", "medium"), on="meter_id")
    ever = (
        Past(part, asked.as_of)
        .scan(CONSUMPTION_YEARLY)
        .filter(pl.col("organisation") == asked.organisation)
        .select("metering_point", "register")
        .unique()
        .collect()
    )
    usual = spots.select(
        "metering_point",
        register=pl.col("medium").replace_strict(MAIN_REGISTER_OF, default=None, return_dtype=pl.String),
    )
    expected = pl.concat([ever, usual.join(ever, on="metering_point", how="anti")]).unique()
    expected = expected.filter(pl.col("register").is_in(asked.of(list(UNITS))))
    there = spots.join(periods, how="cross").filter(
        pl.col("installed_at") < pl.col("end"),
        (pl.col("removed_at") > pl.col("start")).fill_null(value=True),
    )
    first = there.sort("installed_at").unique(["metering_point", "start"], keep="first", maintain_order=True)
    return (
        first.rename({"start": "period_start", "end": "period_end"})
        .join(expected, on="metering_point")
        .join(rows, on=_FIGURE, how="anti")
        .with_columns(
            unit=pl.col("register").replace_strict(UNITS, default=None, return_dtype=pl.String),
            consumption=pl.lit(None, REGISTER),
            quality=pl.lit("N"),
            method=pl.lit(None, pl.String),
            known_from=pl.lit(None, INSTANT),
        )
        .select(_COLUMNS)
    )
