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

from warehouse.schemas import REGISTER_EVENTS
from warehouse.transforms import calendar
from warehouse.transforms.arranged import CONTEXT_READINGS, Arranged, arrange
from warehouse.transforms.boundaries import A
from warehouse.transforms.estimation.evidence import Evidence
from warehouse.transforms.exact import decimal
from warehouse.transforms.marks import continued, periods, registers_at_hours
from warehouse.transforms.periods import INSTANT_BEFORE, columns_of, monthly, published, roll_up, yearly
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

_POINT = "metering_point"
_UNTOLD = pl.lit(None, pl.Float64)


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


def reckon(arranged: Arranged, evidence: Evidence, *, zone: ZoneInfo, policy: Policy) -> Figures:
    """Reckons hourly and daily consumption.

    Args:
        arranged: From :func:`arrange`.
        evidence: What estimates rest on besides the readings.
        zone: The utility's zone, as for ``arranged``.
        policy: Limits and digits, as for ``arranged``.

    Returns:
        A row for every asked hour and day of each register the point's meters have ever sent in ``readings``, also
        where nothing is known (quality ``N``, consumption null), sorted as the tables are: hours from that of the first
        reading to the last one that was over at the last reading, since one that goes on is not missing; beyond the
        asked days a daily row for each that is estimated after the last reading. The events from the start to the end,
        both included, of the asked days.
    """
    asked, courses = arranged.asked, arranged.courses
    marks = registers_at_hours(arranged, evidence, zone=zone, policy=policy)
    hourly = periods(marks)
    day_marks = marks.filter("opens_day").with_columns(meter_id="day_meter_id")
    day_marks, exceptions = continued(day_marks, arranged, evidence, zone, policy)
    daily = periods(day_marks).join(_shares(hourly), on=["course", "day"], how="left", maintain_order="left")
    return Figures(
        hourly=published(_named(_read(hourly, arranged).with_columns(share_interpolated=_UNTOLD), courses)),
        daily=published(_named(daily.with_columns(pl.col("share_interpolated").fill_null(1.0)), courses)),
        events=_events(arranged.events.join(courses, on="course"), asked, zone),
        exceptions=exceptions,
    )


def _read(hourly: pl.DataFrame, arranged: Arranged) -> pl.DataFrame:
    """The hours from that of the first reading to the last one that was over when the last reading was taken."""
    read = arranged.brackets.group_by("course").agg(
        read_from=pl.col("at").min(), read_to=pl.max_horizontal("at", "next_at").max()
    )
    inside = (pl.col("period_end") > pl.col("read_from")) & (pl.col("period_end") <= pl.col("read_to"))
    return hourly.join(read, on="course", maintain_order="left").filter(inside)


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
