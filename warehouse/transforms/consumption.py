"""Consumption per metering point, register and local period.

Registers are integers in millionths of their base unit from the reading to the figure. The register at each boundary of
a period is known or not (``boundaries``); a period's consumption is the difference of its two, plus the corrections of
the events after its start up to its end (exchanges, roll-overs), and null where an event has no known correction.
Hours, days, months and years come from the same boundary registers, so they add up exactly.

Gaps and what comes after the last reading are estimated (``estimation``). The evidence for that is asked for only where
there is a gap, so the work has two steps: :func:`arrange` orders the readings and names the gaps, :func:`reckon` makes
the figures.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INSTANT, REGISTER_EVENTS
from warehouse.schemas.registers import CUMULATIVE, UNITS
from warehouse.transforms import calendar
from warehouse.transforms.boundaries import TOTALS, A, E, F, I, M, N, X, boundary_registers, brackets
from warehouse.transforms.estimation.choice import closed_gaps, fill
from warehouse.transforms.estimation.evidence import Evidence
from warehouse.transforms.estimation.open_gaps import open_boundaries, open_ends, prolonged
from warehouse.transforms.estimation.profiles import MEASURED, day_class
from warehouse.transforms.exact import decimal, millionths
from warehouse.transforms.exchanges import exchange_events, exchange_knots, exchange_rows, spans
from warehouse.transforms.falls import classify_falls
from warehouse.transforms.flags import stands_still
from warehouse.transforms.periods import (
    CROSSED,
    INSTANT_BEFORE,
    columns_of,
    difference,
    judgement,
    monthly,
    published,
    roll_up,
    yearly,
)
from warehouse.transforms.policy import Policy

__all__ = [
    "CONTEXT_READINGS",
    "Arranged",
    "Evidence",
    "Figures",
    "Policy",
    "arrange",
    "consumption",
    "monthly",
    "reckon",
    "roll_up",
    "yearly",
]

CONTEXT_READINGS = 4
"""So many readings of a register before and after a time decide what it shows at that time, however far they lie.

