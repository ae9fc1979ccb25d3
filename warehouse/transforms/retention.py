"""Which rows retention keeps (ALGORITHMS §4): stages by age, one telegram per day or month, and what always stays.

The unit is the telegram: a row of ``readings`` with all its registers. Of each bucket (installation and local day or
month) one telegram survives, by an order in which the survivor of a month is the survivor of one of its days; so
thinning to days and later to months gives the same as thinning to months at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.phrases import phrase
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.calendar import local_day

Keep = Literal["all", "day", "month", "none"]
Zone = Literal["raw", "reading", "interval", "event"]
Survivor = Literal["last", "nearest_boundary", "first_last"]

HALF_A_DAY = timedelta(hours=12)
SIDED = ("EXCHANGE", "RESET", "ROLLOVER", "UNIT_CHANGE")
"""Register events whose readings on both sides stay (§4.3)."""

_METER = ("organisation", "meter_id")
_TELEGRAM = (*_METER, "measured_at")
_BUCKET = ("bucket_of", "keep", "bucket")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is kept of data that has reached an age.

    Attributes:
        after_months: Age in calendar months from which the stage holds.
        keep: One telegram per local ``day`` or ``month``, or ``none``.
    """

    after_months: int
    keep: Keep


@dataclass(frozen=True, slots=True)
class Rule:
    """Stages of what a rule is about; empty sets stand for everything.

    Attributes:
        media: Media of meters and points.
        sources: Sources of readings and of the frames they came in.
        zones: Parts of the lake.
        stages: Stages by rising age.
        resolutions: Classes of :mod:`warehouse.transforms.resolutions`.
    """

    media: frozenset[str]
    sources: frozenset[str]
    zones: frozenset[str]
    stages: tuple[Stage, ...]
    resolutions: frozenset[str] = frozenset()


def cut_off(today: date, months: int) -> date:
    """First local day that is not yet so many calendar months old (day clamped to the end of its month).

    Args:
        today: Local day of the run.
        months: Age, at least 0.
    """
    first = today.replace(day=1)
    count = first.year * 12 + first.month - 1 - months
    year, month = divmod(count, 12)
    start = date(year, month + 1, 1)
    end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return min(start + timedelta(days=today.day - 1), end)


def latest_cut(rules: Sequence[Rule], zone: Zone, today: date) -> date | None:
    """First local day of a zone that no rule has reached; ``None`` where no rule is about the zone."""
    cuts = [cut_off(today, rule.stages[0].after_months) for rule in rules if _concerns(rule, zone)]
    return max(cuts) if cuts else None


def keep_of(rules: Sequence[Rule], zone: Zone, today: date, *, sources: bool = True) -> pl.Expr:
    """What is kept of a row: ``all``, ``day``, ``month`` or ``none``. The first rule that is about it decides.

    Args:
        rules: The policy's rules.
        zone: Part of the lake that the row lies in.
        today: Local day of the run.
        sources: Whether rows have a source; else the rules' sources do not count.

    Returns:
        Expression over ``medium`` (null where it is not known), ``source``, ``aged_on`` (local day) and, where a rule
        names any, ``resolution`` (null where the row is of no meter).
    """
    keep = pl.lit("all")
    for rule in reversed([rule for rule in rules if _concerns(rule, zone)]):
        mine = [pl.lit(value=True)]
        if rule.media:
            mine.append(pl.col("medium").is_in(sorted(rule.media)).fill_null(value=False))
        if rule.sources and sources:
            mine.append(pl.col("source").is_in(sorted(rule.sources)))
        if rule.resolutions:
            mine.append(pl.col("resolution").is_in(sorted(rule.resolutions)).fill_null(value=False))
        stage = pl.lit("all")
        for one in rule.stages:
            stage = (
                pl.when(pl.col("aged_on") < cut_off(today, one.after_months)).then(pl.lit(one.keep)).otherwise(stage)
            )
        keep = pl.when(pl.all_horizontal(mine)).then(stage).otherwise(keep)
    return keep.alias("keep")


