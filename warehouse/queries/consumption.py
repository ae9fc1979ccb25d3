"""Consumption of a subject over time, with what happened to its meters.

Subjects come from :mod:`warehouse.queries.subjects`.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.readings import among, latest
from warehouse.queries.roles import consuming
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    REGISTER_EVENTS,
    Table,
)
from warehouse.schemas.registers import CUMULATIVE

Interval = Literal["hourly", "daily", "monthly", "yearly"]

TABLE_OF: dict[Interval, Table] = {
    "hourly": CONSUMPTION_HOURLY,
    "daily": CONSUMPTION_DAILY,
    "monthly": CONSUMPTION_MONTHLY,
    "yearly": CONSUMPTION_YEARLY,
}

QUALITIES = ("M", "A", "X", "F", "I", "E", "R", "N")
"""Quality letters from the best to the worst."""


def registers(lake: Readable, organisation: str, subject: pl.DataFrame) -> list[str]:
    """The registers that the subject's meters have ever sent, in the order of their declaration."""
    found = _rows(lake, CONSUMPTION_YEARLY, organisation, subject).select("register").unique().collect()["register"]
    return [name for name in CUMULATIVE if name in found]


def extent(lake: Readable, organisation: str, subject: pl.DataFrame, register: str) -> tuple[date, date] | None:
    """First and last local day of which the register's consumption is known; ``None`` where there is none."""
    days = (
        _rows(lake, CONSUMPTION_DAILY, organisation, subject)
        .filter(pl.col("register") == register, pl.col("quality") != "N")
        .select(first=pl.col("day").min(), last=pl.col("day").max())
        .collect()
    )
    first, last = days.row(0)
    return None if first is None else (first, last)


def figures(
    lake: Readable,
    organisation: str,
    subject: pl.DataFrame,
    *,
    interval: Interval,
    register: str,
    first: date,
    last: date,
) -> pl.DataFrame:
    """The stored figures of every point of a subject.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        subject: Points and the time each belongs to it.
        interval: Length of the periods.
        register: Canonical register.
        first: First local day.
        last: Last local day, included. Months and years that hold either day are shown whole.

    Returns:
        ``metering_point``, ``meter_id``, ``period_start``, ``period_end``, ``consumption``, ``unit``, ``quality``,
        ``method``, ``register_start`` and ``register_end``, by point and time. A period counts for a point that belongs
        to the subject at its start.
    """
    every = {"monthly": "1mo", "yearly": "1y"}.get(interval, "1d")
    earliest, latest = _months(first, last)
    return (
        _rows(lake, TABLE_OF[interval], organisation, subject)
        .filter(
            pl.col("register") == register,
            pl.col("month").is_between(pl.lit(earliest), pl.lit(latest)) if every == "1d" else True,
            pl.col("day") >= pl.lit(first).dt.truncate(every),
            pl.col("day") <= last,
        )
        .join(subject.lazy(), on="metering_point")
        .filter(
            (pl.col("period_start") >= pl.col("valid_from")).fill_null(value=True),
            (pl.col("period_start") < pl.col("valid_to")).fill_null(value=True),
        )
        .select(
            "metering_point",
            "meter_id",
            "period_start",
            "period_end",
            "consumption",
            "unit",
            "quality",
            "method",
            "register_start",
            "register_end",
        )
        .unique()
        .sort("metering_point", "period_start")
        .collect()
    )


def total(lake: Readable, organisation: str, subject: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """Sums the figures of several points per period; meters of districts, pressure and checks stand in no total.

    Args:
        lake: Where the tables are.
        organisation: Whose points these are.
        subject: Points and the time each belongs to it.
        figures: From :func:`figures` of the subject.

    Returns:
        ``period_start``, ``period_end``, ``consumption`` (of the points where it is known; null where it is of none),
        ``unit``, ``quality`` (the worst of those known, else ``N``), ``points`` (that belong to the subject and have a
        figure of this or an earlier period) and ``missing`` (those of them without a value), by time.
    """
    known = pl.col("consumption").is_not_null()
    ranks = {letter: rank for rank, letter in enumerate(QUALITIES)}
    rank = pl.col("quality").replace_strict(ranks, return_dtype=pl.Int32)
    summed = consuming(lake, organisation, figures)
    begun = summed.group_by("metering_point").agg(first=pl.col("period_start").min()).join(subject, on="metering_point")
    counted = pl.concat(
        [
            begun.select(at=pl.max_horizontal("first", "valid_from"), points=pl.lit(1, pl.Int64)),
            begun.select(at="valid_to", points=pl.lit(-1, pl.Int64)).drop_nulls("at"),
        ]
    )
    members = counted.group_by("at").agg(pl.col("points").sum()).sort("at").with_columns(pl.col("points").cum_sum())
    return (
        summed.group_by("period_start", "period_end")
        .agg(
            consumption=pl.when(known.any()).then(pl.col("consumption").sum()).cast(figures.schema["consumption"]),
            unit=pl.col("unit").first(),
            quality=rank.filter(known).max().fill_null(ranks["N"]),
            known=known.sum().cast(pl.Int64),
        )
        .sort("period_start")
        .join_asof(members, left_on="period_start", right_on="at")
        .select(
            "period_start",
            "period_end",
            "consumption",
            "unit",
            pl.col("quality").replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String),
            "points",
            missing=pl.col("points") - pl.col("known"),
        )
    )


