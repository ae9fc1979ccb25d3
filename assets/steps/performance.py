"""Reading performance of the touched days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.day_ranges import DayRange, bounds_of, last_attempts, rows_between, runs, touched_days
from assets.steps.erasing import without_erased
from assets.steps.frozen import keep_frozen
from assets.steps.judging import Counting
from assets.steps.touched import done, pending
from registry.inventory import capacity
from warehouse.policies import PerformancePolicy
from warehouse.schemas import (
    GROUP_MEMBERS,
    GROUP_READERS,
    INSTALLATIONS,
    METER_CONFIGURATIONS,
    METERS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
)
from warehouse.schemas.registers import CUMULATIVE, GAUGES
from warehouse.transforms.performance import Expectation, Performance, billing_performance, reading_performance
from warehouse.transforms.schedules import configured, scheduled
from warehouse.transforms.slots import BILLING, CRITERIA
from warehouse.transforms.validation.catalogue import WHOLE

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
        spans, newest = pending(house, "performance", after="figures")
        if spans.is_empty():
            return changed
        installations = house.lake.scan(INSTALLATIONS).filter(pl.col("organisation") == house.organisation).collect()
        expectation, valid = _expectation(house, policy, installations), _Valid.of(house, policy)
        for days in _ranges(house, spans):
            active = installations.select("organisation", "meter_id", "installed_at", "removed_at")
            if days.meters is not None:
                active = active.filter(pl.col("meter_id").is_in(days.meters.implode()))
            changed += _by_days(house, days, active, expectation, valid, now)
            changed += _by_billing_days(house, days, active, expectation, policy, valid, now)
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
    configurations = (
        house.lake.scan(METER_CONFIGURATIONS).filter(pl.col("organisation") == house.organisation).collect()
    )
    own = configured(configurations, installations)
    if not policy.schedules:
        return Expectation(deadline=policy.deadline, configured=own)
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
        configured=own,
    )


@dataclass(frozen=True, slots=True)
class _Valid:
    """Which readings are valid ones: they have the register of the criterion, and consumption counts it (§6).

    Attributes:
        registers: ``meter_id`` and ``register``, null where any value will do.
        counting: What validation and people say of readings.
    """

    registers: pl.DataFrame
    counting: Counting

    @classmethod
    def of(cls, house: Installation, policy: PerformancePolicy) -> "_Valid":
        meters = house.lake.scan(METERS).filter(pl.col("organisation") == house.organisation)
        register = _by_medium(policy.registers_by_medium)
        return cls(meters.select("meter_id", register=register).collect(), Counting.of(house))

    def has_register(self) -> pl.Expr:
        """Whether a reading with its meter's ``register`` beside it has a value of that."""
        named = self.registers["register"]
        has = pl.lit(value=False)
        if named.null_count():
            has = pl.col("register").is_null() & pl.any_horizontal(pl.col(*CUMULATIVE, *GAUGES).is_not_null())
        for name in named.drop_nulls().unique().sort():
            has |= (pl.col("register") == name) & pl.col(name).is_not_null()
        return has

    def discarded(self, window: tuple[datetime, datetime]) -> pl.DataFrame:
        """``meter_id`` and ``measured_at`` of readings whose register does not count as it was read."""
        names = self.registers["register"].drop_nulls().unique()
        return (
            self.counting.effects(names.to_list(), *window)
            .filter(pl.col("effect").is_in(["exclude", "replace"]))
            .join(self.registers.rename({"register": "own"}), on="meter_id")
            .filter((pl.col("register") == WHOLE) | (pl.col("register") == pl.col("own")))
            .select("meter_id", measured_at="at")
            .unique()
        )


def _by_medium(registers: Mapping[str, str]) -> pl.Expr:
    return pl.col("medium").replace_strict(dict(registers), default=None, return_dtype=pl.String)


def _by_days(
    house: Installation,
    days: DayRange,
    active: pl.DataFrame,
    expectation: Expectation,
    valid: _Valid,
    now: datetime,
) -> Counter[str]:
    start, end = bounds_of(house, days)
    longest = max((one.within for one in expectation.schedules.values()), default=timedelta())
    window = (start, end + longest)
    rows = reading_performance(
        *_heard(house, window, days.meters, valid),
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
    valid: _Valid,
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
            *_heard(house, window, days.meters, valid),
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


def _heard(
    house: Installation, window: tuple[datetime, datetime], meters: pl.Series | None, valid: _Valid
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Valid readings, and what was heard and gave none: frames that were not read, readings that do not count."""
    columns = ("meter_id", "measured_at", "landed_at", "quality")
    discarded = valid.discarded(window).lazy()
    # A reading that an earlier reception superseded had arrived in time all the same.
    current, superseded = (
        rows_between(house, table, "measured_at", window, meters)
        .filter(pl.col("quality") == "M")
        .join(valid.registers.lazy(), on="meter_id", how="left")
        .filter(valid.has_register())
        for table in (READINGS, READINGS_HISTORY)
    )
    key = ["meter_id", "measured_at"]
    read = pl.concat(rows.join(discarded, on=key, how="anti").select(columns) for rows in (current, superseded))
    rejected = current.join(discarded, on=key, how="semi").select(
        "meter_id", "landed_at", "frame_id", received_at="measured_at", outcome=pl.lit("rejected")
    )
    return read.collect(), pl.concat([_unread(house, window, meters), _with_collectors(house, rejected, window)])


def _unread(house: Installation, window: tuple[datetime, datetime], meters: pl.Series | None) -> pl.DataFrame:
    """Frames that gave no reading, with their collectors."""
    frames = last_attempts(house, window, meters, ("meter_id", "received_at", "landed_at"), unread=True)
    return _with_collectors(house, frames.lazy(), window)


def _with_collectors(house: Installation, frames: pl.LazyFrame, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """``meter_id``, ``received_at``, ``landed_at``, ``outcome`` and ``collector`` of frames."""
    columns = ("meter_id", "received_at", "landed_at", "outcome")
    found = frames.select("frame_id", *columns).collect()
    if found.is_empty():
        return found.select(*columns, collector=pl.lit(None, pl.String))
    heard = rows_between(house, RECEPTIONS, "received_at", window, None).select("frame_id", "collector")
    return found.lazy().join(heard, on="frame_id", how="left").select(*columns, "collector").collect()


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
