"""Consumption alerts: when a register has risen beyond a limit (ALGORITHMS §11)."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.exact import decimal, millionths

COURSE = ("organisation", "metering_point", "register")
_ALERT = ("organisation", "alert_no")
_REJECTED = ("SPIKE_UP", "SPIKE_DOWN", "OUT_OF_ORDER")
"""Register events that are readings which do not count."""

_INSTANT = pl.duration(microseconds=1)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came of alerts.

    Attributes:
        crossings: ``organisation``, ``alert_no``, ``metering_point``, ``meter_id``, ``register``, ``window_start``,
            ``limit_value``, ``at``, ``used`` and ``crossed_at`` of each window with more than the limit.
        usage: ``organisation``, ``alert_no``, ``metering_point``, ``window_start``, ``at`` and ``used`` of each
            alert's latest window.
    """

    crossings: pl.DataFrame
    usage: pl.DataFrame


def evaluate(alerts: pl.DataFrame, courses: pl.DataFrame, zone: ZoneInfo) -> Evaluated:
    """Compares consumption with limits.

    Args:
        alerts: ``organisation``, ``alert_no``, ``metering_point``, ``register``, ``limit_value``, ``period`` (total,
            day or month), ``base`` (UTC: start or last reset, or a later window from which on to look) and ``ends_at``
            (UTC, exclusive; nullable).
        courses: As :func:`continued` gives them, from the reading before each base on. Where there is none before it,
            consumption counts from the first one after it.
        zone: The utility's zone; its local days and months are the windows of alerts with these periods.

    Returns:
        Windows with more than the limit (strictly), and what was used of late.
    """
    after = (pl.col("at") > pl.col("base")) & (pl.col("at") < pl.col("ends_at")).fill_null(value=True)
    rows = alerts.join(courses, on=COURSE).filter(after)
    rows = rows.with_columns(window_start=window_start(rows, zone))
    started = _registers_at(rows.select(*COURSE, pl.col("window_start").alias("at")).unique(), courses)
    counted = (
        rows.join(started.rename({"at": "window_start"}), on=[*COURSE, "window_start"])
        .with_columns(limit=millionths("limit_value"), micro=pl.col("value") - pl.col("started_with"))
        .sort(*_ALERT, "at")
    )
    last = counted.group_by(_ALERT, maintain_order=True).last()
    return Evaluated(
        crossings=_crossings(counted),
        usage=last.select(*_ALERT, "metering_point", "window_start", "at", used=decimal("micro")),
    )


