"""Faults of substations in a heating year (§14.4): seven rules, each with a score, a reason and what it costs.

The score says how far beyond its limit something is, from 0 to 1, whatever its unit: faults are ranked by it.
"""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl

from warehouse.phrases import phrase
from warehouse.transforms.enthalpy import INLET_TYPES, device_type, heat_coefficient
from warehouse.transforms.heat_fault_rules import (
    CONTROL,
    LOAD,
    LOW_COOLING,
    OUTLIER,
    RETURN,
    SHIFT,
    WEATHER,
    FaultRules,
)
from warehouse.transforms.heat_means import target_volume
from warehouse.transforms.reference_groups import nearest, standardised

FOUND = pl.Schema(
    {
        "metering_point": pl.String,
        "rule": pl.String,
        "since": pl.Date,
        "score": pl.Float64,
        "value": pl.Float64,
        "limit": pl.Float64,
        "reason": pl.String,
    }
)

_MAD = 1.4826
_WEEK = 7
_SATURDAY = 6
_LEAST_GROUP = 5
"""Members that a reference group needs on a day."""


def find_faults(
    days: pl.DataFrame, temperatures: pl.DataFrame, signatures: pl.DataFrame, targets: pl.DataFrame, rules: FaultRules
) -> pl.DataFrame:
    """Finds the faults of the substations of one heating year.

    Args:
        days: Rows of ``heat_daily`` of the year and one organisation.
        temperatures: ``metering_point``, ``day``, ``mean_temp_c`` of the same days; may be empty.
        signatures: Rows of ``energy_signatures`` of the quantity ``power`` with ``is_last`` (whether of the year before
            instead of this one).
        targets: ``metering_point`` and ``target_k``, the cooling that is expected.
        rules: Limits.

    Returns:
        ``metering_point``, ``meter_id``, ``rule``, ``since``, ``score``, ``value``, ``limit``, ``reason``,
        ``excess_m3`` and ``cost`` of every fault, by point and rule. Cooling points are left out.
    """
    heating = days.filter(pl.col("cooling_k").is_null() | ~_cools()).sort("metering_point", "day")
    if heating.is_empty():
        return FOUND.to_frame().with_columns(
            meter_id=pl.lit(None, pl.String), excess_m3=pl.lit(None, pl.Float64), cost=pl.lit(None, pl.Float64)
        )
    weather = heating.join(temperatures, on=["metering_point", "day"], how="inner", maintain_order="left")
    last = heating["day"].max()
    assert isinstance(last, date)  # noqa: S101  there is a row
    recent = heating.filter(pl.col("day") > last - timedelta(days=rules.recent_days))
    seasons = _seasons(heating, rules)
    checks: dict[str, Callable[[], pl.DataFrame]] = {
        LOW_COOLING: lambda: _low_cooling(seasons, heating, rules),
        WEATHER: lambda: _weather(weather, rules),
        LOAD: lambda: _load(recent, rules),
        CONTROL: lambda: _control(recent, rules),
        RETURN: lambda: _return(recent, seasons, rules),
        SHIFT: lambda: _shift(signatures, seasons),
        OUTLIER: lambda: _outlier(seasons, rules),
    }
    found = pl.concat([
        check().select(*FOUND).cast(FOUND) for name, check in checks.items() if name in rules.rules
    ])  # fmt: skip
    # A point that was heard on too few days for a season may still have a fault of the last days.
    meters = heating.group_by("metering_point", maintain_order=True).agg(pl.col("meter_id").last())
    volumes = _excess(seasons.join(targets, on="metering_point", how="left"))
    price = pl.lit(rules.price_per_m3, pl.Float64)
    return (
        found.join(meters, on="metering_point", how="left")
        .join(volumes, on="metering_point", how="left")
        .with_columns(cost=pl.col("excess_m3") * price)
        .sort("metering_point", "rule")
    )


def _cools() -> pl.Expr:
    return pl.col("flow_temp_c") < pl.col("return_temp_c")