def summed(
    lake: Readable,
    organisation: str,
    subject: pl.DataFrame,
    *,
    interval: Interval,
    register: str,
    first: date,
    last: date,
) -> pl.DataFrame:
    """The figures of several points per period: asked for as in :func:`figures`, told as in :func:`total`."""
    rows = figures(lake, organisation, subject, interval=interval, register=register, first=first, last=last)
    return total(lake, organisation, subject, rows)


def register_events(
    lake: Readable,
    organisation: str,
    subject: pl.DataFrame,
    *,
    register: str,
    first: date,
    last: date,
    zone: ZoneInfo,
) -> pl.DataFrame:
    """Exchanges, roll-overs and other breaks in a register's course within local days, both included.

    Returns:
        ``at``, ``kind``, ``metering_point``, ``meter_id``, ``before``, ``after`` and ``correction``, by time.
    """
    start, end = _window(first, last, zone)
    return (
        _rows(lake, REGISTER_EVENTS, organisation, subject)
        .filter(pl.col("register") == register, pl.col("at") >= start, pl.col("at") < end)
        .select("at", "kind", "metering_point", "meter_id", "before", "after", "correction")
        .sort("at", "metering_point")
        .collect()
    )


def info_codes(
    lake: Readable, organisation: str, subject: pl.DataFrame, *, first: date, last: date, zone: ZoneInfo
) -> pl.DataFrame:
    """Episodes of info codes that reach into local days, both included, while the meter was at the point.

    Returns:
        ``code``, ``priority``, ``metering_point``, ``meter_id``, ``first_seen``, ``last_seen``, ``cleared_at`` (null
        while active) and ``days_active_30``, by time.
    """
    start, end = _window(first, last, zone)
    installed = _rows(lake, INSTALLATIONS, organisation, subject).select(
        "metering_point", "meter_id", "installed_at", "removed_at"
    )
    return (
        lake.scan(INFO_CODE_EVENTS)
        .filter(organisation=organisation)
        .filter(pl.col("first_seen") < end, (pl.col("cleared_at") > start).fill_null(value=True))
        .join(installed, on="meter_id")
        .filter(
            pl.col("last_seen") >= pl.col("installed_at"),
            (pl.col("first_seen") < pl.col("removed_at")).fill_null(value=True),
        )
        .select(
            "code",
            "priority",
            "metering_point",
            "meter_id",
            "first_seen",
            "last_seen",
            "cleared_at",
            "days_active_30",
        )
        .unique()
        .sort("first_seen", "code", "meter_id")
        .collect()
    )


def latest_reading(lake: Readable, organisation: str, subject: pl.DataFrame) -> pl.DataFrame:
    """The latest valid reading of the subject's present meters.

    Returns:
        At most one row of ``readings`` per meter, the youngest first.
    """
    meters = (
        _rows(lake, INSTALLATIONS, organisation, subject)
        .filter(pl.col("removed_at").is_null())
        .select("meter_id")
        .unique()
        .collect()["meter_id"]
    )
    return latest(lake, organisation, meters).sort("measured_at", descending=True)


def _rows(lake: Readable, table: Table, organisation: str, subject: pl.DataFrame) -> pl.LazyFrame:
    points = subject["metering_point"].unique()
    return lake.scan(table).filter(pl.col("organisation") == organisation, among("metering_point", points))


def _window(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants that local days span, the end excluded."""
    start = datetime.combine(first, time.min, zone)
    end = datetime.combine(last + timedelta(days=1), time.min, zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def _months(first: date, last: date) -> tuple[str, str]:
    """The UTC months that may hold the rows of local days."""
    return f"{first - timedelta(days=1):%Y-%m}", f"{last + timedelta(days=1):%Y-%m}"
