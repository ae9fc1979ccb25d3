"""Profiles: how consumption spreads over the hours of a gap (PROF_OWN, LIKE_DAY, PROF_GRP, PROF_HDD).

A profile gives a weight to each hour by its day class (Monday to Thursday, Friday, Saturday, Sunday and holidays) and
its local hour. The hour that clocks show twice has the same weight twice.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms import calendar
from warehouse.transforms.estimation.evidence import CLASS, PROFILES, Evidence
from warehouse.transforms.estimation.like_days import like_days
from warehouse.transforms.estimation.policy import EstimationPolicy
from warehouse.transforms.exact import MICRO, millionths

MEASURED = ("M", "A")
"""Qualities of the values that profiles are made of."""

_KEYS = ("day_class", "hour")
_SCALE = 1_000_000  # of weights that come from temperatures


def day_class(day: pl.Expr, holidays: pl.DataFrame) -> pl.Expr:
    """Class of a local day: 0 Monday to Thursday, 1 Friday, 2 Saturday, 3 Sunday or holiday.

    Args:
        day: Local dates.
        holidays: ``day``.
    """
    free = day.is_in(holidays["day"].implode()) if holidays.height else False
    return pl.when(free).then(3).otherwise((day.dt.weekday() - 4).clip(0, 3)).cast(pl.Int8).alias("day_class")


def local_hour(instant: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """Hour that clocks show at an instant, 0 to 23."""
    return instant.dt.convert_time_zone(zone.key).dt.hour().cast(pl.Int8).alias("hour")


def gap_hours(gaps: pl.DataFrame, holidays: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Cuts gaps into the hours of their local days.

    Args:
        gaps: ``gap`` (number), ``from_at`` and ``next_at`` (UTC), any other columns; at least one row.
        holidays: ``day``.
        zone: The utility's zone.

    Returns:
        ``gap``, ``day``, ``start``, ``end`` (of the hour, UTC), ``covered`` (milliseconds of it inside the gap),
        ``day_class`` and ``hour``, in order.
    """
    days = gaps.select(
        "gap",
        "from_at",
        "next_at",
        day=pl.date_ranges(calendar.local_day(pl.col("from_at"), zone), calendar.local_day(pl.col("next_at"), zone)),
    ).explode("day", empty_as_null=False)
    first, last = days.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    cut = calendar.hours(calendar.local_days(first, last, zone))
    inside = pl.min_horizontal("end", "next_at") - pl.max_horizontal("start", "from_at")
    return (
        days.join(cut, on="day")
        .filter(pl.col("end") > pl.col("from_at"), pl.col("start") < pl.col("next_at"))
        .sort("gap", "start")
        .select(
            *("gap", "day", "start", "end"),
            day_class(pl.col("day"), holidays),
            local_hour(pl.col("start"), zone),
            covered=inside.dt.total_milliseconds(),
        )
    )


def own_profile(
    gaps: pl.DataFrame, slots: pl.DataFrame, hours: pl.DataFrame, policy: EstimationPolicy, zone: ZoneInfo
) -> pl.DataFrame:
    """Medians of what the point itself consumed at such hours before each gap.

    Args:
        gaps: ``gap``, ``course``, ``from_at``.
        slots: ``gap``, ``day_class`` and ``hour`` that are wanted.
        hours: Measured hours: ``course``, ``period_start``, ``period_end``, ``consumption`` (millionths), and
            ``day_class``. Hours cut short do not count.
        policy: Reach and least number of values.
        zone: The utility's zone.

    Returns:
        ``gap``, ``day_class``, ``hour`` and ``own``: twice the median (half millionths, not negative), where there are
        enough values.
    """
    start, end = pl.col("period_start"), pl.col("period_end")
    wanted = slots.select("gap", *_KEYS).unique()
    return (
        hours.lazy()
        .with_columns(local_hour(start, zone))
        .filter(end - start == calendar.HOUR, pl.col("hour").is_in(wanted["hour"].unique().implode()))
        .join(gaps.lazy().select("gap", "course", "from_at"), on="course")
        .filter(start >= pl.col("from_at") - policy.reach, end <= pl.col("from_at"))
        .join(wanted.lazy(), on=["gap", *_KEYS], how="semi")
        .group_by("gap", *_KEYS)
        .agg(values=pl.len(), own=(pl.col("consumption").median() * 2).clip(lower_bound=0).cast(pl.Int64))
        .filter(pl.col("values") >= policy.least_values)
        .drop("values")
        .collect()
    )


def profile_month(day: pl.Expr, settle: timedelta) -> pl.Expr:
    """Local month (its first day) whose profiles gaps take that begin on a day: the last one that is settled by then.

    Args:
        day: Local dates.
        settle: Time after the end of a month until its readings have arrived.
    """
    return (day - settle).dt.month_start().dt.offset_by("-1mo").alias("local_month")


