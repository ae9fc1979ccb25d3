"""Profiles of customer classes and annual estimates: what points without figures of their own are estimated from.

The profile of a month is learned once, when the month is settled, and stays: estimates do not move with what arrives
later, nor with the order it comes in. A gap takes the profile of the last month that was settled when it began.
"""

from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.touched import touch_spans
from registry import audit
from warehouse.errors import WarehouseError
from warehouse.policies.estimation import EstimationRules
from warehouse.queries.roles import consuming
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    GROUP_MEMBERS,
    GROUP_PROFILES,
    METERING_POINTS,
    REGISTER,
)
from warehouse.schemas.registers import MAIN_REGISTER_OF
from warehouse.transforms.calendar import local_day
from warehouse.transforms.estimation.evidence import CLASS, PROFILES
from warehouse.transforms.estimation.profiles import MEASURED, group_profiles, profile_month

_DAY = timedelta(days=1)
_COURSE = ("metering_point", "register")
_GROUP = (*CLASS, "register")
_SEED = 1
_ESTIMATED = ("E", "F")
_MONTHS = 12
_USED = (*_COURSE, "day", "period_start", "period_end", "consumption", "quality")


def customer_classes(house: Installation, rules: EstimationRules) -> pl.DataFrame:
    """The class of each metering point as the policy names it, now.

    Args:
        house: The installation.
        rules: The policy in force.

    Returns:
        ``metering_point``, ``medium`` and ``customer_class``, the latter two empty where nothing says more.
    """
    owned = pl.col("organisation") == house.organisation
    points = house.lake.scan(METERING_POINTS).filter(owned).collect()
    named = pl.lit(None, pl.String) if rules.class_field is None else _custom("custom_fields", rules.class_field)
    ranks = {name: number for number, name in enumerate(rules.class_groups)}
    groups = (
        house.lake.scan(GROUP_MEMBERS)
        .filter(owned & pl.col("group").is_in(list(ranks)) & pl.col("valid_to").is_null())
        .select("metering_point", "group")
        .drop_nulls()
        .collect()
        .sort(pl.col("group").replace_strict(ranks, return_dtype=pl.Int32, default=None))
        .unique("metering_point", keep="first", maintain_order=True)
    )
    return points.join(groups, on="metering_point", how="left", maintain_order="left").select(
        "metering_point",
        pl.col("medium").fill_null(""),
        customer_class=pl.coalesce(named, "group", pl.lit("")),
    )


def known_profiles(house: Installation, gaps: pl.DataFrame, settle: timedelta) -> pl.DataFrame:
    """Profiles for gaps.

    Args:
        house: The installation.
        gaps: ``from_at`` (UTC).
        settle: Time after a month until it is settled.

    Returns:
        Profiles as ``Evidence`` takes them.
    """
    months = gaps.select(profile_month(local_day(pl.col("from_at"), house.settings.zone), settle))["local_month"]
    return (
        house.lake.scan(GROUP_PROFILES)
        .filter((pl.col("organisation") == house.organisation) & pl.col("local_month").is_in(months.unique().implode()))
        .with_columns(weight=(pl.col("share") * 1_000_000).cast(pl.Int64))
        .select(pl.col(name).cast(dtype) for name, dtype in PROFILES.items())
        .collect()
    )


def learn_profiles(
    house: Installation,
    spans: pl.DataFrame,
    since: datetime | None,
    as_of: datetime | None,
    rules: EstimationRules,
    now: datetime,
) -> int:
    """Learns the profiles of months that are settled and not known yet, and has gaps that wait for them reckoned again.

    Args:
        house: The installation.
        spans: ``first_at`` and ``last_at`` of what was touched.
        since: Instant up to which there were readings at the last run.
        as_of: Instant up to which there are readings now.
        rules: The policy in force.
        now: Instant of the run.

    Returns:
        Rows of ``group_profiles`` that estimates may rest on from now on.
    """
    if as_of is None:
        return 0
    newest = _settled(house, as_of, rules)
    last = [] if since is None or _settled(house, since, rules) == newest else [newest]
    touched = (
        spans.select(
            month=pl.date_ranges(
                local_day(pl.col("first_at"), house.settings.zone).dt.month_start(),
                local_day(pl.col("last_at"), house.settings.zone).dt.month_start(),
                interval="1mo",
            )
        )
        .explode("month", empty_as_null=False)["month"]
        .unique()
        .to_list()
    )
    months = sorted({*(month for month in touched if month <= newest), *last})
    return sum(_learn(house, month, rules, now) for month in months)


