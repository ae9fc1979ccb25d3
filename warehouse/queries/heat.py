"""Heat reports: cooling, inlet and outlet temperature of metering points over a period (HEAT-01, HEAT-02)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import HeatPolicy, RatingsPolicy
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    GROUP_MEMBERS,
    HEAT_CHECKS,
    HEAT_DAILY,
    LAYOUTS,
    READINGS,
    REGISTER_EVENTS,
)
from warehouse.transforms import assignments
from warehouse.transforms.heat import register_resolutions
from warehouse.transforms.heat_means import REGISTERS, differences, means, rating, with_excess

Kind = Literal["cooling", "inlet", "outlet"]
RATINGS = ("good", "medium", "poor")

_DAY = timedelta(days=1)
_LIMITS = ("good_k", "poor_k", "target_k")
_TEMPERATURE: dict[Kind, str] = {"cooling": "cooling_k", "inlet": "flow_temp_c", "outlet": "return_temp_c"}
_FIGURES = ("flow_temp_c", "return_temp_c", "cooling_k")
_COLUMNS = (
    *("metering_point", "meter_id", "volume_m3", "energy_kwh", *_FIGURES, "rating", "error_k", "weighting", "quality"),
    *("target_k", "energy_cooling_k", "target_m3", "excess_m3", "rank", "first_day", "last_day"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a heat report shows.

    Attributes:
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.
        kind: What is shown and filtered: cooling performance, inlet or outlet temperature.
        ratings: Ratings that are shown; empty for all, and for points without one.
        from_k: Least cooling that is shown (K).
        to_k: Largest cooling that is shown (K).
        higher_than: Inlet or outlet temperature above which points are shown (degC).
        group: The group that the report is about, whose ratings then hold; empty for none.
    """

    first: date
    last: date
    zone: ZoneInfo
    kind: Kind = "cooling"
    ratings: frozenset[str] = frozenset()
    from_k: float | None = None
    to_k: float | None = None
    higher_than: float | None = None
    group: str = ""


