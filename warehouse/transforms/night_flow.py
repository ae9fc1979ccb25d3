"""Minimum night flow of districts and the leakage it tells of (ALGORITHMS §10.5)."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.policies.districts import DistrictsPolicy
from warehouse.schemas import NIGHT_FLOW_DAILY
from warehouse.transforms.losses import hour_day_factor
from warehouse.transforms.water_balance import MEASURED, shaped

_KEY = ["district", "day"]
_POINT = "metering_point"
_HOURS = 24


def in_window(instant: pl.Expr, policy: DistrictsPolicy, zone: ZoneInfo) -> pl.Expr:
    """Whether an hour that starts at an instant lies in the night window, by the clock on the wall.

    In spring the window may have an hour less, in autumn one more.
    """
    hour = instant.dt.convert_time_zone(zone.key).dt.hour()
    return (hour >= policy.night.first_hour) & (hour < policy.night.last_hour)


def nights(
    days: pl.DataFrame,
    flows: pl.DataFrame,
    members: pl.DataFrame,
    hourly: pl.DataFrame,
    pressures: pl.DataFrame,
    policy: DistrictsPolicy,
    zone: ZoneInfo,
) -> pl.DataFrame:
    """The lowest hour of each night with the legitimate use in it.

    Args:
        days: ``day`` of the nights asked for.
        flows: ``district``, ``metering_point`` and ``term``, as for the balance.
        members: ``district``, ``metering_point``, ``start`` and ``end`` (UTC; null for ever).
        hourly: ``metering_point``, ``day``, ``period_start``, ``period_end``, ``consumption`` (m³) and ``quality`` of
            all of these points; hours outside of the night window do no harm.
        pressures: ``district``, ``day``, ``hour_start`` and ``pressure_m`` of each hour where it is measured.
        policy: The districts.
        zone: The utility's zone.

    Returns:
        Columns of ``night_flow_daily`` up to ``lnu_coverage``, ``exceptional_m3h``, ``hdf_h`` and ``hdf_method``, one
        row per district and day. An hour counts where every flow point is measured in it; use counts as measured where
        enough members are, those that are not with the mean of the others.
    """
    length = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds() / 3600
    night = (
        hourly.filter(in_window(pl.col("period_start"), policy, zone))
        .select(
            _POINT,
            "day",
            hour_start="period_start",
            m3h=pl.when(pl.col("quality").is_in(MEASURED)).then(pl.col("consumption").cast(pl.Float64) / length),
        )
    )  # fmt: skip
    sign = pl.col("term").replace_strict({"input": 1.0, "output": -1.0, "filling": -1.0, "drawing": 1.0})
    points = flows.group_by("district").agg(points=pl.len())
    net = (
        flows.join(night, on=_POINT)
        .sort("district", "hour_start", _POINT)
        .group_by("district", "day", "hour_start", maintain_order=True)
        .agg(flow=(pl.col("m3h") * sign).sum(), known=pl.col("m3h").is_not_null().sum())
        .join(points, on="district")
        .filter(pl.col("known") == pl.col("points"))
    )
    lowest = (
        net.sort("flow", "hour_start")
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col("hour_start").first(), mnf_m3h=pl.col("flow").first(), hours=pl.len())
    )
    rows = (
        days.select("day")
        .join(_assumptions(policy), how="cross")
        .join(lowest, on=_KEY, how="left")
        .join(_used(lowest, members, night), on=_KEY, how="left")
        .with_columns(pl.col("hours").fill_null(0), pl.col("members").fill_null(0))
    )
    enough = (pl.col("lnu_coverage") >= policy.night.coverage_limit) | (pl.col("members") == 0)
    rows = rows.with_columns(
        lnu_method=pl.when(pl.col("mnf_m3h").is_null())
        .then(None)
        .when(enough)
        .then(pl.lit("measured"))
        .when(pl.col("by_persons").is_not_null())
        .then(pl.lit("persons"))
        .otherwise(pl.lit("share"))
    ).with_columns(
        lnu_m3h=pl.when(pl.col("lnu_method") == "measured")
        .then(pl.col("used").fill_null(0.0))
        .when(pl.col("lnu_method") == "persons")
        .then("by_persons")
        .when(pl.col("lnu_method") == "share")
        .then(pl.col("mnf_m3h") * policy.night.use_share)
    )
    return rows.join(_factors(lowest, pressures, policy, zone), on=_KEY, how="left").with_columns(
        pl.col("hdf_h").fill_null(float(_HOURS)), pl.col("hdf_method").fill_null("constant")
    )


def night_flow_daily(found: pl.DataFrame, policy: DistrictsPolicy) -> pl.DataFrame:
    """Adds medians over nights and the leakage they tell of.

    Args:
        found: Rows of :func:`nights`, all that there are of each district.
        policy: The districts.

    Returns:
        Rows of ``night_flow_daily`` without ``organisation`` and ``known_from``. The medians are known where at least
        half of their nights are.
    """
    window = f"{policy.night.median_days}d"
    known = pl.col("mnf_m3h").is_not_null()
    count = known.cast(pl.Int32).rolling_sum_by("day", window).over("district")
    enough = pl.col("nights") * 2 >= policy.night.median_days
    rows = (
        found.sort(_KEY)
        .with_columns(
            nights=count.fill_null(0),
            mnf_median_m3h=pl.col("mnf_m3h").rolling_median_by("day", window).over("district"),
            lnu_median_m3h=pl.col("lnu_m3h").rolling_median_by("day", window).over("district"),
        )
        .with_columns(pl.when(enough).then(name).alias(name) for name in ("mnf_median_m3h", "lnu_median_m3h"))
        .with_columns(
            leak_night_m3h=pl.col("mnf_median_m3h") - pl.col("lnu_median_m3h") - pl.col("exceptional_m3h"),
        )
        .with_columns(leakage_m3=pl.col("leak_night_m3h") * pl.col("hdf_h"))
    )
    return shaped(NIGHT_FLOW_DAILY, rows)


def _used(lowest: pl.DataFrame, members: pl.DataFrame, night: pl.DataFrame) -> pl.DataFrame:
    """What members drew in the lowest hour, and how many of them were measured then."""
    hour = pl.col("hour_start")
    there = (pl.col("start") <= hour).fill_null(value=True) & (pl.col("end") > hour).fill_null(value=True)
    drawn = (
        lowest.select("district", "day", "hour_start")
        .join(members, on="district")
        .filter(there)
        .select("district", "day", "hour_start", _POINT)
        .unique()
        .join(night.select(_POINT, "hour_start", "m3h"), on=[_POINT, "hour_start"], how="left")
        .sort("district", "day", _POINT)
    )
    flow = pl.col("m3h")
    return drawn.group_by(_KEY, maintain_order=True).agg(
        members=pl.len(),
        lnu_coverage=flow.is_not_null().mean(),
        used=flow.sum() + flow.null_count() * flow.mean().fill_null(0.0),
    )


def _assumptions(policy: DistrictsPolicy) -> pl.DataFrame:
    """Night use by persons, where they are known, and exceptional use of each district."""
    each = policy.night.active_share * policy.night.flush_l / 1000
    rows = [
        (name, one.persons * each if one.persons else None, one.exceptional_night_use_m3h)
        for name, one in policy.districts.items()
    ]
    schema = {"district": pl.String, "by_persons": pl.Float64, "exceptional_m3h": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _factors(lowest: pl.DataFrame, pressures: pl.DataFrame, policy: DistrictsPolicy, zone: ZoneInfo) -> pl.DataFrame:
    """Hour-day factor per district and day: of the policy's profile, else of measured pressure."""
    n1 = policy.night.n1
    rows = [
        (name, hour, hour_day_factor(one.pressure_profile_m, one.pressure_profile_m[hour], n1), "profile")
        for name, one in policy.districts.items()
        if one.pressure_profile_m
        for hour in range(_HOURS)
    ]
    schema = {"district": pl.String, "hour": pl.Int8, "hdf_h": pl.Float64, "hdf_method": pl.String}
    profiles = pl.DataFrame(rows, schema=schema, orient="row")
    local_hour = pl.col("hour_start").dt.convert_time_zone(zone.key).dt.hour()
    by_profile = lowest.with_columns(hour=local_hour).join(profiles, on=["district", "hour"])
    at_night = lowest.join(pressures, on=["district", "day", "hour_start"]).select(*_KEY, night_m="pressure_m")
    by_sensor = (
        pressures.join(at_night, on=_KEY)
        .sort("district", "hour_start")
        .group_by(_KEY, maintain_order=True)
        .agg(hdf_h=(pl.col("pressure_m") / pl.col("night_m")).pow(n1).mean() * _HOURS)
        .with_columns(hdf_method=pl.lit("measured"))
        .filter(pl.col("hdf_h").is_finite())
        .join(by_profile, on=_KEY, how="anti")
    )
    columns = (*_KEY, "hdf_h", "hdf_method")
    return pl.concat([by_profile.select(columns), by_sensor.select(columns)])
