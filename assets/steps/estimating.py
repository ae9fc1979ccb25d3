"""Evidence for estimates, what a late reading changes of them, and registers that have fallen silent.

Profiles and daily averages are made of stored figures: those before the reckoned days are up to date when a point is
reckoned, since a point's touched days are always reckoned together.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.profiling import annual_estimates, customer_classes, known_profiles
from assets.steps.touched import touch_spans
from registry import audit
from registry.ledger import read_cursor, write_cursor
from warehouse.errors import WarehouseError
from warehouse.policies import WeatherPolicy
from warehouse.policies.estimation import EstimationRules
from warehouse.queries import weather
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    FINAL_ESTIMATES,
    INSTALLATIONS,
    INSTANT,
    TOUCHED,
    Table,
)
from warehouse.transforms.calendar import local_day
from warehouse.transforms.consumption import Arranged, Evidence
from warehouse.transforms.estimation.open_gaps import open_ends
from warehouse.transforms.estimation.policy import EstimationPolicy
from warehouse.transforms.estimation.profiles import MEASURED

_NEWEST = "estimates:as_of"
_TOO_FEW = 2
"""Installed meters among which one alone tells how far readings have come."""

_OPEN = ("E", "F")
_USED = ("metering_point", "register", "day", "period_start", "period_end", "consumption", "quality")
_DAY = timedelta(days=1)


def newest_reading(house: Installation, now: datetime) -> datetime | None:
    """The latest instant that readings are known to have come from: up to there a silent register has a gap.

    Where nobody's readings come, nothing tells a silent register from a file that is late. So that one meter with a
    wrong clock makes nobody silent, one in a hundred of the installed meters, and at least two, must have come so far;
    where only two are installed, one of them.

    Args:
        house: The installation.
        now: Instant of the run; readings of the future do not count.

    Returns:
        The instant (UTC), never before that of an earlier run; ``None`` before the first reading.
    """
    kept = kept_newest(house)
    owned, last = pl.col("organisation") == house.organisation, pl.col("last_at")
    installed = house.lake.scan(INSTALLATIONS).filter(owned & pl.col("removed_at").is_null())
    meters = int(installed.select(pl.col("meter_id").n_unique()).collect().item())
    ahead = house.lake.scan(TOUCHED).filter(owned & (pl.col("cause") == "readings") & (last <= now))
    if kept is not None:
        ahead = ahead.filter(last > kept)
    newest = ahead.group_by("meter_id").agg(last.max()).collect()["last_at"].sort(descending=True)
    needed = 1 if meters <= _TOO_FEW else max(2, -(-meters // 100))
    reached = newest[needed - 1] if newest.len() >= needed else None
    return max((instant for instant in (kept, reached) if isinstance(instant, datetime)), default=None)


def kept_newest(house: Installation) -> datetime | None:
    """The instant of :func:`newest_reading` at the last run."""
    kept = read_cursor(house.registry, house.organisation, _NEWEST)
    return None if kept is None else datetime.fromisoformat(kept)


def keep_newest(house: Installation, as_of: datetime | None, now: datetime) -> None:
    """Notes up to which instant open gaps have been estimated."""
    if as_of is not None:
        write_cursor(house.registry, house.organisation, _NEWEST, as_of.isoformat(), now)


def silent_spans(house: Installation, as_of: datetime | None, policy: EstimationPolicy) -> pl.DataFrame:
    """Meters whose figures end before the last whole day, once per local day.

    Args:
        house: The installation.
        as_of: As :func:`newest_reading` gives it.
        policy: How long after its last reading a register is estimated.

    Returns:
        ``meter_id``, ``first_at``, ``last_at``: where their figures end, to be reckoned with what was touched.
    """
    kept = kept_newest(house)
    empty = pl.DataFrame(schema={"meter_id": pl.String, "first_at": INSTANT, "last_at": INSTANT})
    if as_of is None or kept is None or open_to(house, as_of) == open_to(house, kept):
        return empty
    since = open_to(house, as_of) - policy.open_limit - 2 * _DAY
    newest = (
        house.lake.scan(CONSUMPTION_DAILY)
        .filter(
            (pl.col("organisation") == house.organisation)
            & (pl.col("month") >= f"{since - _DAY:%Y-%m}")
            & (pl.col("day") >= since)
        )
        .select("metering_point", "register", "meter_id", "day", "period_end", "end_quality", "gap_id")
        .group_by("metering_point", "register")
        .agg(pl.all().get(pl.col("day").arg_max()))
        .filter(pl.col("day") < open_to(house, as_of))
        .collect()
    )
    read_at = (
        pl.when(pl.col("end_quality").is_in(_OPEN))
        .then("gap_id")
        .otherwise(pl.col("period_end") - timedelta(microseconds=1))
    )
    return (
        newest.with_columns(at=read_at)
        .filter(pl.col("at") >= as_of - policy.open_limit - 2 * _DAY)
        .group_by("meter_id")
        .agg(first_at=pl.col("at").min(), last_at=pl.col("at").max())
    )


def open_to(house: Installation, as_of: datetime) -> date:
    """The last whole local day before an instant."""
    return as_of.astimezone(house.settings.zone).date() - _DAY


def widened_to_estimates(house: Installation, points: pl.DataFrame, policy: EstimationPolicy) -> pl.DataFrame:
    """Lets stretches reach to the end of what was estimated from the time they are in.

    Args:
        house: The installation.
        points: ``metering_point``, ``first_at``, ``last_at``.
        policy: How far estimates look back.

    Returns:
        The rows with ``last_at`` moved to the end of the gaps that began within that reach, and to the last reading
        before days that are provisional.
    """
    late = _followed(house, points, policy)
    if late.is_empty():
        return points
    closed = _gaps(house, CONSUMPTION_HOURLY, late, policy, pl.col("gap_hours").is_not_null())
    opened = _gaps(house, CONSUMPTION_DAILY, late, policy, pl.col("gap_hours").is_null())
    length = pl.duration(microseconds=(pl.col("gap_hours").fill_null(0.0) * 3_600_000_000).round().cast(pl.Int64))
    reached = (
        pl.concat([closed, opened])
        .join(points, on="metering_point")
        .filter(pl.col("gap_id").is_between(pl.col("first_at"), pl.col("last_at") + policy.reach + _DAY))
        .group_by("metering_point")
        .agg(reached=(pl.col("gap_id") + length).max())
    )
    return (
        points.join(reached, on="metering_point", how="left", maintain_order="left")
        .with_columns(last_at=pl.max_horizontal("last_at", "reached"))
        .drop("reached")
    )


def evidence_for(
    house: Installation,
    arranged: Arranged,
    points: pl.DataFrame,
    rules: EstimationRules,
    as_of: datetime | None,
) -> Evidence:
    """Loads what the estimates of some points rest on.

    Args:
        house: The installation.
        arranged: Their readings and gaps.
        points: ``metering_point``, ``first_day``, ``last_day`` (reckoned), and ``is_end``: whether their latest
            readings are at hand.
        rules: The policy in force.
        as_of: As :func:`newest_reading` gives it.

    Returns:
        Hours before the gaps inside the reckoned days, and profiles of their customer classes; days before open gaps,
        annual estimates where there are none, and what people decided about these.
    """
    policy = rules.methods()
    gaps = gaps_inside(house, arranged, points)
    asks = gaps.height and any("PROF_GRP" in methods for methods in (policy.short, policy.medium, policy.long))
    grouped = (
        {"classes": customer_classes(house, rules), "profiles": known_profiles(house, gaps, policy.settle)}
        if asks
        else {}
    )
    known = Evidence(
        **grouped,
        hours=_before(house, CONSUMPTION_HOURLY, gaps.select("metering_point", at="from_at"), policy),
        holidays=rules.holiday_days(),
        temperatures=weather.temperatures(house.lake, house.organisation, house.policy(WeatherPolicy)),
        signatures=weather.signatures(house.lake, house.organisation).drop("station"),
        as_of=as_of,
    )
    if as_of is None:
        return known
    ends = points.filter("is_end").select("metering_point", open_to=pl.lit(open_to(house, as_of)))
    silent = open_ends(arranged.ends, replace(known, ends=ends), policy)
    days = _before(house, CONSUMPTION_DAILY, silent.select("metering_point", "at"), policy)
    without = silent.join(days, on=["metering_point", "register"], how="anti") if silent.height else silent.clear()
    finals = house.lake.scan(FINAL_ESTIMATES).filter(pl.col("organisation") == house.organisation)
    return replace(
        known,
        ends=ends,
        days=days,
        annual=annual_estimates(house, without, rules),
        finals=finals.join(silent.lazy(), on="metering_point", how="semi")
        .select("metering_point", "register", "first_day", "last_day")
        .collect(),
    )


def gaps_inside(house: Installation, arranged: Arranged, points: pl.DataFrame) -> pl.DataFrame:
    """Closed gaps that touch the reckoned days of their points."""
    first, last = (local_day(pl.col(name), house.settings.zone) for name in ("from_at", "next_at"))
    return arranged.gaps.join(points, on="metering_point").filter(
        first <= pl.col("last_day"), last >= pl.col("first_day")
    )


def make_final(
    house: Installation,
    *,
    metering_point: str,
    register: str,
    first_day: date,
    last_day: date,
    identity: str,
    reason: str,
    now: datetime,
) -> None:
    """Makes provisional days final estimates, since no better value will come.

    The figures are reckoned again by the next run. A register that arrives all the same replaces them, with a
    correction, as any other figure.

    Args:
        house: The installation.
        metering_point: The point.
        register: Its register.
        first_day: First local day.
        last_day: Last local day, included.
        identity: Who decides.
        reason: Why.
        now: When, UTC.

    Raises:
        WarehouseError: None of the days is estimated provisionally.
    """
    mine = (
        house.lake.scan(CONSUMPTION_DAILY)
        .filter(
            (pl.col("organisation") == house.organisation)
            & (pl.col("metering_point") == metering_point)
            & (pl.col("register") == register)
            & pl.col("day").is_between(first_day, last_day)
            & pl.col("end_quality").is_in(_OPEN)
        )
        .select("meter_id", "gap_id")
        .collect()
    )
    if mine.is_empty():
        raise WarehouseError(
            f"No day of {metering_point} from {first_day} to {last_day} is provisional for {register}; "
            "only days after the last reading can be made final."
        )
    decided = {"metering_point": metering_point, "register": register, "first_day": first_day, "last_day": last_day}
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="estimates.final",
            identity=identity,
            now=now,
            target=metering_point,
            after={"register": register, "first_day": f"{first_day}", "last_day": f"{last_day}"},
            reason=reason,
        )
        row = pl.DataFrame([{"organisation": house.organisation, **decided, "known_from": now}])
        house.lake.merge(FINAL_ESTIMATES, row, stale=row.select(FINAL_ESTIMATES.key).clear())
    spans = mine.group_by("meter_id").agg(first_at=pl.col("gap_id").min(), last_at=pl.col("gap_id").max())
    touch_spans(house, spans, "estimate", identity)


def _before(house: Installation, table: Table, gaps: pl.DataFrame, policy: EstimationPolicy) -> pl.DataFrame:
    """Measured figures of some points (``metering_point``, ``at``) within reach of the gaps that begin at ``at``."""
    if gaps.is_empty():
        return table.empty().select(_USED)
    low, high = gaps["metering_point"].min(), gaps["metering_point"].max()
    since = gaps.group_by("metering_point").agg(
        since=pl.col("at").min() - policy.reach - 2 * _DAY, until=pl.col("at").max()
    )
    first, last = since.select(first=pl.col("since").min(), last=pl.col("until").max()).row(0)
    return (
        house.lake.scan(table)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}"))
            & pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
            & pl.col("quality").is_in(MEASURED)
        )
        .join(since.lazy(), on="metering_point")
        .filter(pl.col("period_start").is_between(pl.col("since"), pl.col("until")))
        .select(_USED)
        .collect()
    )


def _followed(house: Installation, points: pl.DataFrame, policy: EstimationPolicy) -> pl.DataFrame:
    """The points that have figures after their stretch: most readings come in order and have none."""
    low, high = points["metering_point"].min(), points["metering_point"].max()
    first, last = points.select(first=pl.col("last_at").min(), last=pl.col("last_at").max() + policy.reach).row(0)
    following = house.lake.scan(CONSUMPTION_DAILY).filter(
        (pl.col("organisation") == house.organisation)
        & pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last + 2 * _DAY:%Y-%m}"))
        & pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
    )
    after = (
        following.select("metering_point", "period_start")
        .join(points.lazy(), on="metering_point")
        .filter(pl.col("period_start") > pl.col("last_at"))
    )
    return points.join(after.select("metering_point").unique().collect(), on="metering_point", how="semi")


def _gaps(
    house: Installation, table: Table, points: pl.DataFrame, policy: EstimationPolicy, condition: pl.Expr
) -> pl.DataFrame:
    """``metering_point``, ``gap_id`` and ``gap_hours`` of gaps that began in or after the stretches."""
    low, high = points["metering_point"].min(), points["metering_point"].max()
    first, last = points.select(first=pl.col("first_at").min(), last=pl.col("last_at").max() + policy.reach).row(0)
    return (
        house.lake.scan(table)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col("month").is_between(pl.lit(f"{first - _DAY:%Y-%m}"), pl.lit(f"{last + 2 * _DAY:%Y-%m}"))
            & pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
            & pl.col("gap_id").is_between(pl.lit(first), pl.lit(last + _DAY))
            & condition
        )
        .select("metering_point", "gap_id", "gap_hours")
        .unique()
        .join(points.lazy(), on="metering_point", how="semi")
        .collect()
    )
