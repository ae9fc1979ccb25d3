"""Silent meters and ageing batteries (§16)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import CoveragePolicy
from warehouse.queries.readings import among
from warehouse.schemas import (
    COLLECTOR_DAILY,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    INSTANT,
    LINK_DAILY,
    METER_LINKS,
    METERS,
    TELEGRAMS,
    Table,
)
from warehouse.transforms import silence

_YEAR_S = 365.25 * 86_400
_WEEK = timedelta(days=7)


def newest(lake: Readable, organisation: str) -> datetime | None:
    """The last reception of any collector; ``None`` where there never was one."""
    found: datetime | None = (
        lake.scan(COLLECTOR_DAILY)
        .filter(organisation=organisation)
        .select(pl.col("last_contact").max())
        .collect()
        .item()
    )
    return found


def silent(
    lake: Readable,
    organisation: str,
    policy: CoveragePolicy,
    at: datetime,
    zone: ZoneInfo,
    *,
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Installed meters that are silent at an instant.

    Only those that may be are looked at closely: their transmissions of the days looked back on are read.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        policy: When a meter is silent.
        at: Instant, UTC.
        zone: The utility's zone.
        points: ``metering_point`` of those that are shown; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``serial``, ``cause``, ``collector`` (that heard it best) and
        ``collector_share`` (% of that one's meters that are silent), ``last_heard`` (UTC), ``silent_h``, ``usual_h``,
        ``limit_h``, ``no_return`` (share of such silences that do not end) with the counts it rests on, ``returned``
        and ``open``; collectors that are down first, then the least likely to return.
    """
    known = policy.silence
    limits = silence.Limits(
        quantile=known.quantile,
        intervals=known.intervals,
        fewest_pauses=known.fewest_pauses,
        collector_share=known.collector_share,
        fewest_meters=known.fewest_meters,
    )
    since = at - timedelta(days=known.look_back_days)
    daily = (
        _between(lake, METER_LINKS, organisation, since, at)
        .select("meter_id", "telegrams", "first_heard", "last_heard")
        .filter(pl.col("first_heard") <= at)
        .with_columns(pl.min_horizontal("last_heard", pl.lit(at)))
        .collect()
    )
    there = _installed(lake, organisation, at)
    may_be = silence.candidates(daily, at, limits).join(there, on="meter_id", how="semi")
    heard = (
        lake.scan(TELEGRAMS)
        .filter(organisation=organisation)
        .filter(_in_months(since, at), pl.col("received_at").is_between(pl.lit(since), pl.lit(at)))
        .filter(among("meter_id", may_be["meter_id"]))
        .select("meter_id", "received_at")
        .collect()
    )
    found = silence.silent(may_be, heard, limits, zone)
    found = silence.with_chances(found, silence.past_pauses(daily))
    never = there.join(daily, on="meter_id", how="anti").filter(pl.col("installed_at") < since).select("meter_id")
    rows = silence.with_causes(pl.concat([found, never], how="diagonal"), _homes(lake, organisation, since, at), limits)
    serials = lake.scan(METERS).filter(organisation=organisation).select("meter_id", "serial").collect()
    shown = rows.join(there, on="meter_id").join(serials, on="meter_id", how="left")
    if points is not None:
        shown = shown.join(points.select("metering_point").unique(), on="metering_point", how="semi")
    hours = {f"{name}_h": (pl.col(f"{name}_s") / 3600).round(1) for name in ("silent", "usual", "limit")}
    return (
        shown.with_columns(**hours)
        .sort("cause", "collector", "no_return", "meter_id", descending=[False, False, True, False])
        .select(
            *("metering_point", "meter_id", "serial", "cause", "collector", "collector_share", "last_heard"),
            *("silent_h", "usual_h", "limit_h", "no_return", "returned", "open"),
        )
    )