def report(
    lake: Readable,
    organisation: str,
    policy: HeatPolicy,
    ratings: RatingsPolicy,
    asked: Asked,
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The heat report of a period.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        policy: Errors, and what is done beyond the largest.
        ratings: What is good or poor, by group.
        asked: Period, kind and filters.
        points: ``metering_point`` of those that it is about; ``None`` for all.

    Returns:
        One row per heat point. ``volume_m3``, ``energy_kwh`` (of cold where the point cools) and the temperatures are
        those from ``first_day`` to ``last_day``, the stretch of the period whose registers are known, or a longer one
        before where the policy widens it. Temperatures, cooling, rating and excess are null where no volume flowed,
        and where the registers' resolution leaves too large an error. ``rank`` counts by excess volume, the largest
        first; the rows stand in the order of what the report shows: the poorest cooling or the hottest first.
    """
    found = _widened(lake, organisation, policy, asked, points)
    limits = _limits(lake, organisation, ratings, asked, found["metering_point"])
    cools = pl.col("is_cooling")
    found = found.join(limits, on="metering_point", how="left").with_columns(
        pl.when(cools).then(f"cooling_{name}").otherwise(f"heating_{name}").alias(name) for name in _LIMITS
    )
    found = with_excess(found).with_columns(
        rating=rating(pl.col("cooling_k"), pl.col("good_k"), pl.col("poor_k")), energy_kwh=pl.col("energy")
    )
    ranked = found.with_columns(
        rank=pl.when(pl.col("excess_m3") > 0).then(pl.col("excess_m3").rank("min", descending=True)).cast(pl.Int64)
    )
    shown = _TEMPERATURE[asked.kind]
    return (
        ranked.filter(*_filters(asked, shown))
        .sort(shown, "metering_point", descending=[asked.kind != "cooling", False], nulls_last=True)
        .select(_COLUMNS)
        .with_columns(pl.col(pl.Float64).round(3))
    )


def summary(found: pl.DataFrame) -> dict[str, float | None]:
    """What a report sums up to.

    Args:
        found: From :func:`report`.

    Returns:
        ``points``, ``unknown`` (without a mean), ``good``, ``medium``, ``poor`` (points by rating), ``excess_m3`` (null
        where none is known), and ``flow_temp_c``, ``return_temp_c`` and ``cooling_k`` weighted by volume (null where
        nothing flowed).
    """
    volume, known = pl.col("volume_m3").cast(pl.Float64), pl.col("cooling_k").is_not_null()
    weight = pl.when(known).then(volume)
    means = {name: pl.when(weight.sum() > 0).then((pl.col(name) * weight).sum() / weight.sum()) for name in _FIGURES}
    excess = pl.col("excess_m3")
    return found.select(
        points=pl.len(),
        unknown=(~known).sum(),
        **{name: (pl.col("rating") == name).sum() for name in RATINGS},
        excess_m3=pl.when(excess.count() > 0).then(excess.sum()),
        **means,
    ).row(0, named=True)


def checks(lake: Readable, organisation: str, *, first: date, last: date) -> pl.DataFrame:
    """Months in which counted energy does not fit volume and temperatures, the largest deviation first.

    Returns:
        Rows of ``heat_checks`` with the verdicts ``WRONG_SCALE``, ``WRONG_UNIT`` and ``DISAGREES``.
    """
    wrong = pl.col("verdict").is_in(["WRONG_SCALE", "WRONG_UNIT", "DISAGREES"])
    return (
        lake.scan(HEAT_CHECKS)
        .filter(pl.col("organisation") == organisation, pl.col("day").is_between(first.replace(day=1), last), wrong)
        .sort(pl.col("ratio").log().abs(), "metering_point", "day", descending=[True, False, False])
        .drop("organisation", "month", "known_from")
        .collect()
    )


def _widened(
    lake: Readable, organisation: str, policy: HeatPolicy, asked: Asked, points: pl.DataFrame | None
) -> pl.DataFrame:
    """Means of the period; of points with too large an error those of a longer one, or none."""
    first, kept = asked.first, []
    waiting = points
    while True:
        found = _means(lake, organisation, asked, first, waiting)
        error = pl.col("error_k")
        fine = (error <= policy.largest_error_k).fill_null(value=True)
        kept.append(found.filter(fine))
        poor = found.filter(~fine)
        days = (asked.last - first).days + 1
        if poor.is_empty() or policy.beyond_it == "na" or days >= policy.widest_days:
            blank = [pl.lit(None, pl.Float64).alias(name) for name in _FIGURES]
            kept.append(poor.with_columns(*blank, weighting=pl.lit("none")))
            return pl.concat(kept)
        first = asked.last - timedelta(days=min(2 * days, policy.widest_days) - 1)
        waiting = poor.select("metering_point")


def _means(lake: Readable, organisation: str, asked: Asked, first: date, points: pl.DataFrame | None) -> pl.DataFrame:
    months = (f"{first - timedelta(days=1):%Y-%m}", f"{asked.last:%Y-%m}")
    inside = pl.col("day").is_between(first, asked.last) & pl.col("month").is_between(
        pl.lit(months[0]), pl.lit(months[1])
    )
    heat = lake.scan(HEAT_DAILY).filter(pl.col("organisation") == organisation, inside)
    if points is not None:
        heat = heat.join(points.lazy().select("metering_point").unique(), on="metering_point", how="semi")
    of_days = heat.collect()
    chosen = of_days.select("metering_point").unique().lazy()
    daily = (
        lake.scan(CONSUMPTION_DAILY)
        .filter(pl.col("organisation") == organisation, inside, pl.col("register").is_in(REGISTERS))
        .join(chosen, on="metering_point", how="semi")
        .collect()
    )
    start = datetime.combine(first, time(), asked.zone).astimezone(UTC)
    end = datetime.combine(asked.last + timedelta(days=1), time(), asked.zone).astimezone(UTC)
    events = (
        lake.scan(REGISTER_EVENTS)
        .filter(pl.col("organisation") == organisation, pl.col("at").is_between(start, end))
        .join(chosen, on="metering_point", how="semi")
        .collect()
    )
    periods = differences(daily, events, first=first, last=asked.last, zone=asked.zone)
    meters = periods.select("meter_id").unique()
    # What the registers resolve at both ends bounds the error; few meters are read at neither.
    at, moments = pl.col("measured_at"), [moment + step for moment in (start, end) for step in (-_DAY, _DAY)]
    at_ends = at.is_between(start - _DAY, start + _DAY) | at.is_between(end - _DAY, end + _DAY)
    of_ends = pl.col("month").is_in({f"{moment:%Y-%m}" for moment in moments}) & at_ends
    layouts = _layouts(lake, organisation, meters, of_ends)
    others = meters.join(layouts, on="meter_id", how="anti")
    if others.height:
        anywhere = pl.col("month").is_between(pl.lit(months[0]), pl.lit(months[1]))
        layouts = pl.concat([layouts, _layouts(lake, organisation, others, anywhere)])
    known = lake.scan(LAYOUTS).filter(pl.col("organisation") == organisation).collect()
    return means(periods, of_days, register_resolutions(layouts, known))


def _layouts(lake: Readable, organisation: str, meters: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    """``organisation``, ``meter_id`` and ``layout_id`` of some readings of meters."""
    return (
        lake.scan(READINGS)
        .filter(pl.col("organisation") == organisation, which)
        .join(meters.lazy(), on="meter_id", how="semi")
        .select("organisation", "meter_id", "layout_id")
        .unique()
        .collect()
    )


def _limits(lake: Readable, organisation: str, ratings: RatingsPolicy, asked: Asked, points: pl.Series) -> pl.DataFrame:
    """What is good, poor and aimed at of each point, heating and cooling; by groups as they are on the last day."""
    end = datetime.combine(asked.last + timedelta(days=1), time(), asked.zone).astimezone(UTC)
    ours = lake.scan(GROUP_MEMBERS).filter(pl.col("organisation") == organisation).collect()
    members = assignments.members_at(ours, end - timedelta(microseconds=1))
    # The group that the report is about goes before the order of the policy.
    groups = sorted(ratings.groups, key=lambda of: of.group != asked.group)
    limits = points.unique(maintain_order=True).alias("metering_point").to_frame()
    for medium in ("heating", "cooling"):
        of_groups = [(of.group, getattr(of, medium)) for of in groups if getattr(of, medium)]
        for name in _LIMITS:
            values = [(group, float(getattr(limit, name))) for group, limit in of_groups]
            default = float(getattr(getattr(ratings, medium), name))
            column = assignments.assigned(points, members, values, default).rename({"value": f"{medium}_{name}"})
            limits = limits.join(column, on="metering_point", how="left", maintain_order="left")
    return limits


def _filters(asked: Asked, shown: str) -> list[pl.Expr]:
    rules = [pl.lit(value=True)]
    if asked.ratings:
        rules.append(pl.col("rating").is_in(list(asked.ratings)))
    if asked.from_k is not None:
        rules.append(pl.col("cooling_k") >= asked.from_k)
    if asked.to_k is not None:
        rules.append(pl.col("cooling_k") <= asked.to_k)
    if asked.higher_than is not None:
        rules.append(pl.col(shown) > asked.higher_than)
    return rules
