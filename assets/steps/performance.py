"""Reading performance of the touched days."""

from collections import Counter
from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.day_ranges import DayRange, bounds_of, last_attempts, rows_between, runs, touched_days
from assets.steps.erasing import without_erased
from assets.steps.frozen import keep_frozen
from assets.steps.touched import done, pending
from registry.inventory import capacity
from warehouse.policies import PerformancePolicy
from warehouse.schemas import (
    GROUP_MEMBERS,
    GROUP_READERS,
    INSTALLATIONS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
)
from warehouse.transforms.performance import Expectation, Performance, billing_performance, reading_performance
from warehouse.transforms.schedules import scheduled
from warehouse.transforms.slots import BILLING, CRITERIA

_DAY = timedelta(days=1)
_BY_DAY = tuple(name for name in CRITERIA if name != BILLING)


def reckon_performance(house: Installation, now: datetime) -> Counter[str]:
    """Brings the reading performance of installed meters up to date for the touched local days.

    Days that were never reckoned, and those from the newest one on, are reckoned for all meters: a day on which nothing
    was heard is a day on which everything is missing. Of older days only the touched meters are.

    Returns:
        Rows inserted or replaced, by table.

    Raises:
        CapacityError: Readings are expected more often than the capacity plan allows.
    """
    changed: Counter[str] = Counter()
    with house.alone("performance"):
        policy = house.policy(PerformancePolicy)
        _check_intervals(house, policy)
        spans, newest = pending(house, "performance")
        if spans.is_empty():
            return changed
        installations = house.lake.scan(INSTALLATIONS).filter(pl.col("organisation") == house.organisation).collect()
        expectation = _expectation(house, policy, installations)
        for days in _ranges(house, spans):
            active = installations.select("organisation", "meter_id", "installed_at", "removed_at")
            if days.meters is not None:
                active = active.filter(pl.col("meter_id").is_in(days.meters.implode()))
            changed += _by_days(house, days, active, expectation, now)
            changed += _by_billing_days(house, days, active, expectation, policy, now)
        done(house, "performance", newest, now)
    return changed


def _check_intervals(house: Installation, policy: PerformancePolicy) -> None:
    with house.registry.begin(readonly=True) as session:
        capacity.check_interval(session, house.organisation, house.settings.expected_interval_s)
        for name, one in policy.schedules.items():
            if one.every_min is not None:
                asked_by = f"the schedule {name} of the policy performance"
                capacity.check_interval(session, house.organisation, one.every_min * 60, asked_by)


def _ranges(house: Installation, spans: pl.DataFrame) -> list[DayRange]:
    """Days to be reckoned for all meters, and days to be reckoned for the touched ones."""
    days = touched_days(house, spans)
    stored = house.lake.scan(READING_PERFORMANCE_DAILY).filter(pl.col("organisation") == house.organisation)
    month = stored.select(pl.col("month").max()).collect().item()
    newest = stored.filter(pl.col("month").eq_missing(pl.lit(month))).select(pl.col("day").max()).collect().item()
    if newest is not None and newest < days[-1]:
        between = [newest + _DAY * number for number in range((days[-1] - newest).days)]
        days = sorted({*days, *between})
    low, high = (pl.lit(f"{day:%Y-%m}") for day in (days[0] - _DAY, days[-1]))
    near = stored.filter(pl.col("month").is_between(low, high), pl.col("day").is_between(days[0], days[-1]))
    known = set(near.select(pl.col("day").unique()).collect().to_series())
    whole = [day for day in days if day not in known or day >= newest]
    return [*runs(whole, None), *runs(sorted(set(days) - set(whole)), spans["meter_id"])]


def _expectation(house: Installation, policy: PerformancePolicy, installations: pl.DataFrame) -> Expectation:
    if not policy.schedules:
        return Expectation(deadline=policy.deadline)
    readers, members = (
        house.lake.scan(table).filter(pl.col("organisation") == house.organisation).drop("organisation").collect()
        for table in (GROUP_READERS, GROUP_MEMBERS)
    )
    named = {name: (one.collectors, one.groups) for name, one in policy.schedules.items()}
    theirs = scheduled(named, readers, members, installations)
    nothing = [name for name, one in policy.schedules.items() if one.nothing]
    return Expectation(
        deadline=policy.deadline,
        schedules={name: one.slots for name, one in policy.schedules.items() if not one.nothing},
        scheduled=theirs,
        unscheduled=theirs.filter(pl.col("schedule").is_in(nothing)),
    )


