"""Alarms on losses: a sudden night, a gradual rise, a week above last year's (ALGORITHMS §10.6)."""

from datetime import date

import polars as pl

from warehouse.policies.districts import Alarms, DistrictsPolicy
from warehouse.schemas import LOSS_ALARMS
from warehouse.transforms.water_balance import shaped

_ROBUST = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

_HOURS, _WEEK, _YEAR = 24, "7d", 364
_KNOWN_OF_A_WEEK = 5
_COURSE = ["district", "learned"]


def loss_alarms(balances: pl.DataFrame, found: pl.DataFrame, policy: DistrictsPolicy) -> pl.DataFrame:
    """Finds episodes in which losses lie above what is usual.

    Args:
        balances: Rows of ``water_balance_daily``, all that there are of each district.
        found: Rows of ``night_flow_daily``, likewise.
        policy: The districts, with the days of their repairs: after each the usual loss is learned anew.

    Returns:
        Rows of ``loss_alarms`` without ``organisation`` and ``known_from``. Nothing is said of the days that tell what
        is usual, nor of days without a known loss.
    """
    net = pl.col("mnf_m3h") - pl.col("lnu_m3h") - pl.col("exceptional_m3h")
    losses = _learned(balances.select("district", "day", x="loss_m3", scale="input_m3"), policy)
    flow = balances.select("district", "day", scale=pl.col("input_m3") / _HOURS)
    by_night = _learned(found.select("district", "day", x=net).join(flow, on=["district", "day"], how="left"), policy)
    rises = (_smoothed if policy.alarms.method == "ewma" else _summed)(losses, policy.alarms)
    kinds = {
        "sudden": _nightly(by_night, policy.alarms),
        "gradual": rises,
        "seasonal": _seasonal(losses, policy.alarms),
    }
    return shaped(LOSS_ALARMS, pl.concat([_episodes(rows, kind) for kind, rows in kinds.items()]))


def _learned(series: pl.DataFrame, policy: DistrictsPolicy) -> pl.DataFrame:
    """Known values by district and time since the last repair, with their number, usual value and spread."""
    alarms = policy.alarms
    repairs: list[tuple[str, date]] = [(name, day) for name, one in policy.districts.items() for day in one.repaired_on]
    repaired = pl.DataFrame(repairs, schema={"district": pl.String, "repaired": pl.Date}, orient="row")
    known = series.drop_nulls("x").sort("district", "day")
    learned = (
        known.select("district", "day")
        .join(repaired, on="district")
        .filter(pl.col("repaired") < pl.col("day"))
        .group_by("district", "day")
        .agg(learned=pl.len())
    )
    window, x = pl.col("number") < alarms.window_days, pl.col("x")
    return (
        known.join(learned, on=["district", "day"], how="left")
        .with_columns(pl.col("learned").fill_null(0))
        .sort("district", "day")
        .with_columns(number=pl.int_range(pl.len()).over(_COURSE))
        .with_columns(usual=x.filter(window).median().over(_COURSE))
        .with_columns(
            sigma=pl.max_horizontal(
                (x - pl.col("usual")).abs().filter(window).median().over(_COURSE) * _ROBUST,
                pl.col("scale").filter(window).median().over(_COURSE) * alarms.least_share,
            )
        )
    )


def _nightly(series: pl.DataFrame, alarms: Alarms) -> pl.DataFrame:
    limit = pl.col("usual") + alarms.sudden * pl.col("sigma")
    return series.filter(pl.col("number") >= alarms.window_days).with_columns(value="x", limit=limit)


def _smoothed(series: pl.DataFrame, alarms: Alarms) -> pl.DataFrame:
    """Exponentially weighted losses from the end of the window on, and their limit."""
    weight = alarms.smoothing
    begins = pl.col("number") == alarms.window_days - 1
    steps = pl.col("number") - alarms.window_days + 1
    away = pl.when(begins).then(0.0).otherwise(pl.col("x") - pl.col("usual"))
    share = weight / (2 - weight) * (1 - pl.lit(1 - weight).pow(2 * steps))
    return (
        series.filter(pl.col("number") >= alarms.window_days - 1)
        .with_columns(value=pl.col("usual") + away.ewm_mean(alpha=weight, adjust=False).over(_COURSE))
        .with_columns(limit=pl.col("usual") + alarms.width * pl.col("sigma") * share.sqrt())
        .filter(~begins)
    )


def _summed(series: pl.DataFrame, alarms: Alarms) -> pl.DataFrame:
    """Cumulated excess over the usual loss (CUSUM), and its limit."""
    excess = pl.col("x") - pl.col("usual") - alarms.slack * pl.col("sigma")
    total = excess.cum_sum()
    return series.filter(pl.col("number") >= alarms.window_days).with_columns(
        value=(total - pl.min_horizontal(total.cum_min(), 0.0)).over(_COURSE), limit=alarms.sum_limit * pl.col("sigma")
    )


def _seasonal(series: pl.DataFrame, alarms: Alarms) -> pl.DataFrame:
    """Weeks against the same week of last year."""
    weeks = series.with_columns(
        value=pl.col("x").rolling_mean_by("day", _WEEK, min_samples=_KNOWN_OF_A_WEEK).over("district")
    )
    before = weeks.select("district", pl.col("day") + pl.duration(days=_YEAR), before="value")
    return (
        weeks.join(before, on=["district", "day"], how="left")
        .with_columns(limit=pl.col("before") + alarms.seasonal * pl.col("sigma") / 7**0.5)
        .filter(pl.col("value").is_not_null(), pl.col("limit").is_not_null())
    )


def _episodes(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Runs of values above their limit."""
    outside = pl.col("value") > pl.col("limit")
    begins = outside & ~outside.shift(1, fill_value=False).over(_COURSE)
    return (
        rows.sort("district", "day")
        .with_columns(outside=outside, episode=begins.cast(pl.Int32).cum_sum())
        .filter("outside")
        .group_by("district", "episode")
        .agg(
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            days=pl.len(),
            peak=pl.col("value").max(),
            limit=pl.col("limit").first(),
            usual=pl.col("usual").first(),
            sigma=pl.col("sigma").first(),
        )
        .with_columns(kind=pl.lit(kind))
        .drop("episode")
    )
