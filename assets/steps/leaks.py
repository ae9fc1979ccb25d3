"""Leaks and bursts: what the touched consumption of water points says."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased
from assets.steps.estimating import kept_newest
from assets.steps.frozen import thawed
from assets.steps.judging import Counting
from assets.steps.side_by_side import side_by_side
from assets.steps.touched import done, extent, pending
from warehouse.policies import LeakPolicy
from warehouse.schemas import (
    CONSUMPTION_HOURLY,
    FLOW_DAILY,
    INSTALLATIONS,
    INSTANT,
    LAYOUTS,
    LEAK_EVENTS,
    METERING_POINTS,
    METERS,
    READINGS,
    Table,
)
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.flags import DISPUTED, says
from warehouse.transforms.heat import register_resolutions
from warehouse.transforms.leaks.bursts import BURST, STEP, burst_events, hourly_bursts, quick_bursts, step_events
from warehouse.transforms.leaks.continuous import CHRONIC_WITHIN, KIND, continuous_flow
from warehouse.transforms.leaks.days import flow_daily, reach
from warehouse.transforms.leaks.hours import POINT, flows
from warehouse.transforms.leaks.limits import Limits
from warehouse.transforms.leaks.slow import HISTORY, PERIODIC, SLOW, periodic_draws, slow_leaks

WORK = "leaks"
VOLUME = "volume_m3"
HOURS_AT_ONCE = 1_200_000
"""Hours of metering points reckoned and committed together; bounds the memory (about 600 bytes each, twice)."""

LONGEST_INTERVAL = timedelta(hours=2)
"""Where readings are further apart, hours are not measured, whatever the quality of their boundaries."""

_DAY = timedelta(days=1)
_BEGINNINGS = ((KIND, "flow_since"), (BURST, "burst_since"))
"""Kinds of episodes that are found in hours; those of other kinds are found in days."""

_STEP_REACH = timedelta(days=70)
"""Days before, within which a rise of night use began that still goes on: afterwards it is usual."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Points that are reckoned together.

    Attributes:
        points: ``organisation``, ``metering_point``, ``flow_since`` and ``burst_since`` (UTC: from when on episodes of
            continuous flow and bursts are reckoned again; of most points ``since``).
        first: First local day whose figures are reckoned again.
        since: From when on the hours and readings of all points are looked at (UTC).
        low: First of the points by name.
        high: Last of them.
    """

    points: pl.DataFrame
    first: date
    since: datetime
    low: str
    high: str


def reckon_leaks(house: Installation, now: datetime) -> dict[str, int]:
    """Brings leaks, bursts and daily flow of the touched water points up to date.

    Returns:
        Rows inserted or replaced per table.
    """
    changed = Counter({FLOW_DAILY.name: 0, LEAK_EVENTS.name: 0})
    with house.alone(WORK):
        spans, newest = pending(house, WORK, after="figures")
        policy, counting = house.policy(LeakPolicy), Counting.of(house)
        if timedelta(seconds=house.settings.expected_interval_s) <= LONGEST_INTERVAL:
            reckoned = partial(_reckon, house, policy=policy, counting=counting, now=now)
            for counts in side_by_side(reckoned, _parts(house, spans, policy, kept_newest(house))):
                changed.update(counts)
        done(house, WORK, newest, now)
    return changed


def _parts(house: Installation, spans: pl.DataFrame, policy: LeakPolicy, newest: datetime | None) -> Iterator[_Part]:
    """The touched points by the day from which they are reckoned again, up to the newest reading.

    Measured hours change no further from a touched reading than the readings that judge it lie.
    """
    if spans.is_empty():
        return
    last = extent(spans["last_at"])[1]
    interval = timedelta(seconds=house.settings.expected_interval_s)
    watched = house.lake.scan(METERING_POINTS).filter(
        pl.col("organisation") == house.organisation,
        pl.col("medium").is_in(list(policy.media)),
        pl.col("role").is_in(list(policy.roles)),
    )
    touched = (
        house.lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == house.organisation)
        .join(spans.lazy(), on="meter_id")
        .join(watched, on=POINT, how="semi")
        .group_by(POINT)
        .agg(at=pl.col("first_at").min() - 6 * interval - timedelta(hours=1))
        .with_columns(first=local_day(pl.col("at"), house.settings.zone))
        .sort("first", "metering_point")
        .collect()
    )
    for (first,), some in touched.group_by("first", maintain_order=True):
        assert isinstance(first, date)  # noqa: S101  the key of the groups
        since = local_days(first, first, house.settings.zone)["start"][0] - timedelta(hours=25)
        hours = (max(last, newest or last) - since) // timedelta(hours=1)
        for part in some.iter_slices(max(HOURS_AT_ONCE // hours, 1)):
            low, high = part["metering_point"][0], part["metering_point"][-1]
            reaching = _events(house, low, high).filter(pl.col("last_seen") >= since)
            began = reaching.group_by(POINT).agg(
                pl.col("first_seen").filter(pl.col("kind") == kind).min().alias(name) for kind, name in _BEGINNINGS
            )
            points = part.join(began.collect(), on=POINT, how="left", maintain_order="left").select(
                *POINT, *(pl.min_horizontal(name, pl.lit(since)).cast(INSTANT).alias(name) for _, name in _BEGINNINGS)
            )
            yield _Part(points, first, since, low, high)


def _events(house: Installation, low: str, high: str) -> pl.LazyFrame:
    return house.lake.scan(LEAK_EVENTS).filter(
        pl.col("organisation") == house.organisation, pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
    )


def _reckon(
    house: Installation, part: _Part, *, policy: LeakPolicy, counting: Counting, now: datetime
) -> dict[str, int]:
    zone, limits = house.settings.zone, policy.limits()
    readings = _readings(house, part, counting)
    layouts = house.lake.scan(LAYOUTS).filter(pl.col("organisation") == house.organisation).collect()
    resolutions = register_resolutions(readings, layouts).filter(register=VOLUME)
    measured = _measured(house, part, resolutions)
    known = _days(house, part, part.first - reach(limits) * _DAY)
    fresh = flow_daily(measured, known, limits, zone, first=part.first)
    stale = known.filter(pl.col("day") >= part.first)
    changed = {FLOW_DAILY.name: _replace(house, FLOW_DAILY, fresh, stale, now)}

    stored = _events(house, part.low, part.high).join(part.points.lazy(), on=POINT).collect()
    flow, burst = ((pl.col("kind") == kind) & (pl.col("last_seen") > pl.col(name)) for kind, name in _BEGINNINGS)
    recent = pl.col("last_seen") > pl.col("flow_since") - CHRONIC_WITHIN
    earlier = stored.filter(pl.col("kind") == KIND, ~flow, recent)
    since = part.points.select(*POINT, since="flow_since")
    steady = continuous_flow(measured, since, earlier, limits)
    models = house.lake.scan(METERS).select("organisation", "meter_id", "model").collect()
    all_days = pl.concat([known.filter(pl.col("day") < part.first).select(fresh.columns), fresh])
    burst_hours = measured.join(part.points, on=POINT).filter(pl.col("start") >= pl.col("burst_since"))
    bursts = burst_events(hourly_bursts(burst_hours, all_days, limits), quick_bursts(readings, models, limits))
    before = _days(house, part, part.first - _STEP_REACH, pl.col("step_lh").is_not_null())
    risen = before.filter(pl.col("day") < part.first)
    steps = step_events(pl.concat([risen.select(fresh.columns), fresh]), limits, zone)
    labelled, relabelled = _labels(house, part, all_days, stored, limits)
    events = pl.concat([steady, bursts, steps, labelled], how="diagonal_relaxed")
    step_since = local_days(part.first - _STEP_REACH, part.first, zone)["start"].min()
    replaced = stored.filter(flow | burst | ((pl.col("kind") == STEP) & (pl.col("last_seen") > pl.lit(step_since))))
    replaced = pl.concat([replaced, relabelled.select(replaced.columns)])
    changed[LEAK_EVENTS.name] = _replace(house, LEAK_EVENTS, events, replaced, now)
    return changed


def _labels(
    house: Installation, part: _Part, days: pl.DataFrame, stored: pl.DataFrame, limits: Limits
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Slow leaks and periodic draws, and the stored ones in the place of which they stand.

    Each point is looked at from a week before, or from the start of the episodes that reach into that week; beside the
    days that all points are known of, few are read.
    """
    zone = house.settings.zone
    slow_since, periodic_since = (
        _labelled_since(part, stored.filter(pl.col("kind") == kind), zone) for kind in (SLOW, PERIODIC)
    )
    since = pl.concat([slow_since, periodic_since]).group_by(POINT).agg(low=pl.col("low").min() - HISTORY)
    known_from = part.first - reach(limits) * _DAY
    longer = since.filter(pl.col("low") < known_from)
    if longer.height:
        lowest = longer["low"].sort()[0]
        earlier = _days(house, part, lowest, pl.col("day") < known_from, points=longer)
        days = pl.concat([earlier.select(days.columns), days])
    slow = slow_leaks(_from(days, slow_since), limits)
    before = periodic_since.with_columns(pl.col("low") - HISTORY)
    periodic = periodic_draws(_from(days, before), limits, zone, periodic_since)
    of_kinds = pl.concat(
        [slow_since.with_columns(kind=pl.lit(SLOW)), periodic_since.with_columns(kind=pl.lit(PERIODIC))]
    )
    stale = stored.join(of_kinds, on=[*POINT, "kind"]).filter(local_day(pl.col("first_seen"), zone) >= pl.col("low"))
    return pl.concat([slow, periodic]), stale


