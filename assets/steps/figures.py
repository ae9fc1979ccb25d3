"""Consumption and heat: what the touched readings change.

A step takes what its consumer has not worked off, reckons it again from the readings and replaces exactly that. Rows
that come out the same keep their ``known_from``.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from assets.installation import Installation
from assets.steps.bearing import FOREVER, LOADED_READINGS, NEVER, beside
from assets.steps.erasing import without_erased
from assets.steps.estimating import (
    evidence_for,
    gaps_inside,
    keep_newest,
    kept_newest,
    newest_reading,
    open_to,
    silent_spans,
    widened_to_estimates,
)
from assets.steps.frozen import late_readings, note_late
from assets.steps.judging import Judging, judge_readings
from assets.steps.profiling import learn_profiles
from assets.steps.replacing import Gathering, Replacement
from assets.steps.side_by_side import side_by_side
from assets.steps.touched import causes, done, extent, pending
from warehouse.policies import EstimationRules, HeatPolicy
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    EXCHANGES,
    GROUP_PROFILES,
    HEAT_DAILY,
    INSTALLATIONS,
    READINGS,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.schemas.registers import CUMULATIVE, GAUGES
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.consumption import CONTEXT_READINGS, Figures, Policy, arrange, reckon
from warehouse.transforms.flags import all_count_on
from warehouse.transforms.heat import heat_daily, register_resolutions
from warehouse.transforms.periods import monthly, yearly

NEAR = timedelta(days=2)
"""Readings this far around a touched stretch usually hold its neighbours."""

FAR = timedelta(days=40)
"""Where they do not, most often these do; before that, the meter's whole history is asked."""

HOURS_AT_ONCE = 2_400_000
"""Hourly rows reckoned and committed together: bounds the memory, and the commits, of which each has a price."""

TIMES_AT_ONCE = 4 * HOURS_AT_ONCE
"""The same where nothing but their times is read: each part goes through all files of its time."""

REGISTERS_PER_POINT = 4
"""Registers a metering point has, for sizing what is reckoned together."""

_TOLD = (
    "organisation",
    "meter_id",
    "measured_at",
    "device_time",
    "layout_id",
    *CUMULATIVE,
    *GAUGES,
    "received_at",
    "landed_at",
    "source",
    "flags",
    "quality",
    "info_code",
    "info_code_kind",
)
"""Columns of a reading that figures and validation rest on."""

_TIMES = ("meter_id", "measured_at", "layout_id", "flags", "quality")
"""Those that tell which days do."""

FEW_POINTS = 1_000
"""So few points are reckoned for the days of all their neighbours at once: a second pass costs more than the days."""

LONGEST_DAY = timedelta(hours=26)
"""No local day is longer: clocks go back by two hours at most."""


_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)


@dataclass(frozen=True, slots=True)
class Stretches:
    """What has to be reckoned again.

    Attributes:
        points: ``metering_point``, ``touched_from`` and ``touched_to``; ``first_at`` and ``last_at``: with the
            neighbours on either side that may be seen otherwise now (UTC); ``first_day`` and ``last_day``: the local
            days between the nearest neighbours; ``is_end``: whether no reading follows beyond these.
        readings: Readings of the points' meters from neighbour to neighbour and a little beyond.
        installations: Installations of the points.
        exchanges: Exchanges of the points.
    """

    points: pl.DataFrame
    readings: pl.DataFrame
    installations: pl.DataFrame
    exchanges: pl.DataFrame

    def of(self, points: pl.DataFrame) -> "Stretches":
        """The part of some of the points (``metering_point``)."""
        installations = self.installations.join(points, on="metering_point", how="semi")
        return Stretches(
            points=self.points.join(points, on="metering_point", how="semi", maintain_order="left"),
            readings=self.readings.join(installations, on="meter_id", how="semi", maintain_order="left"),
            installations=installations,
            exchanges=self.exchanges.join(points, on="metering_point", how="semi"),
        )

    def with_all_neighbours(self, zone: ZoneInfo) -> "Stretches":
        """The same with the days of all neighbours."""
        return replace(self, points=self.points.with_columns(**_days(zone)))


@dataclass(frozen=True, slots=True)
class _Run:
    """What all parts of a run share."""

    house: Installation
    gathering: Gathering
    judging: Judging
    rules: EstimationRules
    as_of: datetime | None
    now: datetime


