"""Consumption of many points over one stretch of days, per consumer and in total (FEATURES REP-01, REP-02)."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.readings import among
from warehouse.queries.roles import CONSUMING
from warehouse.schemas import CONSUMPTION_DAILY, CONSUMPTION_MONTHLY, METERING_POINTS, METERS, REGISTER_EVENTS, Table
from warehouse.transforms.calendar import local_days
from warehouse.transforms.stretches import between

Limit = Literal["above", "below", "zero", "no_data"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to say.

    Attributes:
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.
        registers: Registers to report; none for all.
        limit: Which consumers are shown; ``None`` for all. ``zero`` is a known consumption of nothing, ``no_data`` one
            that is not known.
        bound: What ``above`` and ``below`` mean, in the register's unit; neither includes it.
    """

    first: date
    last: date
    zone: ZoneInfo
    registers: tuple[str, ...] = ()
    limit: Limit | None = None
    bound: Decimal = Decimal(0)


def consumption_report(
    lake: Readable, organisation: str, asked: Asked, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Consumption per metering point and register between the start of the first day and the end of the last.

    Args:
        lake: Where the tables are.
        organisation: Whose points; only those with the role ``consumption``.
        asked: Period, registers, limit.
        points: ``metering_point`` of those that count, such as a group's members; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``serial``, ``medium``, ``model``, ``register``, ``consumption``, ``unit``,
        ``quality``, ``method``, ``register_start`` and ``register_end``, by point and register.
    """
    place = lake.scan(METERING_POINTS).filter(CONSUMING, organisation=organisation).select("metering_point")
    if points is not None:
        place = place.filter(among("metering_point", points["metering_point"]))
    wanted = place.collect()
    bounds = local_days(asked.first, asked.last, asked.zone)
    start, end = bounds["start"].min(), bounds["end"].max()

    def rows(table: Table, day: date) -> pl.DataFrame:
        months = pl.col("month").is_in([f"{day - timedelta(days=1):%Y-%m}", f"{day:%Y-%m}"])
        kept = lake.scan(table).filter(organisation=organisation).filter(months, pl.col("day") == day)
        return _of(kept, wanted, asked.registers)

    closes_month = (asked.last + timedelta(days=1)).day == 1
    opening = rows(CONSUMPTION_MONTHLY if asked.first.day == 1 else CONSUMPTION_DAILY, asked.first)
    closing = (
        rows(CONSUMPTION_MONTHLY, asked.last.replace(day=1)) if closes_month else rows(CONSUMPTION_DAILY, asked.last)
    )
    breaks = lake.scan(REGISTER_EVENTS).filter(organisation=organisation)
    events = _of(breaks.filter(pl.col("at") > start, pl.col("at") <= end), wanted, asked.registers)
    meters = lake.scan(METERS).filter(organisation=organisation).select("meter_id", "serial", "medium", "model")
    found = between(opening, closing, events).join(meters.collect(), on="meter_id", how="left", maintain_order="left")
    return limited(found, asked).select(
        *("metering_point", "meter_id", "serial", "medium", "model", "register", "consumption", "unit", "quality"),
        *("method", "register_start", "register_end"),
    )


def totals(report: pl.DataFrame) -> pl.DataFrame:
    """The report's last lines: what all of it comes to.

    Args:
        report: From :func:`consumption_report`.

    Returns:
        ``register``, ``unit``, ``consumption`` (exact sum of what is known; null where nothing is), ``points``
        and ``missing`` (points without a known consumption), by register.
    """
    consumption = pl.col("consumption")
    return (
        report.group_by("register", "unit")
        .agg(
            pl.when(consumption.count() > 0).then(consumption.sum()).cast(report.schema["consumption"]),
            points=pl.col("metering_point").n_unique().cast(pl.Int64),
            missing=consumption.null_count().cast(pl.Int64),
        )
        .sort("register")
    )


def _of(rows: pl.LazyFrame, points: pl.DataFrame, registers: tuple[str, ...]) -> pl.DataFrame:
    if registers:
        rows = rows.filter(pl.col("register").is_in(registers))
    return rows.join(points.lazy(), on="metering_point", how="semi").collect()


def limited(found: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """The rows of a report that a limit lets through.

    Args:
        found: From :func:`consumption_report`, without a limit.
        asked: The limit and what it means.
    """
    consumption = pl.col("consumption")
    bound = pl.lit(asked.bound).cast(found.schema["consumption"])
    return {
        None: found,
        "above": found.filter(consumption > bound),
        "below": found.filter(consumption < bound),
        "zero": found.filter(consumption == 0),
        "no_data": found.filter(consumption.is_null()),
    }[asked.limit]