def learn_again(house: Installation, month: date, rules: EstimationRules, *, identity: str, now: datetime) -> None:
    """Learns the profiles of a month anew from the figures of today; estimates that rest on them are made again.

    Args:
        house: The installation.
        month: First day of the local month.
        rules: The policy in force.
        identity: Who asks for it.
        now: When, UTC.

    Raises:
        WarehouseError: The month holds too few points to learn from; what was known stays.
    """
    with house.alone("figures"):
        if not _learn(house, month, rules, now, again=True):
            raise WarehouseError(
                f"No class has {rules.profile_least_meters} metering points with hours in {month:%Y-%m}: "
                "nothing can be learned; lower profile_least_meters of the policy estimation."
            )
        with house.registry.begin() as session:
            audit.record(
                session,
                organisation=house.organisation,
                event="profiles.learn",
                identity=identity,
                now=now,
                target=f"{month:%Y-%m}",
            )


def annual_estimates(house: Installation, silent: pl.DataFrame, rules: EstimationRules) -> pl.DataFrame:
    """What points use in a year: the twelve local months before a register fell silent, else what a custom field says.

    Args:
        house: The installation.
        silent: ``metering_point``, ``register`` and ``at`` (UTC), the last reading.
        rules: The policy in force.

    Returns:
        ``metering_point``, ``register`` and ``annual_estimate``, where it is known.
    """
    month = local_day(pl.col("at"), house.settings.zone).dt.month_start()
    asked = silent.select(*_COURSE, until=month).unique(_COURSE)
    if asked.is_empty():
        return asked.select(*_COURSE, annual_estimate=pl.lit(None, REGISTER))
    low, high = asked["metering_point"].min(), asked["metering_point"].max()
    measured = (
        house.lake.scan(CONSUMPTION_MONTHLY)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))
        )
        .join(asked.lazy(), on=_COURSE)
        .filter(pl.col("day") < pl.col("until"), pl.col("day") >= pl.col("until").dt.offset_by(f"-{_MONTHS}mo"))
        .filter(pl.col("consumption").is_not_null(), ~pl.col("quality").is_in(_ESTIMATED))
        .group_by(_COURSE)
        .agg(months=pl.len(), measured=pl.col("consumption").sum().cast(REGISTER))
        .filter(months=_MONTHS)
        .select(*_COURSE, "measured")
        .collect()
    )
    return (
        asked.join(measured, on=_COURSE, how="left")
        .join(_agreed(house, rules), on=_COURSE, how="left")
        .select(*_COURSE, annual_estimate=pl.coalesce("measured", "agreed"))
        .drop_nulls()
    )


def _agreed(house: Installation, rules: EstimationRules) -> pl.DataFrame:
    """``metering_point``, ``register`` and ``agreed``: what the custom field says of the medium's main register."""
    if rules.annual_field is None:
        return pl.DataFrame(schema={"metering_point": pl.String, "register": pl.String, "agreed": REGISTER})
    said = _custom("custom_fields", rules.annual_field)
    return (
        house.lake.scan(METERING_POINTS)
        .filter(pl.col("organisation") == house.organisation)
        .collect()
        .select(
            "metering_point",
            register=pl.col("medium").replace_strict(MAIN_REGISTER_OF, default=None, return_dtype=pl.String),
            agreed=said.cast(pl.Float64, strict=False).round(6).cast(REGISTER, strict=False),
        )
        .filter(pl.col("agreed") >= 0)
        .drop_nulls()
    )


def _custom(column: str, name: str) -> pl.Expr:
    """Value of one of the utility's own fields; null where it is empty."""
    text = pl.col(column).str.json_decode(pl.Struct({name: pl.String})).struct.field(name)
    return pl.when(text != "").then(text)