def reckon_figures(house: Installation, now: datetime) -> dict[str, int]:
    """Reckons consumption and heat of everything touched since the last time.

    Args:
        house: The installation.
        now: Instant of the run, UTC; becomes ``known_from`` of what changes.

    Returns:
        Rows inserted or replaced per table.
    """
    changed = Counter[str]()
    with house.alone("figures"):
        now = house.stamp(now)
        rules, judging = house.policy(EstimationRules), Judging.of(house)
        learned = 1
        while learned:  # what has been learned is for gaps that were reckoned before
            spans, newest = pending(house, "figures")
            why = causes(house, "figures")
            since, as_of = kept_newest(house), newest_reading(house, now)
            silent = silent_spans(house, as_of, rules.methods()).select(spans.columns)
            parts = touched_stretches(house, pl.concat([spans, silent]), rules)
            gathering = Gathering(house, now, why, last=(REGISTER_EVENTS, VEE_EXCEPTIONS))
            run = _Run(house, gathering, judging, rules, as_of, now)
            side_by_side(partial(_work, run), parts)
            gathering.finish()
            changed.update(gathering.changed)
            learned = learn_profiles(house, spans, since, as_of, rules, now)
            if learned:
                changed[GROUP_PROFILES.name] = learned
            keep_newest(house, as_of, now)
            done(house, "figures", newest, now)
    return changed


def touched_stretches(house: Installation, spans: pl.DataFrame, rules: EstimationRules) -> Iterator[Stretches]:
    """Widens touched spans to the neighbouring readings of their metering points, and to what is estimated from them.

    Args:
        house: The installation.
        spans: ``meter_id``, ``first_at``, ``last_at``.
        rules: The policy of estimation in force.

    Yields:
        Stretches of as many points as are reckoned together.
    """
    owned = pl.col("organisation") == house.organisation
    exchanges = house.lake.scan(EXCHANGES).filter(owned).collect()
    for some, readings, installations in _stretches(house, spans, rules, _TOLD, HOURS_AT_ONCE):
        stretches = Stretches(
            points=_widened(some, readings, installations, house),
            readings=readings,
            installations=installations,
            exchanges=exchanges.join(some, on="metering_point", how="semi"),
        )
        yield stretches if some.height > FEW_POINTS else stretches.with_all_neighbours(house.settings.zone)


def reckoned_days(house: Installation, spans: pl.DataFrame, rules: EstimationRules) -> pl.DataFrame:
    """Days of which :func:`reckon_figures` reckons figures again where some spans are touched.

    A reading amid a gap changes all days of it; one after which nothing came, the provisional days that follow.

    Args:
        house: The installation.
        spans: ``meter_id``, ``first_at``, ``last_at``.
        rules: The policy of estimation in force.

    Returns:
        ``metering_point``, ``first_day`` and ``last_day`` (local).
    """
    as_of = kept_newest(house)
    open_day = None if as_of is None else open_to(house, as_of)
    parts = [pl.DataFrame(schema={"metering_point": pl.String, "first_day": pl.Date, "last_day": pl.Date})]
    for some, times, installations in _stretches(house, spans, rules, _TIMES, TIMES_AT_ONCE):
        widened = _widened(some, times, installations, house).with_columns(**_days(house.settings.zone))
        provisional = pl.when("is_end").then(pl.lit(open_day, pl.Date))
        last = pl.max_horizontal("last_day", provisional)
        parts.append(widened.select("metering_point", "first_day", last_day=last))
    return pl.concat(parts)