def _labelled_since(part: _Part, stored: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """``organisation``, ``metering_point`` and ``low``: the day from which episodes of a kind are found again."""
    week = part.first - HISTORY - _DAY
    start = local_days(week, week, zone)["start"][0]
    reaching = stored.filter(pl.col("last_seen") > start)
    began = reaching.group_by(POINT).agg(began=local_day(pl.col("first_seen").min(), zone))
    return part.points.join(began, on=POINT, how="left").select(
        *POINT, low=pl.min_horizontal(pl.lit(week), pl.coalesce("began", pl.lit(week)))
    )


def _from(days: pl.DataFrame, since: pl.DataFrame) -> pl.DataFrame:
    return days.join(since, on=POINT).filter(pl.col("day") >= pl.col("low")).drop("low")


def _hours(house: Installation, part: _Part, since: datetime, *conditions: pl.Expr) -> pl.LazyFrame:
    """Hours of the part's volumes from an instant on."""
    return (
        house.lake.scan(CONSUMPTION_HOURLY)
        .filter(
            pl.col("organisation") == house.organisation,
            pl.col("month") >= f"{since:%Y-%m}",
            pl.col("period_start") >= since,
            pl.col("metering_point").is_between(pl.lit(part.low), pl.lit(part.high)),
            pl.col("register") == VOLUME,
            *conditions,
        )
        .select(*POINT, "meter_id", "day", "period_start", "period_end", "consumption", "quality")
    )


def _measured(house: Installation, part: _Part, resolutions: pl.DataFrame) -> pl.DataFrame:
    """Flow of the hours that are looked at; those before ``since`` are read of points with an episode alone."""
    near = _hours(house, part, part.since).join(part.points.lazy(), on=POINT, how="semi").collect()
    begun = part.points.with_columns(since=pl.min_horizontal("flow_since", "burst_since"))
    longer = begun.filter(pl.col("since") < pl.lit(part.since))
    if longer.is_empty():
        return flows(near, resolutions)
    earliest = extent(longer["since"])[0]
    earlier = (
        _hours(house, part, earliest, pl.col("period_start") < part.since)
        .join(longer.lazy(), on=POINT)
        .filter(pl.col("period_start") >= pl.col("since"))
        .select(near.columns)
        .collect()
    )
    # What one count is of a meter that is gone since, or silent, its days tell.
    days = _days(house, part, earliest.date() - _DAY, points=longer)
    told = days.group_by("organisation", "meter_id").agg(resolution=pl.col("count_l").max() / 1000)
    others = told.join(resolutions, on=["organisation", "meter_id"], how="anti")
    known = pl.concat([resolutions.select(others.columns), others])
    return flows(pl.concat([earlier, near]), known)


def _days(
    house: Installation, part: _Part, first: date, *conditions: pl.Expr, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rows of ``flow_daily`` of the part's points, or of some of them, from a day on."""
    rows = house.lake.scan(FLOW_DAILY).filter(
        pl.col("organisation") == house.organisation,
        pl.col("month") >= f"{first:%Y-%m}",
        pl.col("day") >= first,
        pl.col("metering_point").is_between(pl.lit(part.low), pl.lit(part.high)),
        *conditions,
    )
    some = part.points if points is None else points
    return rows.join(some.lazy(), on=POINT, how="semi").collect()


def _readings(house: Installation, part: _Part, counting: Counting) -> pl.DataFrame:
    """Volumes of the points' meters that count while they are there, with the layout that tells their resolution."""
    longer = part.points.filter(pl.col("burst_since") < pl.lit(part.since))
    parts = [_counted(house, part.points.select(*POINT, since=pl.lit(part.since)), counting)]
    if longer.height:
        theirs = longer.select(*POINT, since="burst_since")
        parts.append(_counted(house, theirs, counting, until=part.since))
    return pl.concat(parts)


def _counted(
    house: Installation, points: pl.DataFrame, counting: Counting, until: datetime | None = None
) -> pl.DataFrame:
    """The same of some points (``organisation``, ``metering_point``, ``since``), up to an instant."""
    earliest = extent(points["since"])[0]
    there = house.lake.scan(INSTALLATIONS).join(points.lazy(), on=POINT).collect()
    columns = ("organisation", "meter_id", "measured_at", VOLUME, "layout_id")
    within = pl.col("measured_at") >= earliest
    read = (
        house.lake.scan(READINGS)
        .filter(
            pl.col("organisation") == house.organisation,
            pl.col("month") >= f"{earliest:%Y-%m}",
            within if until is None else within & (pl.col("measured_at") < until),
            pl.col("meter_id").is_in(there["meter_id"].unique().implode()),
        )
        .select(*columns, "source", "flags", "quality")
        .join(there.lazy(), on=["organisation", "meter_id"], how="semi")
        .collect()
    )
    return (
        counting.apply(read)
        .lazy()
        .filter(pl.col("quality").is_in(["M", "X"]))
        .join(there.lazy(), on=["organisation", "meter_id"])
        .filter(
            pl.col("measured_at") >= pl.max_horizontal("since", "installed_at"),
            (pl.col("measured_at") < pl.col("removed_at")).fill_null(value=True),
        )
        .select("metering_point", *columns, disputed=says(DISPUTED, VOLUME))
        .collect()
    )


def _replace(house: Installation, table: Table, fresh: pl.DataFrame, before: pl.DataFrame, now: datetime) -> int:
    fresh, before = (thawed(house, table, without_erased(house, table, rows)) for rows in (fresh, before))
    rows = fresh.with_columns(known_from=pl.lit(now))
    merged = house.lake.merge(table, rows, stale=before.select(table.key), superseded_at=now)
    return merged.inserted + merged.replaced