def _by_days(
    house: Installation, days: DayRange, active: pl.DataFrame, expectation: Expectation, now: datetime
) -> Counter[str]:
    start, end = bounds_of(house, days)
    longest = max((one.within for one in expectation.schedules.values()), default=timedelta())
    window = (start, end + longest)
    rows = reading_performance(
        _readings(house, window, days.meters),
        _unread(house, window, days.meters),
        active,
        days.first,
        days.last,
        zone=house.settings.zone,
        as_of=now,
        expectation=expectation,
    )
    return _store(house, days, rows, _BY_DAY, now)


def _by_billing_days(
    house: Installation,
    days: DayRange,
    active: pl.DataFrame,
    expectation: Expectation,
    policy: PerformancePolicy,
    now: datetime,
) -> Counter[str]:
    """Billing days on or beside the days; their boundaries are measured by readings of the days around them."""
    around = pl.date_range(days.first - _DAY, days.last + _DAY, eager=True).to_list()
    within = timedelta(hours=policy.billing_within_h)
    changed: Counter[str] = Counter()
    for day in (day for day in around if day.day == policy.billing_day):
        one = DayRange(day, day, days.meters)
        start, _ = bounds_of(house, one)
        window = (start - within, start + within)
        rows = billing_performance(
            _readings(house, window, days.meters),
            _unread(house, window, days.meters),
            active,
            day,
            day,
            zone=house.settings.zone,
            as_of=now,
            day_of_month=policy.billing_day,
            within=within,
            expectation=expectation,
        )
        changed += _store(house, one, rows, (BILLING,), now)
    return changed


def _readings(house: Installation, window: tuple[datetime, datetime], meters: pl.Series | None) -> pl.DataFrame:
    # A reading that an earlier reception superseded had arrived in time all the same.
    return pl.concat(
        rows_between(house, table, "measured_at", window, meters).select(
            "meter_id", "measured_at", "landed_at", "quality"
        )
        for table in (READINGS, READINGS_HISTORY)
    ).collect()


def _unread(house: Installation, window: tuple[datetime, datetime], meters: pl.Series | None) -> pl.DataFrame:
    """Frames that gave no reading, with their collectors."""
    columns = ("meter_id", "received_at", "landed_at")
    frames = last_attempts(house, window, meters, columns, unread=True)
    if frames.is_empty():
        return frames.select(*columns, "outcome", collector=pl.lit(None, pl.String))
    heard = rows_between(house, RECEPTIONS, "received_at", window, None).select("frame_id", "collector")
    return frames.lazy().join(heard, on="frame_id", how="left").select(*columns, "outcome", "collector").collect()


def _store(
    house: Installation, days: DayRange, rows: Performance, criteria: tuple[str, ...], now: datetime
) -> Counter[str]:
    """Puts the rows of some days, meters and criteria in the place of those that were there."""
    stale = pl.DataFrame({"day": pl.date_range(days.first, days.last, eager=True)}).join(
        pl.DataFrame({"criterion": criteria}), how="cross"
    )
    stale = stale.with_columns(organisation=pl.lit(house.organisation))
    if days.meters is not None:
        stale = stale.join(days.meters.alias("meter_id").to_frame(), how="cross")
    changed: Counter[str] = Counter()
    for table, fresh in ((READING_PERFORMANCE_DAILY, rows.daily), (MISSING_CAUSES_DAILY, rows.causes)):
        kept = without_erased(house, table, fresh.with_columns(known_from=pl.lit(now)), around=0)
        kept = keep_frozen(house, table, kept, days.first, days.last)
        merged = house.lake.merge(table, kept, stale=stale, superseded_at=now)
        changed[table.name] = merged.inserted + merged.replaced
    return changed