def continued(readings: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Registers that go on over exchanges, roll-overs and other breaks.

    Args:
        readings: ``organisation``, ``metering_point``, ``register``, ``meter_id``, ``at``, ``value`` and ``disputed``
            (whether the step to it is questioned: it then counts nothing) of the readings that count, in any order.
        events: Rows of ``register_events``. Where the correction is not known, nothing counts as used between the two
            readings around the break: what is told is the least that can be said.

    Returns:
        ``organisation``, ``metering_point``, ``register``, ``meter_id``, ``at``, ``value`` (millionths, continued:
        only differences mean something), ``raw`` (millionths, as read),
        ``before_at`` and ``before`` (the reading before it, null for the first), by course and time.
    """
    rejected = events.filter(pl.col("kind").is_in(_REJECTED)).select(*COURSE, "meter_id", "at")
    breaks = (
        events.filter(~pl.col("kind").is_in(_REJECTED))
        .sort("at")
        .select(
            *COURSE,
            "at",
            total=millionths("correction").fill_null(0).cum_sum().over(COURSE),
            unknown=pl.col("correction").is_null().cast(pl.Int64).cum_sum().over(COURSE),
        )
    )
    kept = readings.drop_nulls("value").join(rejected, on=[*COURSE, "meter_id", "at"], how="anti")
    nothing = pl.lit(0, pl.Int64)
    broken = (
        kept.sort("at").join_asof(breaks, on="at", by=list(COURSE), strategy="backward", check_sortedness=False)
        if breaks.height
        else kept.with_columns(total=nothing, unknown=nothing)
    )
    same = pl.struct(COURSE) == pl.struct(COURSE).shift(1)
    is_unknown = same & (pl.col("disputed") | (pl.col("unknown") != pl.col("unknown").shift(1)))
    return (
        broken.with_columns(pl.col("total", "unknown").fill_null(0))
        .sort(*COURSE, "at")
        .with_columns(raw=millionths("value"), same=same, is_unknown=is_unknown)
        .with_columns(value=pl.col("raw") + pl.col("total"))
        # Only differences within a course count, so that what is taken off may go on into the next one.
        .with_columns(pl.col("value") - pl.when("is_unknown").then(pl.col("value").diff()).otherwise(0).cum_sum())
        .select(
            *COURSE,
            "meter_id",
            "at",
            "value",
            "raw",
            before_at=pl.when("same").then(pl.col("at").shift(1)),
            before=pl.when("same").then(pl.col("value").shift(1)),
        )
    )


def window_start(rows: pl.DataFrame, zone: ZoneInfo) -> pl.Expr:
    """Start of the window an instant belongs to; midnight ends the day before.

    Args:
        rows: ``at``, ``period`` and ``base`` of the alert.
        zone: The utility's zone.

    Returns:
        Expression over these rows (UTC); never before the base.
    """
    days = rows.select(local_day(pl.col("at") - _INSTANT, zone).alias("day"))["day"]
    first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date):
        return pl.col("base")  # there is no row
    starts = local_days(first.replace(day=1), last, zone)
    begins = dict(starts.select("day", "start").rows())
    day = local_day(pl.col("at") - _INSTANT, zone)
    start = pl.when(pl.col("period") == "day").then(day).when(pl.col("period") == "month").then(day.dt.month_start())
    begun = start.replace_strict(begins, default=None, return_dtype=rows.schema["base"])
    return pl.max_horizontal("base", begun)


def _registers_at(times: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Continued register at instants, by a straight line between readings; the first reading's before it."""
    known = courses.sort("at")
    earlier = known.select(*COURSE, "at", t0="at", v0="value")
    later = known.select(*COURSE, "at", t1="at", v1="value")
    by = list(COURSE)
    found = (
        times.sort("at")
        .join_asof(earlier, on="at", by=by, strategy="backward", check_sortedness=False)
        .join_asof(later, on="at", by=by, strategy="forward", check_sortedness=False)
    )
    share = (pl.col("at") - pl.col("t0")).dt.total_microseconds() / (
        pl.col("t1") - pl.col("t0")
    ).dt.total_microseconds()
    between = pl.col("v0") + ((pl.col("v1") - pl.col("v0")) * share.fill_nan(0)).round().cast(pl.Int64)
    return found.select(*COURSE, "at", started_with=pl.coalesce(between, "v1", "v0"))


def _crossings(counted: pl.DataFrame) -> pl.DataFrame:
    """The first reading beyond the limit in each window."""
    first = (
        counted.filter(pl.col("micro") > pl.col("limit"))
        .group_by(*_ALERT, "window_start", maintain_order=True)
        .first()
        .with_columns(
            since=pl.max_horizontal("before_at", "window_start"),
            had=pl.max_horizontal(pl.col("before") - pl.col("started_with"), pl.lit(0, pl.Int64)),
        )
    )
    share = (pl.col("limit") - pl.col("had")) / (pl.col("micro") - pl.col("had"))
    span = (pl.col("at") - pl.col("since")).dt.total_microseconds()
    return first.select(
        *_ALERT,
        "metering_point",
        "meter_id",
        "register",
        "window_start",
        "limit_value",
        "at",
        used=decimal("micro"),
        crossed_at=pl.col("since") + pl.duration(microseconds=(span * share).round().cast(pl.Int64)),
    )