def _settled(house: Installation, as_of: datetime, rules: EstimationRules) -> date:
    """The last month that is settled at an instant."""
    day = as_of.astimezone(house.settings.zone).date() - timedelta(days=rules.profile_settle_days)
    return (day.replace(day=1) - _DAY).replace(day=1)


def _learn(house: Installation, month: date, rules: EstimationRules, now: datetime, *, again: bool = False) -> int:
    """Learns what is not known of a month (or all of it); notes the gaps that take it, then keeps it; rows."""
    classes = customer_classes(house, rules)
    owned = pl.col("organisation") == house.organisation
    known = house.lake.scan(GROUP_PROFILES).filter(owned, pl.col("local_month") == month).collect()
    end = (month + 31 * _DAY).replace(day=1)
    # A local month lies in the UTC months around it.
    inside = (
        owned
        & pl.col("month").is_between(pl.lit(f"{month - _DAY:%Y-%m}"), pl.lit(f"{end:%Y-%m}"))
        & pl.col("day").is_between(month, end, closed="left")
        & pl.col("quality").is_in(MEASURED)
    )
    used = house.lake.scan(CONSUMPTION_DAILY).filter(inside).select(_COURSE).unique().collect()
    wanted = (
        consuming(house.lake, house.organisation, used)  # what comes into a district is of no customer
        .join(classes, on="metering_point", how="left")
        .with_columns(pl.col(*CLASS).fill_null(""))
        .filter(pl.len().over(_GROUP) >= rules.profile_least_meters)
    )
    if not again:
        wanted = wanted.join(known, on=_GROUP, how="anti")
    if wanted.is_empty():
        return 0
    # Which points stand for a large class does not depend on names that lie together.
    chosen = (
        wanted.sort(pl.col("metering_point").hash(_SEED), "metering_point")
        .filter(pl.int_range(pl.len()).over(_GROUP) < max(rules.profile_most_meters, rules.profile_least_meters))
        .select(_COURSE)
    )
    hours = (
        house.lake.scan(CONSUMPTION_HOURLY)
        .filter(inside)
        .select(_USED)
        .join(chosen.lazy(), on=_COURSE, how="semi")
        .collect(engine="streaming")
    )
    holidays = pl.DataFrame({"day": sorted(rules.holidays)}, schema={"day": pl.Date})
    learned = group_profiles(
        hours, classes, holidays, rules.methods(), local_month=month, zone=house.settings.zone
    ).select(
        pl.lit(house.organisation).alias("organisation"),
        pl.all(),
        share=pl.col("weight").cast(pl.Int128).reinterpret(dtype=REGISTER),
        known_from=pl.lit(now),
    )
    if learned.is_empty():
        return 0
    waiting = _waiting(house, month, rules)
    if waiting.height:
        touch_spans(house, waiting, "estimate")
    gone = known.select(GROUP_PROFILES.key)
    house.lake.merge(GROUP_PROFILES, learned, stale=gone if again else gone.clear(), superseded_at=now)
    return learned.height


def _waiting(house: Installation, month: date, rules: EstimationRules) -> pl.DataFrame:
    """``meter_id``, ``first_at`` and ``last_at`` of the gaps that take the profiles of a month."""
    length = pl.duration(microseconds=(pl.col("gap_hours") * 3_600_000_000).round().cast(pl.Int64))
    taken = profile_month(local_day(pl.col("gap_id"), house.settings.zone), timedelta(days=rules.profile_settle_days))
    first = month + timedelta(days=28 + rules.profile_settle_days)
    last = first + timedelta(days=36)
    return (
        house.lake.scan(CONSUMPTION_HOURLY)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col("month").is_between(pl.lit(f"{first - _DAY:%Y-%m}"), pl.lit(f"{last + _DAY:%Y-%m}"))
            & pl.col("gap_hours").is_not_null()
            & (taken == month)
        )
        .group_by("meter_id")
        .agg(first_at=pl.col("gap_id").min(), last_at=(pl.col("gap_id") + length).max())
        .collect()
    )