def _stretches(
    house: Installation, spans: pl.DataFrame, rules: EstimationRules, columns: Sequence[str], hours_at_once: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    """Touched points, as many as are reckoned together, with readings around their spans and with installations."""
    owned = pl.col("organisation") == house.organisation
    installations = house.lake.scan(INSTALLATIONS).filter(owned).collect()
    inside = (pl.col("installed_at") <= pl.col("last_at")) & (
        pl.col("removed_at").is_null() | (pl.col("removed_at") >= pl.col("first_at"))
    )
    points = (
        installations.join(spans, on="meter_id")
        .filter(inside)
        .group_by("metering_point")
        .agg(pl.col("first_at").min(), pl.col("last_at").max())
        .sort("metering_point")
    )
    if points.height:
        points = widened_to_estimates(house, points, rules.methods())
    parts = ceil(points.height / _points_at_once(points, hours_at_once)) or 1
    for some in points.iter_slices(ceil(points.height / parts) or 1):  # of one size: after a long one, a core idles
        theirs = installations.join(some, on="metering_point", how="semi")
        yield some, _neighbourhood(house, some, theirs, columns), theirs


def _points_at_once(points: pl.DataFrame, hours_at_once: int) -> int:
    hours = points.select((pl.col("last_at") - pl.col("first_at")).dt.total_hours().max()).item() or 0
    return max(1, hours_at_once // ((hours + 24) * REGISTERS_PER_POINT))


def _neighbourhood(
    house: Installation, points: pl.DataFrame, installations: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    """Readings of the touched stretches and enough of their neighbours, however far away these are."""
    spans = ("meter_id", "first_at", "last_at")
    meters = installations.join(points, on="metering_point").select(spans).unique("meter_id")
    start, end = extent(meters["first_at"])[0], extent(meters["last_at"])[1]
    parts = [_readings_between(house, meters, start - NEAR, end + NEAR, columns)]
    parts.append(_readings_between(house, _few(meters, parts, after=True), end + NEAR, FOREVER, columns))
    parts.append(_readings_between(house, _few(meters, parts), start - FAR, start - NEAR, columns))
    parts.append(_readings_between(house, _few(meters, parts), NEVER, start - FAR, columns))
    return pl.concat(parts)


def _few(meters: pl.DataFrame, parts: list[pl.DataFrame], *, after: bool = False) -> pl.DataFrame:
    """Meters with too few readings, among those loaded, before (or after) the days that their stretch widens to."""
    at = pl.col("measured_at")
    loaded = pl.concat([part.filter(all_count_on()).select("meter_id", "measured_at") for part in parts])
    times = loaded.join(meters, on="meter_id").filter(at > pl.col("last_at") if after else at < pl.col("first_at"))
    edge = at.bottom_k(CONTEXT_READINGS).max() if after else at.top_k(CONTEXT_READINGS).min()
    beyond = at > pl.col("edge") + LONGEST_DAY if after else at < pl.col("edge") - LONGEST_DAY
    edges = times.group_by("meter_id").agg(edge=edge)
    counts = times.join(edges, on="meter_id").filter(beyond).group_by("meter_id").len()
    return meters.join(counts.filter(pl.col("len") >= LOADED_READINGS), on="meter_id", how="anti")


def _readings_between(
    house: Installation, meters: pl.DataFrame, start: datetime, end: datetime, columns: Sequence[str]
) -> pl.DataFrame:
    """Readings of some meters in a half-open stretch."""
    if meters.is_empty():
        return READINGS.empty().select(columns)
    low, high = meters["meter_id"].sort()[0], meters["meter_id"].sort()[-1]
    # Parts are in order of metering points, files in order of meters: each part meets all files of its time, and of
    # those rows that the filter drops no other column is decoded, which a join would do.
    return (
        house.lake.scan(READINGS)
        .filter(
            (pl.col("organisation") == house.organisation)
            & (pl.col("month") >= start.strftime("%Y-%m"))
            & (pl.col("month") <= end.strftime("%Y-%m"))
            & pl.col("measured_at").is_between(start, end, closed="left")
            & pl.col("meter_id").is_between(pl.lit(low), pl.lit(high))
            & pl.col("meter_id").is_in(meters["meter_id"].implode())
        )
        .select(columns)
        .collect()
    )


def _widened(
    points: pl.DataFrame, readings: pl.DataFrame, installations: pl.DataFrame, house: Installation
) -> pl.DataFrame:
    """Widens each point's stretch by the neighbours that may change with it, to the columns of :class:`Stretches`."""
    zone = house.settings.zone
    before, after = local_day(pl.col("before"), zone), local_day(pl.col("after"), zone)
    return (
        points.join(beside(readings, points, installations), on="metering_point", how="left", maintain_order="left")
        .select(
            "metering_point",
            "before",
            "after",
            touched_from="first_at",
            touched_to="last_at",
            first_at=pl.coalesce("since", "first_at"),
            last_at=pl.coalesce("until", "last_at"),
            is_end=(pl.col("following") <= CONTEXT_READINGS).fill_null(value=False),
        )
        .with_columns(**_days(zone))
        .with_columns(first_day=pl.coalesce(before, "first_day"), last_day=pl.coalesce(after, "last_day"))
        .drop("before", "after")
    )


def _days(zone: ZoneInfo) -> dict[str, pl.Expr]:
    """``first_day`` and ``last_day`` with all neighbours."""
    return {"first_day": local_day(pl.col("first_at"), zone), "last_day": local_day(pl.col("last_at"), zone)}


def _work(run: _Run, stretches: Stretches) -> None:
    run.gathering.add(_reckon(run, stretches))


def _reckon(run: _Run, stretches: Stretches) -> list[Replacement]:
    """Reckons one part.

    Returns:
        What is to be committed; hours are committed already: they are most of the rows, and most of them are new.
    """
    house, judging, rules, now = run.house, run.judging, run.rules, run.now
    zone, asked, layouts = house.settings.zone, stretches.points, judging.layouts
    of_points = judging.of_points(asked)
    policy = replace(of_points.limits, estimation=rules.methods())
    judged = judge_readings(of_points, stretches.readings, stretches.installations, asked)
    figures, ends, falls = _figures(run, replace(stretches, readings=judged.readings), policy)
    said = pl.concat(
        [falls, _events(house, asked).select("metering_point", "at"), judged.said(stretches.installations)]
    )
    unsettled = _unsettled(asked, said, zone)
    wider: list[Replacement] = []
    if not unsettled.is_empty():
        of_all = stretches.of(unsettled).with_all_neighbours(zone)
        wider = _reckon(run, of_all)
    # Days that are provisional, or were, go beyond the last reading.
    points = asked.join(ends, on="metering_point", how="left", maintain_order="left").with_columns(
        last_day=pl.max_horizontal("last_day", "open_to")
    )
    first, last = asked["first_day"].sort()[0], asked["last_day"].sort()[-1]
    bounds = local_days(first, last, zone)
    reckoned = (
        asked.select("metering_point", "first_day", "last_day")
        .join(bounds.select(first_day="day", reckoned_from="start"), on="first_day")
        .join(bounds.select(last_day="day", reckoned_to="end"), on="last_day")
    )
    stored = _events(house, reckoned)
    events_before = stored.filter(pl.col("at").is_between(pl.col("reckoned_from"), pl.col("reckoned_to")))
    late = late_readings(house, stretches.readings, stretches.installations)
    note_late(house, without_erased(house, VEE_EXCEPTIONS, late), now)
    hours_before = _of_days(house, CONSUMPTION_HOURLY, points)
    hourly = Replacement.of(house, CONSUMPTION_HOURLY, figures.hourly, hours_before, now)
    run.gathering.commit(hourly.without(unsettled))

    months_of_points = points.with_columns(pl.col("first_day").dt.month_start(), pl.col("last_day").dt.month_end())
    years_of_points = points.with_columns(
        pl.col("first_day").dt.truncate("1y"),
        pl.col("last_day").dt.truncate("1y").dt.offset_by("1y").dt.offset_by("-1d"),
    )
    days = _of_days(house, CONSUMPTION_DAILY, months_of_points)
    months = _of_days(house, CONSUMPTION_MONTHLY, years_of_points)
    others = stored.join(events_before, on=REGISTER_EVENTS.key, how="anti")
    events = pl.concat([rows.select(figures.events.columns) for rows in (others, figures.events)])
    daily = Replacement.of(house, CONSUMPTION_DAILY, figures.daily, _within(days, points), now)
    of_months = monthly(daily.applied_to(days), events, zone=zone)
    by_month = Replacement.of(house, CONSUMPTION_MONTHLY, of_months, _within(months, months_of_points), now)
    of_years = yearly(by_month.applied_to(months), events, zone=zone)
    years_before = _of_days(house, CONSUMPTION_YEARLY, years_of_points)
    by_year = Replacement.of(house, CONSUMPTION_YEARLY, of_years, years_before, now)
    resolutions = register_resolutions(judged.readings, layouts)
    of_heat = house.policy(HeatPolicy)
    heat = heat_daily(
        figures.daily,
        figures.hourly,
        judged.readings,
        resolutions,
        zone=zone,
        limit_k=of_heat.largest_error_k,
        least_share=of_heat.least_share,
    )
    by_heat = Replacement.of(house, HEAT_DAILY, heat, _of_days(house, HEAT_DAILY, points), now)
    happened = Replacement.of(house, REGISTER_EVENTS, figures.events, events_before, now)
    doubts = Replacement.of(
        house, VEE_EXCEPTIONS, *judged.with_events(figures.events, figures.exceptions, reckoned), now
    )
    settled = (daily, by_month, by_year, by_heat, happened, doubts)
    return [*(one.without(unsettled) for one in settled), *wider]


def _unsettled(points: pl.DataFrame, said: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Points of which a neighbour outside the touched stretch may be seen otherwise than before.

    Args:
        points: Those of :class:`Stretches`.
        said: ``metering_point`` and ``at`` of everything that validation, classification of falls or people said, now
            or before.
        zone: Zone of the days.

    Returns:
        ``metering_point``: those of which something is said, and which have days that are not reckoned for it.
    """
    of_neighbours = _days(zone)
    narrowed = (pl.col("first_day") > of_neighbours["first_day"]) | (pl.col("last_day") < of_neighbours["last_day"])
    at = pl.col("at")
    of_neighbour = at.is_between(pl.col("first_at"), pl.col("last_at")) & ~at.is_between(
        pl.col("touched_from"), pl.col("touched_to")
    )
    return (
        said.join(points.filter(narrowed), on="metering_point").filter(of_neighbour).select("metering_point").unique()
    )


def _figures(run: _Run, stretches: Stretches, policy: Policy) -> tuple[Figures, pl.DataFrame, pl.DataFrame]:
    """Figures of the stretches, the ends up to which days are provisional, and where registers fell or were exchanged.

    Estimates rest on four weeks of hours of each register with a gap: after an outage of many points, parts of them are
    reckoned one after another.
    """
    house, zone, asked = run.house, run.house.settings.zone, stretches.points
    arranged = arrange(
        stretches.readings,
        run.judging.layouts,
        stretches.installations,
        stretches.exchanges,
        days=asked,
        zone=zone,
        policy=policy,
    )
    courses = gaps_inside(house, arranged, asked).select("metering_point", "register").unique().height
    hours = courses * (policy.estimation.reach // timedelta(hours=1))
    parts = min(-(-hours // HOURS_AT_ONCE), asked.height)
    if parts <= 1:
        evidence = evidence_for(house, arranged, asked, run.rules, run.as_of)
        events = arranged.events.join(arranged.courses, on="course").select("metering_point", "at")
        return reckon(arranged, evidence, zone=zone, policy=policy), evidence.ends, events
    del arranged
    found = [_figures(run, stretches.of(some), policy) for some in asked.iter_slices(-(-asked.height // parts))]
    frames = {field.name: pl.concat([getattr(part, field.name) for part, _, _ in found]) for field in fields(Figures)}
    return Figures(**frames), pl.concat([ends for _, ends, _ in found]), pl.concat([falls for _, _, falls in found])


def _events(house: Installation, points: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``register_events`` that belong to the points, with the points' stretches beside them."""
    low, high = points["metering_point"].sort()[0], points["metering_point"].sort()[-1]
    rows = house.lake.scan(REGISTER_EVENTS).filter(
        (pl.col("organisation") == house.organisation) & pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
    )
    return rows.join(points.lazy(), on="metering_point").collect()


def _of_days(house: Installation, table: Table, points: pl.DataFrame) -> pl.DataFrame:
    """Rows of a table that belong to the days of the points' stretches; of other months no file is opened."""
    low, high = points["metering_point"].sort()[0], points["metering_point"].sort()[-1]
    first, last = points.select(pl.col("first_day").min(), pl.col("last_day").max()).row(0)
    # A local day begins on a UTC day next to it at most.
    month_of_first, month_of_last = (f"{day:%Y-%m}" for day in (first - timedelta(days=1), last + timedelta(days=1)))
    rows = house.lake.scan(table).filter(
        pl.col("organisation") == house.organisation,
        pl.col("month").is_between(pl.lit(month_of_first), pl.lit(month_of_last)),
        pl.col("metering_point").is_between(pl.lit(low), pl.lit(high)),
        pl.col("day").is_between(pl.lit(first), pl.lit(last)),
    )
    return _within(rows, points.lazy()).collect()


def _within(rows: _Frame, points: _Frame) -> _Frame:
    """Those of the rows that belong to the days of the points' stretches."""
    stretches = points.select("metering_point", "first_day", "last_day")
    of_days = pl.col("day").is_between(pl.col("first_day"), pl.col("last_day"))
    return rows.join(stretches, on="metering_point").filter(of_days).drop("first_day", "last_day")