def survivors(units: pl.LazyFrame, how: Survivor, zone: ZoneInfo) -> pl.LazyFrame:
    """Picks the telegrams that stand for their buckets (§4.2).

    Args:
        units: ``organisation``, ``meter_id``, ``measured_at``, ``bucket_of`` (installation), ``keep``; whole buckets.
            Rows with ``keep`` of ``all`` or ``none`` have no bucket and are left out.
        how: Which telegram stands for its bucket.
        zone: The utility's zone.

    Returns:
        ``organisation``, ``meter_id``, ``measured_at``, without repeats.
    """
    at = pl.col("measured_at")
    local = at.dt.convert_time_zone(zone.key).dt.replace_time_zone(None)
    # Exactly noon is as near to the midnight before as to the one after: it counts for its own day.
    day = (local - HALF_A_DAY if how == "nearest_boundary" else local).dt.date()
    bucket = pl.when(pl.col("keep") == "month").then(day.dt.month_start()).otherwise(day)
    thinned = units.filter(pl.col("keep").is_in(["day", "month"])).with_columns(bucket=bucket)
    if how == "nearest_boundary":
        distance = (at - _midnight(day + pl.duration(days=1), zone)).dt.total_microseconds().abs()
        # The later day wins in a month; then the nearer to its end; then the later.
        order = pl.struct(day=day, rank=-distance, measured_at=at)
        picked = [at.sort_by(order).last()]
    else:
        picked = [at.max()] if how == "last" else [at.max(), at.min().alias("first")]
    found = thinned.group_by(*_METER, *_BUCKET).agg(picked)
    if how != "first_last":
        return found.select(_TELEGRAM)
    return pl.concat([found.select(_TELEGRAM), found.select(*_METER, measured_at="first")]).unique()


def ends_of_installations(readings: pl.LazyFrame, installations: pl.DataFrame) -> pl.LazyFrame:
    """First and last telegram of each installation (§4.3).

    Args:
        readings: ``organisation``, ``meter_id``, ``measured_at``; all there are.
        installations: Rows of ``installations``.
    """
    at = pl.col("measured_at")
    inside = (at >= pl.col("installed_at")) & (at < pl.col("removed_at")).fill_null(value=True)
    spans = installations.lazy().select(*_METER, "metering_point", "installed_at", "removed_at")
    placed = readings.select(_TELEGRAM).join(spans, on=_METER).filter(inside)
    ends = placed.group_by(*_METER, "metering_point", "installed_at").agg(first=at.min(), last=at.max())
    return pl.concat([ends.select(*_METER, measured_at=end) for end in ("first", "last")]).unique()


def sides_of_events(readings: pl.LazyFrame, events: pl.DataFrame) -> pl.LazyFrame:
    """Telegrams on both sides of exchanges, resets, roll-overs and changes of unit (§4.3).

    Args:
        readings: ``organisation``, ``meter_id``, ``measured_at`` and the cumulative registers; all there are.
        events: ``organisation``, ``meter_id``, ``register``, ``at`` of the events, one row per meter concerned.

    Returns:
        Of each event the last telegram with the register before it, and the first one from it on.
    """
    parts = [readings.select(_TELEGRAM).head(0)]
    for register in [name for name in CUMULATIVE if name in set(events["register"])]:
        mine = events.lazy().filter(pl.col("register") == register).select(*_METER, "at").unique()
        counted = readings.filter(pl.col(register).is_not_null()).select(_TELEGRAM).join(mine, on=_METER)
        is_before, at = pl.col("measured_at") < pl.col("at"), pl.col("measured_at")
        sides = counted.group_by(*_METER, "at").agg(
            before=at.filter(is_before).max(), after=at.filter(~is_before).min()
        )
        parts += [sides.select(*_METER, measured_at=side).drop_nulls() for side in ("before", "after")]
    return pl.concat(parts).unique()


def chosen(units: pl.LazyFrame, always: pl.LazyFrame, how: Survivor, zone: ZoneInfo) -> pl.LazyFrame:
    """Telegrams that stay in any stage: those that stand for their buckets, and those always kept.

    Args:
        units: ``organisation``, ``meter_id``, ``measured_at``, ``bucket_of``, ``keep``; whole buckets.
        always: ``organisation``, ``meter_id``, ``measured_at`` of telegrams that stay in any stage.
        how: Which telegram stands for its bucket.
        zone: The utility's zone.

    Returns:
        ``organisation``, ``meter_id``, ``measured_at``.
    """
    return pl.concat([survivors(units, how, zone), always.select(_TELEGRAM)]).unique()


