"""Readings in order: registers of metering points with their brackets, gaps and ends, before anything is reckoned."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INSTANT
from warehouse.schemas.registers import CUMULATIVE, UNITS
from warehouse.transforms import calendar
from warehouse.transforms.boundaries import M, X, brackets
from warehouse.transforms.estimation.choice import closed_gaps
from warehouse.transforms.exact import millionths
from warehouse.transforms.exchanges import exchange_events, exchange_knots, exchange_rows, spans
from warehouse.transforms.falls import classify_falls
from warehouse.transforms.flags import APPROVED, DISPUTED, says, stands_still
from warehouse.transforms.periods import INSTANT_BEFORE
from warehouse.transforms.policy import Policy

CONTEXT_READINGS = 4
"""So many readings of a register before and after a time decide what it shows at that time, however far they lie.

One bounds the boundary on each side; it may be a spike, which takes two more on each side to see, and what a fall was
depends on the reading after it. Likewise a new reading changes no figure beyond so many readings on either side of it,
but for estimates of gaps that begin within their policy's ``reach`` after it.
"""

_COUNTING = {"M": M, "X": X}
_POINT = "metering_point"


@dataclass(frozen=True, slots=True)
class Arranged:
    """Readings in order, and the gaps between them.

    Attributes:
        asked: ``metering_point``, ``day``, ``day_start`` and ``day_end``, one row per asked day.
        parts: Installations, see ``spans``.
        courses: Registers of metering points, by number.
        brackets: Each reading with the next one, see ``brackets``.
        gaps: Closed gaps that need more than a straight line, with ``metering_point``, ``register`` and ``from_at``.
        ends: Last reading of each course, with ``metering_point``, ``register`` and ``at``.
        events: Falls and exchanges.
    """

    asked: pl.DataFrame
    parts: pl.DataFrame
    courses: pl.DataFrame
    brackets: pl.DataFrame
    gaps: pl.DataFrame
    ends: pl.DataFrame
    events: pl.DataFrame


def arrange(
    readings: pl.DataFrame,
    layouts: pl.DataFrame,
    installations: pl.DataFrame,
    exchanges: pl.DataFrame,
    *,
    days: pl.DataFrame,
    zone: ZoneInfo,
    policy: Policy,
) -> Arranged:
    """Puts the readings of one organisation's metering points in order and finds their gaps.

    Args:
        readings: Rows of ``readings`` in any order. For each point they reach beyond the asked days by at least
            ``CONTEXT_READINGS`` readings of each register on either side, where there are so many, however far they
            lie; more do not change the result. Readings of other quality than ``M`` and ``X`` do not count, nor do
            registers that ``flags`` name as ``FROZEN``: what flowed while a register stood still is a gap.
        layouts: Rows of ``layouts``. The values of a reading without a layout (imported) have three decimals or as
            many as it takes.
        installations: All rows of ``installations`` of the asked points.
        exchanges: All rows of ``exchanges`` of the asked points.
        days: ``metering_point``, ``first_day`` and ``last_day``, both inclusive; local. Every hour and register takes
            about 1 kB of memory while it is reckoned.
        zone: The utility's zone.
        policy: Limits and digits.

    Returns:
        What :func:`reckon` goes on with.
    """
    asked = _asked_days(days, zone)
    parts = spans(installations.join(asked, on=_POINT, how="semi"), exchanges)
    at_exchange = exchange_rows(parts, exchanges)
    knots = _knots(readings, layouts, parts, at_exchange, policy)
    courses = _courses(knots, parts)
    kept, falls = classify_falls(_in_order(knots, courses), policy)
    joined = brackets(kept)
    corrections = joined.filter(pl.col("correction").is_not_null()).select("course", "part", "correction")
    named = courses.select("course", "organisation", _POINT, "register")
    is_last = (pl.col("course") != pl.col("course").shift(-1)).fill_null(value=True)
    ends = joined.filter(is_last & pl.col("next_at").is_null())
    return Arranged(
        asked=asked,
        parts=parts,
        courses=courses,
        brackets=joined,
        gaps=closed_gaps(joined, policy.estimation, policy.gap_limit).join(named, on="course", maintain_order="left"),
        ends=ends.join(named, on="course").join(parts.select(_POINT, "part", "until"), on=[_POINT, "part"]),
        events=pl.concat([falls, exchange_events(courses, parts, at_exchange, corrections)]),
    )


def _asked_days(days: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """``metering_point``, ``day``, ``day_start`` and ``day_end``, one row per asked day."""
    if days.is_empty():
        bounds = {name: pl.Series([], dtype=INSTANT) for name in ("day_start", "day_end")}
        return days.select(_POINT, day=pl.col("first_day").cast(pl.Date)).with_columns(**bounds)
    first, last = days.select(pl.col("first_day").min(), pl.col("last_day").max()).row(0)
    each = days.select(_POINT, pl.date_ranges("first_day", "last_day").alias("day"))
    listed = each.explode("day", empty_as_null=False).unique()
    local = calendar.local_days(first, last, zone).rename({"start": "day_start", "end": "day_end"})
    return listed.join(local, on="day")


def _knots(
    readings: pl.DataFrame, layouts: pl.DataFrame, parts: pl.DataFrame, at_exchange: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """Readings inside their installations, one row per register, with those read at exchanges."""
    inside = (
        readings.filter(pl.col("quality").is_in(list(_COUNTING)))
        .join(parts.select(_POINT, "part", "meter_id", "since", "until"), on="meter_id")
        .filter(
            pl.col("measured_at") >= pl.col("since"),
            (pl.col("measured_at") < pl.col("until")).fill_null(value=True),
        )
        .with_columns(
            rank=pl.col("quality").replace_strict(_COUNTING, return_dtype=pl.Int8), interval_us=_interval(policy)
        )
    )
    per_register = [
        inside.filter(pl.col(register).is_not_null() & ~stands_still(register)).select(
            _POINT,
            "part",
            "meter_id",
            "device_time",
            "layout_id",
            "rank",
            "interval_us",
            register=pl.lit(register),
            at="measured_at",
            value=millionths(register),
            role=pl.lit("reading"),
            disputed=says(DISPUTED, register),
            approved=says(APPROVED, register),
        )
        for register in CUMULATIVE
        if inside[register].null_count() < inside.height
    ]
    taken = exchange_knots(at_exchange).with_columns(rank=pl.lit(M, pl.Int8))
    resolutions = layouts.select(
        "layout_id", "register", "digits", numerator="resolution_numerator", denominator="resolution_denominator"
    )
    empty = inside.clear().select("device_time", "layout_id", "interval_us", disputed=False, approved=False)
    return (
        pl.concat([empty, *per_register, taken], how="diagonal")
        .with_columns(
            *(pl.col(name).fill_null(value=False) for name in ("disputed", "approved")),
            virtual=pl.col("role") != "reading",
        )
        .join(resolutions.unique(["layout_id", "register"]), on=["layout_id", "register"], how="left")
    )


def _interval(policy: Policy) -> pl.Expr:
    """Expected time to the next reading of a reading's source, µs; null where it has no schedule."""
    intervals = {
        source: None if interval is None else interval // INSTANT_BEFORE
        for source, interval in policy.estimation.intervals.items()
    }
    usual = policy.expected_interval // INSTANT_BEFORE
    if not intervals:
        return pl.lit(usual, pl.Int64)
    return pl.col("source").replace_strict(intervals, default=usual, return_dtype=pl.Int64)


def _courses(knots: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """``course`` (number), ``organisation``, ``metering_point``, ``register`` and ``unit``, in order."""
    owners = parts.select("organisation", _POINT).unique()
    courses = knots.select(_POINT, "register").unique().sort(_POINT, "register").with_row_index("course")
    return courses.join(owners, on=_POINT, maintain_order="left").with_columns(
        pl.col("course").cast(pl.Int64), unit=pl.col("register").replace_strict(UNITS, return_dtype=pl.String)
    )


def _in_order(knots: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Knots by course, installation and time; a reading at the instant of an exchange yields to the one taken there."""
    ordered = knots.join(courses.select("course", _POINT, "register"), on=[_POINT, "register"]).sort(
        "course", "part", "at", ~pl.col("virtual")
    )
    again = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in ("course", "part", "at"))
    return ordered.filter(~again.fill_null(value=False))