def group_profiles(
    hours: pl.DataFrame,
    classes: pl.DataFrame,
    holidays: pl.DataFrame,
    policy: EstimationPolicy,
    *,
    local_month: date,
    zone: ZoneInfo,
) -> pl.DataFrame:
    """Profiles of the customer classes: medians of each point's hours divided by the point's own mean.

    Args:
        hours: Rows of ``consumption_hourly`` of a local month; only whole measured hours count.
        classes: ``metering_point``, ``medium`` and ``customer_class``; points that are not named are of medium and
            class "".
        holidays: ``day``.
        policy: Least numbers of values and of metering points.
        local_month: First day of the month.
        zone: The utility's zone.

    Returns:
        ``medium``, ``customer_class``, ``register``, ``local_month``, ``day_class``, ``hour``, ``weight`` (millionths
        of the mean hour, not negative) and ``meters`` (metering points that the profile rests on), in order.
    """
    course = ("metering_point", "register")
    group = (*CLASS, "register")
    used = pl.col("used")
    whole = hours.filter(
        pl.col("quality").is_in(MEASURED), pl.col("period_end") - pl.col("period_start") == calendar.HOUR
    ).select(*course, "day", "period_start", used=millionths("consumption"))
    means = (
        whole.group_by(course)
        .agg(total=used.sum(), count=pl.len())
        .filter(pl.col("total") > 0)
        .join(classes.unique("metering_point"), on="metering_point", how="left")
        .with_columns(pl.col(*CLASS).fill_null(""))
        .with_columns(meters=pl.len().over(group).cast(pl.Int64))
        .filter(pl.col("meters") >= policy.least_meters)
    )
    return (
        whole.join(means, on=course)
        .select(
            *group,
            "meters",
            day_class(pl.col("day"), holidays),
            local_hour(pl.col("period_start"), zone),
            share=used * pl.col("count") / pl.col("total"),
        )
        .group_by(*group, *_KEYS)
        .agg(
            pl.col("meters").first(),
            values=pl.len(),
            weight=(pl.col("share").median() * MICRO).round().clip(lower_bound=0).cast(pl.Int64),
        )
        .filter(pl.col("values") >= policy.least_values)
        .select(pl.lit(local_month).alias("local_month"), pl.exclude("values"))
        .select(*PROFILES.names(), "meters")
        .sort(PROFILES.names())
    )


def weights(
    gaps: pl.DataFrame, hours: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy, zone: ZoneInfo
) -> pl.DataFrame:
    """Weighs the hours of gaps by every profile that there is evidence for.

    Args:
        gaps: ``gap``, ``course``, ``metering_point``, ``register``, ``from_at``, ``next_at``; at least one row.
        hours: Measured hours, as :func:`own_profile` takes them.
        evidence: Profiles of groups, temperatures and signatures.
        policy: Reach and least number of values.
        zone: The utility's zone.

    Returns:
        :func:`gap_hours` with ``PROF_OWN``, ``LIKE_DAY``, ``PROF_GRP`` and ``PROF_HDD``: the weight of the hour's part
        inside the gap (Int128), null in every hour of a gap that the profile does not cover whole, or weighs 0
        altogether. Like days are looked for where the policy names them.
    """
    cut = gap_hours(gaps, evidence.holidays, zone)
    asks = "LIKE_DAY" in policy.fills
    alike = like_days(gaps, cut if asks else cut.clear(), hours, policy, zone)
    names = gaps.select(
        *("gap", "metering_point", "register"),
        profile_month(calendar.local_day(pl.col("from_at"), zone), policy.settle),
    ).join(evidence.classes.unique("metering_point"), on="metering_point", how="left")
    found = (
        cut.join(own_profile(gaps, cut, hours, policy, zone), on=["gap", *_KEYS], how="left", maintain_order="left")
        .join(names.with_columns(pl.col(*CLASS).fill_null("")), on="gap", maintain_order="left")
        .join(evidence.profiles, on=[*CLASS, "register", "local_month", *_KEYS], how="left", maintain_order="left")
        .join(evidence.temperatures.unique("day"), on="day", how="left", maintain_order="left")
        .join(evidence.signatures.unique("metering_point"), on="metering_point", how="left", maintain_order="left")
        .with_columns(by_degrees=_by_degrees())
        .join(alike, on=["gap", "day", "hour"], how="left", maintain_order="left")
    )
    columns = {"PROF_OWN": "own", "LIKE_DAY": "like", "PROF_GRP": "weight", "PROF_HDD": "by_degrees"}
    return found.with_columns(
        (pl.col(column).cast(pl.Int128) * pl.col("covered")).alias(name) for name, column in columns.items()
    ).select(
        *cut.columns,
        *(
            pl.when((pl.col(name).is_not_null().all() & (pl.col(name).sum() > 0)).over("gap")).then(name).alias(name)
            for name in columns
        ),
    )


def _by_degrees() -> pl.Expr:
    """Heat: the own profile times the degree-day share, plus the constant share, of heat energy only."""
    mean = ((pl.col("own") * pl.col("covered")).sum() / pl.col("covered").sum()).over("gap")
    degrees = (pl.col("t0_c") - pl.col("temperature_c")).clip(lower_bound=0)
    shape = pl.when(mean > 0).then(pl.col("own") / mean).otherwise(1.0)
    power = pl.col("a_kw_per_k").clip(lower_bound=0) * degrees * shape + pl.col("b_kw").clip(lower_bound=0)
    heat = pl.col("register") == "energy_kwh"
    return pl.when(heat & pl.col("own").is_not_null()).then((power * _SCALE).round().cast(pl.Int64))