One bounds the boundary on each side; it may be a spike, which takes two more on each side to see, and what a fall was
depends on the reading after it. Likewise a new reading changes no figure beyond so many readings on either side of it.
"""

_COUNTING = {"M": M, "X": X}
_POINT = "metering_point"


@dataclass(frozen=True, slots=True)
class Figures:
    """Consumption and what happened to the registers.

    Attributes:
        hourly: Rows of ``consumption_hourly`` without ``known_from``.
        daily: Rows of ``consumption_daily`` without ``known_from``, days after the last reading among them.
        events: Rows of ``register_events`` without ``known_from``.
        exceptions: Rows of ``vee_exceptions`` without ``known_from``: registers not read for long.
    """

    hourly: pl.DataFrame
    daily: pl.DataFrame
    events: pl.DataFrame
    exceptions: pl.DataFrame


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


def consumption(
    readings: pl.DataFrame,
    layouts: pl.DataFrame,
    installations: pl.DataFrame,
    exchanges: pl.DataFrame,
    *,
    days: pl.DataFrame,
    zone: ZoneInfo,
    policy: Policy,
    evidence: Evidence | None = None,
) -> Figures:
    """Reckons hourly and daily consumption of one organisation's metering points: :func:`arrange`, then :func:`reckon`.

    Without evidence, gaps are filled from the asked hours before them, and nothing is estimated after the last reading.
    """
    arranged = arrange(readings, layouts, installations, exchanges, days=days, zone=zone, policy=policy)
    return reckon(arranged, evidence or Evidence(), zone=zone, policy=policy)


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


def reckon(arranged: Arranged, evidence: Evidence, *, zone: ZoneInfo, policy: Policy) -> Figures:
    """Reckons hourly and daily consumption.

    Args:
        arranged: From :func:`arrange`.
        evidence: What estimates rest on besides the readings.
        zone: The utility's zone, as for ``arranged``.
        policy: Limits and digits, as for ``arranged``.

    Returns:
        A row for every asked hour and day of each register the point's meters have ever sent in ``readings``, also
        where nothing is known (quality ``N``, consumption null), sorted as the tables are, and a daily row for each day
        that is estimated after the last reading; the events from the start to the end, both included, of the asked
        days.
    """
    asked, courses = arranged.asked, arranged.courses
    marks = boundary_registers(_marks(asked, arranged.parts, courses), arranged.brackets, policy)
    marks = _filled(marks, arranged, evidence, zone, policy)
    hourly = _periods(marks)
    day_marks = marks.filter("opens_day").with_columns(meter_id="day_meter_id")
    day_marks, exceptions = _prolonged(day_marks, arranged, evidence, zone, policy)
    daily = _periods(day_marks).join(_shares(hourly), on=["course", "day"], how="left", maintain_order="left")
    return Figures(
        hourly=published(_named(hourly.with_columns(share_interpolated=pl.lit(None, pl.Float64)), courses)),
        daily=published(_named(daily.with_columns(pl.col("share_interpolated").fill_null(1.0)), courses)),
        events=_events(arranged.events.join(courses, on="course"), asked, zone),
        exceptions=exceptions,
    )


def _filled(
    marks: pl.DataFrame, arranged: Arranged, evidence: Evidence, zone: ZoneInfo, policy: Policy
) -> pl.DataFrame:
    """Marks with the registers inside gaps that a straight line is not the answer to."""
    inside = marks.with_row_index("place").filter(pl.col("rank") == I).select("place", "course", "at", "gap_from")
    gaps = arranged.gaps.join(inside, left_on=["course", "from_at"], right_on=["course", "gap_from"], how="semi")
    if gaps.is_empty():
        return marks
    # Hours that were measured do not depend on how gaps are filled.
    reckoned = _periods(marks.join(gaps, on="course", how="semi", maintain_order="left")).filter(pl.col("rank") <= A)
    columns = ("course", "day", "period_start", "period_end", "consumption")
    stored = _stored(evidence.hours.with_columns(millionths("consumption")), gaps, arranged).select(columns)
    hours = pl.concat([reckoned.select(columns), stored]).with_columns(day_class(pl.col("day"), evidence.holidays))
    fills = fill(gaps, hours, evidence, policy.estimation, zone=zone)
    found = inside.join(fills, on=["course", "at"]).with_columns(
        rank=pl.when(pl.col("filled").is_null()).then(N).otherwise(I).cast(pl.Int8)
    )
    # Few places of many: far cheaper than to join all marks.
    changes = {"register_value": found["filled"], "rank": found["rank"], "method": found["filled_by"].fill_null(0)}
    return marks.with_columns(marks[name].scatter(found["place"], values) for name, values in changes.items())


def _stored(figures: pl.DataFrame, courses: pl.DataFrame, arranged: Arranged) -> pl.DataFrame:
    """Measured figures of some courses on days that are not asked for, with their ``course``."""
    named = courses.select(_POINT, "register", "course").unique().lazy()
    asked = arranged.asked.lazy().select(_POINT, "day").join(named, on=_POINT, how="semi")
    return (
        figures.lazy()
        .filter(pl.col("quality").is_in(MEASURED))
        .join(named, on=[_POINT, "register"])
        .join(asked, on=[_POINT, "day"], how="anti")
        .collect()
    )


def _prolonged(
    day_marks: pl.DataFrame, arranged: Arranged, evidence: Evidence, zone: ZoneInfo, policy: Policy
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Marks of days continued after the last reading, and exceptions about readings that are long awaited."""
    asked_ends = arranged.ends.with_columns(day=calendar.local_day(pl.col("at"), zone)).join(
        arranged.asked, on=[_POINT, "day"], how="semi"
    )
    ends = open_ends(asked_ends.drop("day"), evidence, policy.estimation)
    exceptions = prolonged(ends, evidence, policy.estimation)
    if ends.is_empty():
        return day_marks, exceptions
    stored = _stored(evidence.days.with_columns(millionths("consumption")), ends, arranged)
    reckoned = _periods(day_marks.join(ends, on="course", how="semi", maintain_order="left"))
    reckoned = reckoned.filter(pl.col("rank") <= A)
    columns = ("course", "day", "consumption")
    days = pl.concat([reckoned.select(columns), stored.select(columns)])
    estimates = open_boundaries(ends, days, evidence, policy.estimation, zone=zone)
    if estimates.is_empty():
        return day_marks, exceptions
    follows = pl.col("course") == pl.col("course").shift(-1)
    added = estimates.select(
        "course",
        "meter_id",
        *TOTALS,
        at="end",
        next_day=pl.when(follows).then(pl.col("day").shift(-1)),
        register_value="estimate",
        rank=pl.when("is_final").then(F).otherwise(E).cast(pl.Int8),
        method="estimated_by",
        gap_from="at",
    )
    joined = day_marks.join(added, on=["course", "at"], how="full", coalesce=True, suffix="_added")
    taken = pl.col("register_value_added").is_not_null()
    replaced = ("register_value", "rank", "method", "gap_from", *TOTALS)
    continued = joined.with_columns(
        *(pl.when(taken).then(f"{name}_added").otherwise(name).alias(name) for name in replaced),
        gap_to=pl.when(~taken).then("gap_to"),
        day=pl.coalesce("day", "next_day"),
        meter_id=pl.coalesce("meter_id", "meter_id_added"),
    )
    return continued.select(day_marks.columns).sort("course", "at"), exceptions


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
        )
        for register in CUMULATIVE
        if inside[register].null_count() < inside.height
    ]
    taken = exchange_knots(at_exchange).with_columns(rank=pl.lit(M, pl.Int8))
    resolutions = layouts.select(
        "layout_id", "register", "digits", numerator="resolution_numerator", denominator="resolution_denominator"
    )
    empty = inside.clear().select("device_time", "layout_id", "interval_us")
    return (
        pl.concat([empty, *per_register, taken], how="diagonal")
        .with_columns(virtual=pl.col("role") != "reading")
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


def _marks(asked: pl.DataFrame, parts: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Every boundary of the asked hours, sorted by course and time.

    A mark with a ``day`` begins an hour that ends at the next mark; one without ends the last hour before a day that is
    not asked for.
    """
    cut = calendar.hours(asked.select("day", start="day_start", end="day_end").unique())
    with_meters = _meter_at(asked, parts, "day_end").rename({"meter_id": "day_meter_id"})
    grid = _meter_at(with_meters.join(cut, on="day"), parts, "end")
    rows = (
        grid.join(courses.select("course", _POINT), on=_POINT)
        .select(
            "course",
            "day",
            "meter_id",
            "day_meter_id",
            at="start",
            end="end",
            opens_day=pl.col("start") == pl.col("day_start"),
        )
        .sort("course", "at")
    )
    goes_on = (pl.col("course") == pl.col("course").shift(-1)) & (pl.col("end") == pl.col("at").shift(-1))
    closing = rows.filter(~goes_on.fill_null(value=False)).select("course", at="end", opens_day=pl.lit(value=True))
    return pl.concat([rows.drop("end"), closing], how="diagonal").sort("course", "at")


def _meter_at(periods: pl.DataFrame, parts: pl.DataFrame, end: str) -> pl.DataFrame:
    """Adds ``meter_id``: the last meter installed before the period's end, or the first one to come."""
    began = parts.select(_POINT, "meter_id", "since").sort("since")
    first = began.group_by(_POINT).agg(first_meter_id=pl.col("meter_id").first())
    return (
        periods.sort(end)
        .join_asof(
            began,
            left_on=end,
            right_on="since",
            by=_POINT,
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .join(first, on=_POINT)
        .with_columns(pl.coalesce("meter_id", "first_meter_id").alias("meter_id"))
        .drop("since", "first_meter_id")
    )


def _periods(marks: pl.DataFrame) -> pl.DataFrame:
    """Periods between each mark and the next one, with their consumption in millionths."""
    passed = {total: pl.col(total).shift(-1) - pl.col(total) for total in ("breaks", "exchanges", "estimates")}
    gap_hours = (pl.col("gap_to") - pl.col("gap_from")) / calendar.HOUR
    return (
        marks.with_columns(
            period_start="at",
            period_end=pl.col("at").shift(-1),
            end_value=pl.col("register_value").shift(-1),
            end_rank=pl.col("rank").shift(-1),
            end_method=pl.col("method").shift(-1),
            end_gap=pl.col("gap_from").shift(-1),
            start_gap_hours=gap_hours,
            end_gap_hours=gap_hours.shift(-1),
            correction=pl.col("corrections").shift(-1) - pl.col("corrections"),
            unknown=(passed["breaks"] != 0).fill_null(value=True),
            exchanged=(passed["exchanges"] != 0).fill_null(value=False),
            estimated=(passed["estimates"] != 0).fill_null(value=False),
        )
        .filter(pl.col("day").is_not_null())
        .select(
            "course",
            "day",
            "meter_id",
            "period_start",
            "period_end",
            *CROSSED,
            start_value="register_value",
            end_value="end_value",
            start_rank="rank",
            end_rank="end_rank",
            start_method="method",
            end_method="end_method",
            start_gap="gap_from",
            end_gap="end_gap",
            start_gap_hours="start_gap_hours",
            end_gap_hours="end_gap_hours",
        )
        .with_columns(difference())
        .with_columns(judgement())
    )


def _shares(hourly: pl.DataFrame) -> pl.DataFrame:
    """``course``, ``day`` and ``share_interpolated``: the share of the day whose hours are not measured or aligned."""
    length = pl.col("period_end") - pl.col("period_start")
    filled = length.filter(pl.col("rank") > A).sum()
    return hourly.group_by("course", "day").agg(share_interpolated=filled / length.sum())


def _named(periods: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Names organisation, metering point, register and unit of the periods' courses."""
    return periods.join(courses, on="course", maintain_order="left")


def _events(events: pl.DataFrame, asked: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Events of the asked days, both ends included."""
    at = pl.col("at")
    touched = pl.concat(
        [
            events.with_columns(day=calendar.local_day(instant, zone)).join(asked, on=[_POINT, "day"], how="semi")
            for instant in (at, at - INSTANT_BEFORE)
        ]
    )
    return (
        touched.unique(["course", "part", "at", "kind"])
        .with_columns(decimal("before"), decimal("after"), decimal("correction"))
        .select(columns_of(REGISTER_EVENTS))
        .sort(_POINT, "register", "at", "kind")
    )
