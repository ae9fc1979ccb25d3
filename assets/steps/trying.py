"""Dry run of a changed policy of validation over past days: what it would find anew, and what no more."""

from datetime import date, datetime

import polars as pl

from assets.installation import Installation
from assets.steps.clocks import find_clocks
from assets.steps.figures import touched_stretches
from assets.steps.judged_figures import Known, judged_period, places_of
from assets.steps.judging import Judging
from assets.steps.validating import find_in_figures, find_inactive, find_silent
from registry import trials
from warehouse.policies import EstimationRules, ValidationPolicy, read_as
from warehouse.schemas import READINGS, REGISTER_EVENTS
from warehouse.transforms.calendar import local_days
from warehouse.transforms.validation import effects
from warehouse.transforms.validation.catalogue import RULES
from warehouse.transforms.validation.rules import KEY, findings


def try_policy(
    house: Installation, document: str, first: date, last: date, *, identity: str, now: datetime
) -> pl.DataFrame:
    """Runs a document over past days beside the policy in force, and notes that it was tried.

    Figures are those that stand: values that the new rules would reject still count in them.

    Args:
        house: The installation.
        document: YAML of the policy ``validation``.
        first: First local day.
        last: Last local day, inclusive.
        identity: Who tries it.
        now: Instant of the trial, UTC.

    Returns:
        ``rule``, ``name``, ``new``, ``vanished``, ``unchanged`` and ``changed`` (in severity), a row per rule.

    Raises:
        PolicyError: The document is not understood.
    """
    policy = read_as(ValidationPolicy, document)
    judging = Judging.of(house)
    before, after = (_find(house, one, first, last, now) for one in (judging, judging.by(policy.compiled(0))))
    counts = differences(before, after)
    result = {
        str(row["rule"]): {name: row[name] for name in ("new", "vanished", "unchanged", "changed")}
        for row in counts.iter_rows(named=True)
    }
    with house.registry.begin() as session:
        trials.note(
            session,
            house.organisation,
            "validation",
            document,
            first_day=first,
            last_day=last,
            result=result,
            identity=identity,
            now=now,
        )
    return counts


def differences(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Compares findings, rule by rule.

    Args:
        before: Findings by the policy in force.
        after: Findings by the other one.

    Returns:
        As :func:`try_policy` gives it.
    """
    both = before.select(*KEY, old="severity").join(
        after.select(*KEY, new="severity"), on=KEY, how="full", coalesce=True
    )
    old, new = pl.col("old"), pl.col("new")
    counted = both.group_by("rule").agg(
        new=old.is_null().sum(),
        vanished=new.is_null().sum(),
        unchanged=(old == new).sum(),
        changed=(old != new).sum(),
    )
    names = pl.DataFrame({"rule": list(RULES), "name": [rule.name for rule in RULES.values()]})
    return names.join(counted, on="rule", how="left", maintain_order="left").with_columns(
        pl.col("new", "vanished", "unchanged", "changed").fill_null(0).cast(pl.Int64)
    )


def _find(house: Installation, judging: Judging, first: date, last: date, now: datetime) -> pl.DataFrame:
    """Everything that rules find on some local days; nothing is written."""
    bounds = local_days(first, last, house.settings.zone)
    start, end = bounds["start"][0], bounds["end"][-1]
    own = pl.col("organisation") == house.organisation
    inside = pl.col("at").is_between(start, end, closed="left")
    meters = (
        house.lake.scan(READINGS)
        .filter(
            own
            & pl.col("measured_at").is_between(start, end, closed="left")
            & pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}"))
        )
        .select("meter_id")
        .unique()
        .collect()
    )
    spans = meters.sort("meter_id").with_columns(first_at=pl.lit(start), last_at=pl.lit(end))
    period = judged_period(judging, first, last)
    points = places_of(house).join(meters, on="meter_id", how="semi").select("metering_point").unique()
    known = Known.of(house, judging, [(points, period)])
    found = []
    for stretches in touched_stretches(house, spans, house.policy(EstimationRules)):
        theirs = effects.effects(judging.stored(meters.head(0)), judging.decisions)
        readings = effects.apply(stretches.readings, theirs)
        found.append(judging.of_points(stretches.points).find_in_readings(readings))
        points = stretches.points.select("metering_point")
        found.append(find_in_figures(house, judging, points, period, known, now)[0])
    found.append(judging.find_in_events(house.lake.scan(REGISTER_EVENTS).filter(own & inside).collect()))
    found.append(find_clocks(house, judging, spans)[0])
    found.append(find_inactive(house, judging, spans)[0])
    found.append(find_silent(house, judging)[0])
    return findings(*found).filter(inside)
