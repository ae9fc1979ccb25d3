"""Judging of readings on their way into consumption: which of them rules question, and what people have decided."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import polars as pl

from assets.installation import Installation
from assets.steps.bearing import bearing
from assets.steps.rates import counts_by_policy, rates_by_policy, with_learned_rates
from assets.steps.touched import extent
from decoders.info_codes import BITS
from registry import decisions, policies
from warehouse.policies import ConsumptionPolicy, ValidationPolicy, read_as
from warehouse.policies.consumption import LearnedRates
from warehouse.schemas import GROUP_MEMBERS, INSTALLATIONS, LAYOUTS, METERS, VEE_EXCEPTIONS
from warehouse.transforms.estimation.open_gaps import PROLONGED
from warehouse.transforms.policy import Policy
from warehouse.transforms.validation import effects
from warehouse.transforms.validation.catalogue import (
    DAY_KINDS,
    EXCLUDING,
    OF_EVENTS,
    OF_READINGS,
    READING_KINDS,
    RULES,
    WHOLE,
)
from warehouse.transforms.validation.gaps import judge_gaps
from warehouse.transforms.validation.identity import judge_times
from warehouse.transforms.validation.inputs import placed, steps, with_groups
from warehouse.transforms.validation.registers import judge_codes, judge_events, judge_gauges, judge_steps, judge_units
from warehouse.transforms.validation.rules import Rules, findings

_KIND, _RULE = pl.col("kind"), pl.col("rule")
_ABOUT_DAYS = _KIND.is_in(DAY_KINDS).fill_null(value=False)
_BY_READINGS = (_RULE.is_in(OF_READINGS) & ~_ABOUT_DAYS) | _KIND.is_in(READING_KINDS).fill_null(value=False)
_BY_EVENTS = (_RULE.is_in(OF_EVENTS) | _KIND.is_in(["REVERSE", PROLONGED]).fill_null(value=False)) & ~_BY_READINGS
BY_FIGURES = _RULE.is_in(list(RULES)) & ~_BY_READINGS & ~_BY_EVENTS
"""Findings that :mod:`assets.steps.validating` makes."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What rules need besides the values.

    Attributes:
        house: The installation.
        policy: The policy of validation.
        rules: The rules it sets.
        limits: The policy of consumption, for rates.
        learned_rates: How it has rates learned, if at all.
        counts: ``meter_id``, ``register`` and ``expected_count`` of the meters of which it says so.
        layouts: Rows of ``layouts``.
        media: ``meter_id`` and ``medium``.
        places: Rows of ``installations``.
        members: Rows of ``group_members``.
        decisions: Decisions in force.
        expected_interval: Time between two readings of a meter.
    """

    house: Installation
    policy: ValidationPolicy
    rules: Rules
    limits: Policy
    learned_rates: LearnedRates | None
    counts: pl.DataFrame
    layouts: pl.DataFrame
    media: pl.DataFrame
    places: pl.DataFrame
    members: pl.DataFrame
    decisions: pl.DataFrame
    expected_interval: timedelta

    @classmethod
    def of(cls, house: Installation) -> Self:
        """Reads it."""
        own = pl.col("organisation") == house.organisation
        with house.registry.begin(readonly=True) as session:
            stored = policies.stored(session, house.organisation, "validation")
            decided = decisions.in_force(session, house.organisation)
        policy = read_as(ValidationPolicy, stored.document)
        interval = timedelta(seconds=house.settings.expected_interval_s)
        members = house.lake.scan(GROUP_MEMBERS).filter(own).collect()
        consumption = house.policy(ConsumptionPolicy)
        limits = replace(consumption.limits(interval), own_rates=rates_by_policy(house, consumption, members))
        return cls(
            house,
            policy,
            policy.compiled(stored.version),
            limits,
            consumption.learned_rates,
            counts_by_policy(house, consumption, members),
            house.lake.scan(LAYOUTS).filter(own).collect(),
            house.lake.scan(METERS).filter(own).select("meter_id", "medium").collect(),
            house.lake.scan(INSTALLATIONS).filter(own).collect(),
            members,
            decided,
            interval,
        )

    def by(self, rules: Rules) -> Self:
        """The same by other rules."""
        return replace(self, rules=rules)

    def of_points(self, points: pl.DataFrame) -> Self:
        """The same with the rates that are learned of points (``metering_point``, ``first_day``)."""
        return replace(self, limits=with_learned_rates(self.house, self.limits, self.learned_rates, points))

    def scoped(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Events or figures with ``meter_id``, ``metering_point`` and ``at``, and what scopes ask about.

        They have no source: a scope that names one does not hold for them.
        """
        named = rows.join(self.media, on="meter_id", how="left", maintain_order="left").with_columns(
            source=pl.lit(None, pl.String)
        )
        if "role" not in rows.columns:
            named = named.with_columns(role=pl.lit("initial"))
        return with_groups(named, self.members, self.rules.groups)

    def find_in_readings(self, readings: pl.DataFrame) -> pl.DataFrame:
        """What the rules over readings find in rows of ``readings`` as decisions left them."""
        counted = readings.filter(pl.col("quality") != "R")
        places = self.places.join(counted, on="meter_id", how="semi")
        rows = placed(counted, places, self.media, self.members, self.rules.groups)
        moved = steps(rows, self.layouts)
        return findings(
            judge_times(rows, self.rules, self.house.settings.zone),
            judge_steps(moved, self.rules, self.limits),
            judge_units(moved, self.rules, self.counts),
            judge_gauges(rows, self.rules),
            judge_codes(rows, self.rules, BITS),
            judge_gaps(rows, self.rules, self.expected_interval),
        )

    def find_in_events(self, events: pl.DataFrame) -> pl.DataFrame:
        """What the rules over events of registers find in rows of ``register_events``."""
        return judge_events(self.scoped(events), self.rules)

    def find_silent(self, silent: pl.DataFrame) -> pl.DataFrame:
        """Registers that were not read for long, as findings of V21."""
        estimated = self.scoped(silent.with_columns(role=pl.lit("estimated")))
        return self.rules.found(
            estimated, "V21", pl.lit(value=True), reason=pl.col("reason"), evidence={}, kind=pl.lit(PROLONGED)
        )

    def stored(self, meters: pl.DataFrame) -> pl.DataFrame:
        """Exceptions of some meters (``meter_id``), whatever their state."""
        if meters.is_empty():
            return VEE_EXCEPTIONS.empty()
        ids = meters["meter_id"].sort()
        own = (pl.col("organisation") == self.house.organisation) & pl.col("meter_id").is_between(
            pl.lit(ids[0]), pl.lit(ids[-1])
        )
        return self.house.lake.scan(VEE_EXCEPTIONS).filter(own).join(meters.lazy(), on="meter_id", how="semi").collect()

    def standing(self, found: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
        """Exceptions as they stand with what was found now; see :func:`effects.exceptions`."""
        return effects.exceptions(found, before, self.decisions, self.rules.version)


@dataclass(frozen=True, slots=True)
class Counting:
    """What findings and decisions do to readings, for all that look at readings once consumption has judged them.

    Attributes:
        house: The installation.
        decisions: Decisions in force.
    """

    house: Installation
    decisions: pl.DataFrame

    @classmethod
    def of(cls, house: Installation) -> Self:
        """Reads the decisions."""
        with house.registry.begin(readonly=True) as session:
            return cls(house, decisions.in_force(session, house.organisation))

    def effects(
        self, registers: Collection[str], first: datetime, last: datetime, meters: pl.Series | None = None
    ) -> pl.DataFrame:
        """What is done to some registers, and to readings as a whole.

        Args:
            registers: The registers.
            first: First time of a reading, UTC.
            last: Last time of a reading, UTC, inclusive.
            meters: Of these meters; ``None``: of all.

        Returns:
            As :func:`effects.effects` gives them.
        """
        asked = pl.col("register").is_in([*registers, WHOLE]) & pl.col("at").is_between(pl.lit(first), pl.lit(last))
        if meters is not None:
            low, high = pl.lit(meters.min(), pl.String), pl.lit(meters.max(), pl.String)
            asked &= pl.col("meter_id").is_between(low, high) & pl.col("meter_id").is_in(meters.implode())
        stored = (
            self.house.lake.scan(VEE_EXCEPTIONS)
            .filter(
                pl.col("organisation") == self.house.organisation,
                pl.col("severity").is_in(EXCLUDING),
                pl.col("state").is_in(effects.OPEN),
                asked,
            )
            .collect()
        )
        return effects.effects(stored, self.decisions.filter(asked))

    def apply(self, readings: pl.DataFrame) -> pl.DataFrame:
        """Readings as consumption took them.

        Args:
            readings: ``organisation``, ``meter_id``, ``measured_at``, ``layout_id``, ``source``, ``flags``, ``quality``
                and registers of ``readings``.

        Returns:
            As :func:`effects.apply` gives them, in any order.
        """
        if readings.is_empty():
            return readings
        meters, times = readings["meter_id"].unique().sort(), readings["measured_at"]
        found = self.effects(readings.columns, *extent(times), meters)
        named = found.select("meter_id").unique()
        changed = effects.apply(readings.join(named, on="meter_id", how="semi"), found)
        return pl.concat([readings.join(named, on="meter_id", how="anti"), changed], how="diagonal_relaxed")


@dataclass(frozen=True, slots=True)
class Judged:
    """Judged readings.

    Attributes:
        readings: As consumption takes them.
        judging: What they were judged by.
        stored: Exceptions of their meters as they were.
        found: What the rules over readings found.
        before: Exceptions in the place of which ``found`` stands.
    """

    readings: pl.DataFrame
    judging: Judging
    stored: pl.DataFrame
    found: pl.DataFrame
    before: pl.DataFrame

    def said(self, installations: pl.DataFrame) -> pl.DataFrame:
        """``metering_point`` and ``at`` of all that was found, is stored or was decided of readings of their points."""
        of_meters = [rows.select("meter_id", "at") for rows in (self.stored, self.found, self.judging.decisions)]
        places = installations.select("meter_id", "metering_point")
        return pl.concat(of_meters).join(places, on="meter_id").select("metering_point", "at")

    def with_events(
        self, events: pl.DataFrame, silent: pl.DataFrame, reckoned: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """All exceptions of a stretch.

        Args:
            events: Rows of ``register_events`` that follow from the readings.
            silent: Rows of ``vee_exceptions`` about registers that were not read for long.
            reckoned: ``metering_point``, ``reckoned_from`` and ``reckoned_to``: the stretch the events are of.

        Returns:
            The exceptions as they stand now, and those as they stood before.
        """
        inside = pl.col("at").is_between(pl.col("reckoned_from"), pl.col("reckoned_to"))
        events_before = (
            self.stored.filter(_BY_EVENTS)
            .join(reckoned, on="metering_point")
            .filter(inside)
            .select(self.stored.columns)
        )
        before = pl.concat([self.before, events_before])
        found = findings(self.found, self.judging.find_in_events(events), self.judging.find_silent(silent))
        return self.judging.standing(found, before), before


def judge_readings(
    judging: Judging,
    readings: pl.DataFrame,
    installations: pl.DataFrame,
    points: pl.DataFrame,
) -> Judged:
    """Judges the readings of touched stretches.

    Args:
        judging: What they are judged by.
        readings: Rows of ``readings``, reaching beyond the stretches by what rules look at.
        installations: Rows of ``installations`` of the points.
        points: ``metering_point``, ``first_at`` and ``last_at``: what may have changed (UTC, both inclusive), and the
            local days of that, ``first_day`` and ``last_day``.

    Returns:
        The readings that bear on the days as consumption takes them, and what was found in the stretches, but for what
        was found while a meter was at another point.
    """
    of_meters = (
        installations.join(points, on="metering_point")
        .group_by("meter_id")
        .agg(pl.col("first_at").min(), pl.col("last_at").max())
    )
    stored = judging.stored(of_meters.select("meter_id"))
    theirs = judging.decisions.join(of_meters, on="meter_id", how="semi")
    doubted = pl.concat([stored.select("meter_id", "at"), theirs.select("meter_id", "at")])
    readings = bearing(readings, points, installations, doubted, judging.house.settings.zone)
    decided = effects.apply(readings, effects.effects(VEE_EXCEPTIONS.empty(), theirs))
    elsewhere = pl.col("metering_point").is_not_null() & ~pl.col("metering_point").is_in(
        points["metering_point"].implode()
    )
    within = pl.col("at").is_between(pl.col("first_at"), pl.col("last_at")) & ~elsewhere
    found = judging.find_in_readings(decided)
    found = found.join(of_meters, on="meter_id").filter(within).select(found.columns)
    before = stored.filter(_BY_READINGS).join(of_meters, on="meter_id").filter(within).select(stored.columns)
    others = stored.join(before, on=VEE_EXCEPTIONS.key, how="anti")
    now = judging.standing(found, before)
    columns = ("organisation", "meter_id", "register", "at", "rule", "severity", "state")
    standing = pl.concat([others.select(columns), now.select(columns)])
    return Judged(
        readings=effects.apply(readings, effects.effects(standing, theirs)),
        judging=judging,
        stored=stored,
        found=found,
        before=before,
    )