def batteries(
    lake: Readable, organisation: str, policy: CoveragePolicy, at: datetime, *, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """How old the batteries of installed meters are, and what else tells of them.

    ``remaining_years`` is the type life less the age times the use: how often the meter sends beside its like. It is
    rounded to years, since types, temperatures and radio differ more than that.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        policy: Type lives and codes.
        at: Instant, UTC.
        points: ``metering_point`` of those that are shown; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``medium``, ``model``, ``age_years`` (since it was first installed), ``use``
        (1 where it is not known), ``remaining_years``, ``low_since`` (the meter says so; UTC), ``interval_s`` and
        ``slower`` (how many times longer its transmit interval has become, where that is beyond the policy); the most
        urgent first.
    """
    known = policy.battery
    there = _installed(lake, organisation, at)
    first = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .group_by("meter_id")
        .agg(first_at=pl.col("installed_at").min())
        .collect()
    )
    kinds = lake.scan(METERS).filter(organisation=organisation).select("meter_id", "medium", "model").collect()
    low = (
        lake.scan(INFO_CODE_EVENTS)
        .filter(organisation=organisation)
        .filter(pl.col("code").is_in(sorted(known.codes)), pl.col("cleared_at").is_null(), pl.col("first_seen") <= at)
        .group_by("meter_id")
        .agg(low_since=pl.col("first_seen").min())
        .collect()
    )
    since = at - timedelta(days=policy.silence.look_back_days)
    sent = (
        _between(lake, METER_LINKS, organisation, since, at)
        .filter(pl.col("transmit_interval_s").is_not_null())
        .group_by("meter_id")
        .agg(
            interval_s=pl.col("transmit_interval_s").sort_by("day").tail(_WEEK.days).median(),
            before_s=pl.col("transmit_interval_s").sort_by("day").head(_WEEK.days).median(),
        )
        .collect()
    )
    life = pl.col("medium").replace_strict(
        list(known.life_years), list(known.life_years.values()), default=None, return_dtype=pl.Float64
    )
    age = (pl.lit(at) - pl.col("first_at")).dt.total_seconds() / _YEAR_S
    use = pl.col("interval_s").median().over("medium", "model") / pl.col("interval_s")
    slower = pl.col("interval_s") / pl.col("before_s")
    shown = there.select("meter_id", "metering_point").join(first, on="meter_id").join(kinds, on="meter_id")
    if points is not None:
        shown = shown.join(points.select("metering_point").unique(), on="metering_point", how="semi")
    return (
        shown.join(low, on="meter_id", how="left")
        .join(sent, on="meter_id", how="left")
        .with_columns(age_years=age, use=use.fill_null(1.0))
        .with_columns(
            remaining_years=(life - pl.col("age_years") * pl.col("use")).round(0),
            slower=pl.when(slower >= known.slower_by).then(slower).round(1),
        )
        .select(
            *("metering_point", "meter_id", "medium", "model", pl.col("age_years", "use").round(1), "remaining_years"),
            *("low_since", "interval_s", "slower"),
        )
        .sort("low_since", "remaining_years", "meter_id", nulls_last=True)
    )


def _installed(lake: Readable, organisation: str, at: datetime) -> pl.DataFrame:
    there = (pl.col("installed_at") <= at) & (pl.col("removed_at") > at).fill_null(value=True)
    rows = lake.scan(INSTALLATIONS).filter(organisation=organisation).filter(there)
    return rows.select("meter_id", "metering_point", pl.col("installed_at").cast(INSTANT)).collect()


def _homes(lake: Readable, organisation: str, since: datetime, at: datetime) -> pl.DataFrame:
    """The collector that hears each meter best."""
    return (
        _between(lake, LINK_DAILY, organisation, since, at)
        .group_by("meter_id", "collector")
        .agg(pl.col("telegrams").sum())
        .collect()
        .sort("telegrams", "collector", descending=[True, False])
        .unique("meter_id", keep="first", maintain_order=True)
        .select("meter_id", "collector")
    )


def _between(lake: Readable, table: Table, organisation: str, since: datetime, at: datetime) -> pl.LazyFrame:
    """Rows of the local days that may lie between two instants."""
    days = pl.col("day").is_between(since.date() - timedelta(days=1), at.date() + timedelta(days=1))
    return lake.scan(table).filter(organisation=organisation).filter(_in_months(since, at), days)


def _in_months(since: datetime, at: datetime) -> pl.Expr:
    """Months of the rows, one more at either end since a local day may be of another month than its instants."""
    first, last = since - timedelta(days=2), at + timedelta(days=2)
    return pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}"))