def with_buckets(rows: pl.LazyFrame, installations: pl.DataFrame) -> pl.LazyFrame:
    """Adds ``bucket_of``: the installation that a telegram was sent in, or its meter where it was nowhere installed.

    Args:
        rows: ``organisation``, ``meter_id``, ``measured_at``, and other columns.
        installations: Rows of ``installations``.
    """
    named = phrase("{} {}", "metering_point", pl.col("installed_at").dt.epoch("us"))
    begun = installations.lazy().select(*_METER, "removed_at", installation=named, measured_at="installed_at")
    placed = rows.sort("measured_at").join_asof(
        begun.sort("measured_at"), on="measured_at", by=_METER, strategy="backward", check_sortedness=False
    )
    inside = (pl.col("measured_at") < pl.col("removed_at")).fill_null(value=True)
    bucket_of = pl.coalesce(pl.when(inside).then("installation"), "meter_id")
    return placed.with_columns(bucket_of=bucket_of).drop("installation", "removed_at")


def always_kept(
    readings: pl.LazyFrame, installations: pl.DataFrame, events: pl.DataFrame, keys: pl.DataFrame, spans: pl.DataFrame
) -> pl.LazyFrame:
    """Telegrams that stay in any stage (§4.3).

    Args:
        readings: All rows of ``readings`` there are, at least the telegram's columns and the cumulative registers.
        installations: Rows of ``installations``.
        events: ``organisation``, ``meter_id``, ``register``, ``at``, as :func:`sides_of_events` takes them.
        keys: ``organisation``, ``meter_id``, ``measured_at`` of telegrams that something refers to: a final settlement,
            a delivery.
        spans: ``meter_id``, ``start``, ``end`` of what must be kept whole, as legal holds say.

    Returns:
        ``organisation``, ``meter_id``, ``measured_at``.
    """
    parts = (
        ends_of_installations(readings, installations),
        sides_of_events(readings, events),
        keys.lazy(),
        held(readings, spans),
    )
    return pl.concat([part.select(_TELEGRAM) for part in parts]).unique()


def held(rows: pl.LazyFrame, spans: pl.DataFrame) -> pl.LazyFrame:
    """Telegrams inside spans that must be kept, such as those of legal holds.

    Args:
        rows: ``organisation``, ``meter_id``, ``measured_at``.
        spans: ``meter_id``, ``start``, ``end`` (UTC, half open).
    """
    return (
        rows.join(spans.lazy().select("meter_id", "start", "end"), on="meter_id")
        .filter(pl.col("measured_at").is_between(pl.col("start"), pl.col("end"), closed="left"))
        .select(_TELEGRAM)
        .unique()
    )


def gauges_daily(readings: pl.DataFrame, gauges: Sequence[str], zone: ZoneInfo) -> pl.DataFrame:
    """Lowest, highest, first and last value of each gauge per meter and local day (§4.4).

    Args:
        readings: Rows of ``readings``; only measured ones count (quality ``M``).
        gauges: Columns.
        zone: The utility's zone.

    Returns:
        Rows of ``gauges_daily`` without ``known_from``.
    """
    at = pl.col("measured_at")
    measured = readings.lazy().filter(pl.col("quality") == "M").with_columns(day=local_day(at, zone))
    parts = [
        measured.filter(pl.col(gauge).is_not_null())
        .group_by(*_METER, "day")
        .agg(
            minimum=pl.col(gauge).min(),
            maximum=pl.col(gauge).max(),
            first=pl.col(gauge).sort_by("measured_at").first(),
            last=pl.col(gauge).sort_by("measured_at").last(),
            readings=pl.len().cast(pl.Int32),
        )
        .with_columns(gauge=pl.lit(gauge), month=pl.col("day").dt.strftime("%Y-%m"))
        for gauge in gauges
    ]
    return pl.concat(parts).sort("meter_id", "day", "gauge").collect()


def _concerns(rule: Rule, zone: Zone) -> bool:
    return bool(rule.stages) and (not rule.zones or zone in rule.zones)


def _midnight(day: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """Start of a local day; where clocks leave midnight out, an hour later."""
    wall = day.cast(pl.Datetime("us"))
    starts = [
        one.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
        for one in (wall, wall + pl.duration(hours=1))
    ]
    return pl.coalesce(starts)