def _seasons(days: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    """Sums of the season by point; cooling and temperatures are weighted by volume."""
    weight = pl.when(pl.col("cooling_k").is_not_null()).then(pl.col("volume_m3").cast(pl.Float64))
    energy = pl.when(pl.col("cooling_k").is_not_null()).then(pl.col("energy_kwh").cast(pl.Float64))
    return (
        days.group_by("metering_point", maintain_order=True)
        .agg(
            meter_id=pl.col("meter_id").last(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            days=weight.count(),
            volume=weight.sum(),
            energy=energy.sum(),
            night_share=pl.col("night_energy_share").median(),
            **{
                name: (pl.col(name) * weight).sum() / weight.sum()
                for name in ("flow_temp_c", "return_temp_c", "cooling_k")
            },
        )
        .filter(pl.col("days") >= rules.least_days, pl.col("volume") > 0)
    )


def _excess(seasons: pl.DataFrame) -> pl.DataFrame:
    is_inlet = device_type(pl.col("meter_id")).is_in(INLET_TYPES)
    k = heat_coefficient(pl.col("flow_temp_c"), pl.col("return_temp_c"), is_inlet=is_inlet)
    target = target_volume(pl.col("energy"), k, pl.col("target_k"))
    return seasons.select("metering_point", excess_m3=(pl.col("volume") - target).clip(lower_bound=0).fill_nan(None))


def _low_cooling(seasons: pl.DataFrame, days: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    limit = pl.lit(rules.lowest_cooling_k)
    for supply, at_supply in rules.cooling_by_supply:
        limit = pl.when(pl.col("flow_temp_c") >= supply).then(at_supply).otherwise(limit)
    value = pl.col("cooling_k")
    poor = seasons.with_columns(limit=limit).filter(value < pl.col("limit"))
    fine = (
        days.join(poor.select("metering_point", "limit"), on="metering_point")
        .filter(value >= pl.col("limit"))
        .group_by("metering_point")
        .agg(fine=pl.col("day").max())
    )
    return poor.join(fine, on="metering_point", how="left").with_columns(
        rule=pl.lit(LOW_COOLING),
        # Of a year that is poor on the whole though not on its last days, all of it.
        since=pl.when(pl.col("fine") < pl.col("last_day"))
        .then(pl.col("fine").dt.offset_by("1d"))
        .otherwise("first_day"),
        score=((pl.col("limit") - value) / pl.col("limit")).clip(0, 1),
        value=value,
        reason=phrase(
            "It cools by {} K on the mean of the heating year; {} K are the least.", _one(value), _one(pl.col("limit"))
        ),
    )


def _weather(weather: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    cold = weather.filter(
        pl.col("mean_temp_c") < rules.heating_limit_c, pl.col("energy_kwh").is_not_null()
    ).with_columns(pl.col("energy_kwh").cast(pl.Float64))
    value, limit = pl.col("value"), rules.largest_correlation
    return (
        cold.group_by("metering_point", maintain_order=True)
        .agg(
            value=pl.corr("energy_kwh", "mean_temp_c", method="spearman"),
            count=pl.len(),
            since=pl.col("day").min(),
        )
        # Consumption that never changes has no rank; it follows no weather at all.
        .with_columns(value=pl.col("value").fill_nan(0.0).fill_null(0.0))
        .filter(pl.col("count") >= rules.least_heating_days, value > limit)
        .with_columns(
            rule=pl.lit(WEATHER),
            score=((value - limit) / (1 - limit)).clip(0, 1),
            limit=pl.lit(limit),
            reason=phrase(
                "Its heat follows the outdoor temperature with a rank correlation of {} in the heating season; {} is "
                "the weakest.",
                _two(value),
                pl.lit(limit),
            ),
        )
    )


def _load(recent: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    energy, weekend = pl.col("energy_kwh").cast(pl.Float64), pl.col("day").dt.weekday() >= _SATURDAY
    patterns = recent.group_by("metering_point", maintain_order=True).agg(
        since=pl.col("day").min(),
        night=pl.col("night_energy_share").median(),
        weekend=energy.filter(weekend).mean() / energy.filter(~weekend).mean(),
        days=energy.count(),
    )
    parts = []
    for name, (low, high), words in (
        ("night", rules.night_share, "Of a day's heat the share {} falls between midnight and six; usual is {} to {}."),
        (
            "weekend",
            rules.weekend_ratio,
            "A day of the weekend takes {} times the heat of a weekday; usual is {} to {}.",
        ),
    ):
        value = pl.col(name)
        limit = pl.when(value < low).then(low).otherwise(high)
        parts.append(
            patterns.filter(
                pl.col("days") >= rules.least_days, value.is_finite() & ((value < low) | (value > high))
            ).with_columns(
                rule=pl.lit(LOAD),
                value=value,
                limit=limit,
                score=((value - limit).abs() / pl.max_horizontal(limit, value)).clip(0, 1),
                reason=phrase(words, _two(value), pl.lit(low), pl.lit(high)),
            )
        )
    worst_first = pl.concat(parts).sort("metering_point", "score", descending=[False, True])
    return worst_first.unique("metering_point", keep="first", maintain_order=True)


def _control(recent: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    value, limit = pl.col("value"), rules.largest_hunting
    return (
        recent.group_by("metering_point", maintain_order=True)
        .agg(
            since=pl.col("day").filter(pl.col("hunting_hours") > 0).min(),
            hours=pl.col("hours_counted").sum(),
            turns=pl.col("hunting_hours").sum(),
        )
        .with_columns(value=pl.col("turns") / pl.col("hours"))
        .filter(pl.col("hours") >= rules.least_hours, value > limit)
        .with_columns(
            rule=pl.lit(CONTROL),
            limit=pl.lit(limit),
            score=(1 - limit / value).clip(0, 1),
            reason=phrase(
                "Its flow turns by more than half in {} % of the hours.", (value * 100).round(0).cast(pl.Int64)
            ),
        )
    )


def _return(recent: pl.DataFrame, seasons: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    """Return temperatures far above those of the most similar substations, on too many days of a week."""
    points = seasons.sort("metering_point")
    if points.height <= _LEAST_GROUP:
        return FOUND.to_frame()
    features = points.select(
        "flow_temp_c", load=(pl.col("energy") / pl.col("days")).log1p(), night=pl.col("night_share").cast(pl.Float64)
    ).to_numpy()
    near = nearest(standardised(features.astype(np.float64)), rules.neighbours)
    calendar = recent.select("day").unique().sort("day").with_row_index("column")
    placed = (
        recent.drop_nulls("return_temp_c")
        .join(points.select("metering_point").with_row_index("row"), on="metering_point")
        .join(calendar, on="day")
    )
    returns = np.full((points.height, calendar.height), np.nan)
    returns[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed["return_temp_c"].to_numpy()
    above = _above(returns, near, rules)
    week = np.lib.stride_tricks.sliding_window_view(np.pad(above, ((0, 0), (_WEEK - 1, 0))), _WEEK, axis=1)
    is_fault = week.sum(axis=2) >= rules.return_days
    row = np.flatnonzero(is_fault.any(axis=1))
    if not len(row):
        return FOUND.to_frame()
    latest = is_fault.shape[1] - 1 - is_fault[row, ::-1].argmax(axis=1)
    window = np.arange(_WEEK)[None, :] + latest[:, None] - (_WEEK - 1)
    in_window = np.take_along_axis(np.pad(above[row], ((0, 0), (_WEEK, 0))), window + _WEEK, axis=1)
    first = np.maximum(window[np.arange(len(row)), in_window.argmax(axis=1)], 0)
    with np.errstate(all="ignore"):
        middle = np.nanmedian(np.where(above[row][:, None, :], returns[near[row]], 0.0), axis=1)
        value = np.nanmedian(np.where(above[row], returns[row], np.nan), axis=1)
        group = np.nanmedian(np.where(above[row], middle, np.nan), axis=1)
    return pl.DataFrame(
        {
            "metering_point": points["metering_point"].gather(row),
            "since": calendar["day"].gather(first),
            "value": value,
            "limit": group,
        }
    ).with_columns(
        rule=pl.lit(RETURN),
        score=((pl.col("value") - pl.col("limit")) / pl.col("limit").clip(lower_bound=1)).clip(0, 1),
        reason=phrase(
            "Its return of {} degC is far above the {} degC of the substations most like it.",
            _one(pl.col("value")),
            _one(pl.col("limit")),
        ),
    )


def _above(returns: np.ndarray, near: np.ndarray, rules: FaultRules) -> np.ndarray:
    """Whether each day's return temperature is too far above that of the reference group, in parts for the memory."""
    above = np.zeros(returns.shape, bool)
    for start in range(0, len(returns), 4096):
        part = slice(start, start + 4096)
        group = returns[near[part]]
        with np.errstate(all="ignore"):
            enough = np.isfinite(group).sum(axis=1) >= _LEAST_GROUP
            group = np.where(enough[:, None, :], group, 0.0)  # a day of which nothing is known has no median
            middle = np.nanmedian(group, axis=1)
            spread = _MAD * np.nanmedian(np.abs(group - middle[:, None, :]), axis=1)
            beyond = returns[part] - middle > np.maximum(rules.return_sigmas * spread, rules.least_return_k)
        above[part] = enough & beyond
    return above


def _shift(signatures: pl.DataFrame, seasons: pl.DataFrame) -> pl.DataFrame:
    """Signatures of this year outside the bootstrap band of the last one."""
    usable = signatures.filter(pl.col("quality") == "ok")
    now = usable.filter(~pl.col("is_last"))
    before = usable.filter("is_last").select(
        "metering_point", "slope_low", "slope_high", "t0_low_c", "t0_high_c", last_slope="slope", last_t0="t0_c"
    )
    both = now.drop("slope_low", "slope_high", "t0_low_c", "t0_high_c").join(before, on="metering_point")
    parts = []
    for value, low, high, last, words in (
        ("slope", "slope_low", "slope_high", "last_slope", "It takes {} kW per kelvin; last year it was {}."),
        ("t0_c", "t0_low_c", "t0_high_c", "last_t0", "It begins to heat at {} degC; last year it was at {}."),
    ):
        outside = (pl.col(value) < pl.col(low)) | (pl.col(value) > pl.col(high))
        change = (pl.col(value) - pl.col(last)).abs() / pl.max_horizontal(pl.col(last).abs(), pl.col(value).abs())
        parts.append(
            both.filter(outside).with_columns(
                value=pl.col(value),
                limit=pl.when(pl.col(value) < pl.col(low)).then(pl.col(low)).otherwise(pl.col(high)),
                score=change.clip(0, 1),
                reason=phrase(words, _two(pl.col(value)), _two(pl.col(last))),
            )
        )
    return (
        pl.concat(parts)
        .join(seasons.select("metering_point", since="first_day"), on="metering_point")
        .with_columns(rule=pl.lit(SHIFT))
        .sort("metering_point", "score", descending=[False, True])
        .unique("metering_point", keep="first", maintain_order=True)
    )


def _outlier(seasons: pl.DataFrame, rules: FaultRules) -> pl.DataFrame:
    value = pl.col("cooling_k")
    spread = _MAD * (value - value.median()).abs().median()
    return (
        seasons.with_columns(limit=value.median() - rules.outlier_sigmas * spread, typical=value.median())
        .filter(value < pl.col("limit"), value < rules.outlier_below_k)
        .with_columns(
            rule=pl.lit(OUTLIER),
            since="first_day",
            value=value,
            score=((pl.col("limit") - value) / pl.max_horizontal(pl.col("typical"), 1.0)).clip(0, 1),
            reason=phrase("It cools by {} K where the fleet's middle is {} K.", _one(value), _one(pl.col("typical"))),
        )
    )


def _one(value: pl.Expr) -> pl.Expr:
    return value.round(1)


def _two(value: pl.Expr) -> pl.Expr:
    return value.round(2)
