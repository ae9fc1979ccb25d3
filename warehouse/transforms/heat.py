"""Mean temperatures and cooling of heat and cooling meters (§7.1 to §7.3).

What a day's temperatures are worth depends on the flow they were measured at, so they are weighted by volume. The best
weights are the meter's own: it sums volume times temperature in the registers E8 and E9 at every pulse. These are
coarse, so a day with little volume falls back to hourly volumes and spot temperatures, and without such volumes to the
arithmetic mean, which ignores flow and is labelled so.
"""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import HEAT_DAILY
from warehouse.transforms.calendar import local_day
from warehouse.transforms.figures import shape
from warehouse.transforms.flags import all_count_on
from warehouse.transforms.heat_patterns import counts_of, patterns

LIMIT_K = 1.0
"""Largest resolution error (K) at which E8 and E9 are used."""
LEAST_SHARE = 0.5
"""Least share of the day's volume that hours with temperatures must hold."""

_POINT = ("organisation", "metering_point")
_METER = ("organisation", "meter_id")
_VOLUME, _HEAT, _COOLING = "volume_m3", "energy_kwh", "cooling_energy_kwh"
_E8, _E9 = "volume_temp_flow_m3c", "volume_temp_return_m3c"
_REGISTERS = (_VOLUME, _HEAT, _COOLING, _E8, _E9)
_TEMPERATURES = ("flow_temp_c", "return_temp_c")
_QUALITIES = ("M", "A", "I", "E", "F", "X", "R", "N")
"""Best first."""

_ENDS = (("start_quality", ".start"), ("end_quality", ".end"))


def heat_daily(
    daily: pl.DataFrame,
    hourly: pl.DataFrame,
    readings: pl.DataFrame,
    resolutions: pl.DataFrame,
    *,
    zone: ZoneInfo,
    limit_k: float = LIMIT_K,
    least_share: float = LEAST_SHARE,
) -> pl.DataFrame:
    """Reckons the mean temperatures and the cooling of each heat point and local day.

    A heat point has consumption of heat, cooling, E8 or E9, or a volume and both temperatures. It cools rather than
    heats on a day with more cooling than heat energy, or where it counts cooling energy alone.

    Args:
        daily: Rows of ``consumption_daily``; other registers do no harm.
        hourly: Rows of ``consumption_hourly`` of the same days.
        readings: ``organisation``, ``meter_id``, ``measured_at``, ``flow_temp_c``, ``return_temp_c``, ``quality``,
            ``flags``; only measured ones with both temperatures count, and on a day with registers that stood still
            E8 and E9 do not. On the day of an exchange the arithmetic mean and the resolutions are those of the meter
            that ``daily`` names.
        resolutions: What one count of a register is: ``organisation``, ``meter_id``, ``register``, ``resolution`` (base
            units), as :func:`register_resolutions` gives it. Where it is not known the error is null and the registers
            are used.
        zone: The utility's zone.
        limit_k: Largest resolution error of the temperatures (K) at which E8 and E9 are used.
        least_share: Least share of the day's volume that hours with temperatures must hold to stand for the day.

    Returns:
        Rows of ``heat_daily`` without ``known_from``, one per heat point and day of ``daily``. ``quality`` is the worst
        of the figures used, N without any. Days without flow have no temperatures and the weighting ``none``.
    """
    gauges = readings.filter(pl.col("quality") == "M").drop_nulls(_TEMPERATURES).select(
        *_METER, "measured_at", *_TEMPERATURES
    )  # fmt: skip
    days = _days(daily).join(_heat_points(daily, gauges), on=_POINT, how="semi")
    hourly = hourly.join(days.select(_POINT).unique(), on=_POINT, how="semi")
    return shape(
        HEAT_DAILY,
        days.join(_by_hours(hourly, gauges), on=[*_POINT, "day"], how="left")
        .join(_by_readings(gauges, zone), on=[*_METER, "day"], how="left")
        .join(_broken(readings, zone), on=[*_METER, "day"], how="left")
        .join(counts_of(resolutions), on=_METER, how="left")
        .join(patterns(hourly, resolutions, zone), on=[*_POINT, "day"], how="left")
        .pipe(_by_registers)
        .pipe(_choose, limit_k, least_share)
        .pipe(_cool),
    )


def register_resolutions(readings: pl.DataFrame, layouts: pl.DataFrame) -> pl.DataFrame:
    """Looks up how finely the meters' telegrams resolve their registers.

    Args:
        readings: ``organisation``, ``meter_id`` and ``layout_id`` (null where imported).
        layouts: Rows of ``layouts``.

    Returns:
        Per meter and ``register`` the ``resolution`` (base units), the coarsest of its layouts.
    """
    return (
        readings.select(*_METER, "layout_id")
        .unique()
        .join(layouts, on=["organisation", "layout_id"])
        .group_by(*_METER, "register")
        .agg(resolution=(pl.col("resolution_numerator") / pl.col("resolution_denominator")).max())
    )


def resolution_error(temperature: pl.Expr, volume: pl.Expr, count_vt: pl.Expr, count_v: pl.Expr) -> pl.Expr:
    """Bounds the error of a temperature ``E8/V`` that comes from the registers' resolution (§7.1).

    Args:
        temperature: Mean temperature (degC).
        volume: Volume of the period (m3).
        count_vt: One count of E8 or E9 (m3*degC).
        count_v: One count of the volume register (m3).

    Returns:
        Bound (K); infinite where the volume does not exceed one count.
    """
    bound = (count_vt + temperature.abs() * count_v) / (volume - count_v)
    return pl.when(volume <= count_v).then(float("inf")).otherwise(bound)


def _days(daily: pl.DataFrame) -> pl.DataFrame:
    """One row per point and day: consumption and quality of each register, null where there is no row.

    ``is_together``: V, E8 and E9 are known alike at both ends of the day, as registers of the same telegrams are
    (§7.1).
    """
    alike = [
        pl.col(f"{_VOLUME}{suffix}").eq_missing(pl.col(f"{register}{suffix}"))
        for register in (_E8, _E9)
        for _, suffix in _ENDS
    ]
    register = pl.col("register")
    per_register = [
        pl.col(column).filter(register == name).first().alias(name + suffix)
        for name in _REGISTERS
        for column, suffix in (("consumption", ""), ("quality", ".quality"), *_ENDS)
    ]
    return (
        daily.filter(register.is_in(_REGISTERS))
        .sort(register.replace_strict(_REGISTERS, range(len(_REGISTERS)), return_dtype=pl.Int8))
        .group_by(*_POINT, "day", maintain_order=True)
        .agg(pl.col("meter_id").first(), *per_register)
        .with_columns(is_together=pl.all_horizontal(alike))
    )


def _heat_points(daily: pl.DataFrame, gauges: pl.DataFrame) -> pl.DataFrame:
    """Points with heat registers, and those with a volume whose meter sends both temperatures."""
    counted = daily.filter(pl.col("register").is_in(_REGISTERS[1:]))
    warm = daily.filter(pl.col("register") == _VOLUME).join(gauges, on=_METER, how="semi")
    return pl.concat([counted.select(_POINT), warm.select(_POINT)]).unique()


def _by_hours(hourly: pl.DataFrame, gauges: pl.DataFrame) -> pl.DataFrame:
    """Temperatures weighted by hourly volume, and the volume of the hours that have a temperature."""
    hours = hourly.filter((pl.col("register") == _VOLUME) & (pl.col("consumption") > 0)).select(
        *_POINT, "meter_id", "day", "period_start", "period_end", hour_m3=pl.col("consumption").cast(pl.Float64)
    )
    # Sums of doubles in a fixed order: the same readings give the same figure to the last bit.
    placed = gauges.sort("measured_at", "meter_id").join_asof(
        hours.sort("period_start"),
        left_on="measured_at",
        right_on="period_start",
        by=_METER,
        strategy="backward",
        check_sortedness=False,
    )
    weight = pl.col("hour_m3")
    return (
        placed.filter(pl.col("measured_at") < pl.col("period_end"))
        .group_by(*_POINT, "day", "period_start", maintain_order=True)
        .agg(pl.col(_TEMPERATURES).mean(), weight.first())
        .group_by(*_POINT, "day", maintain_order=True)
        .agg(*(((pl.col(t) * weight).sum() / weight.sum()).alias(f"{t}.hours") for t in _TEMPERATURES), weight.sum())
        .rename({"hour_m3": "hours_m3"})
    )


def _by_readings(gauges: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Arithmetic means per meter and local day."""
    return (
        gauges.sort(*_METER, "measured_at")
        .group_by(*_METER, local_day(pl.col("measured_at"), zone).alias("day"), maintain_order=True)
        .agg(pl.col(_TEMPERATURES).mean().name.suffix(".readings"))
    )


def _broken(readings: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Meters and local days on which registers stood still, marked ``is_broken``."""
    day = local_day(pl.col("measured_at"), zone).alias("day")
    return readings.filter(~all_count_on()).select(*_METER, day).unique().with_columns(is_broken=pl.lit(value=True))


def _by_registers(days: pl.DataFrame) -> pl.DataFrame:
    """Temperatures from E8 and E9 with their error; null without flow or without both registers."""
    volume = pl.col(_VOLUME).cast(pl.Float64)
    flow, back = (
        pl.when(volume > 0).then(pl.col(register).cast(pl.Float64) / volume).alias(f"{temperature}.registers")
        for register, temperature in zip((_E8, _E9), _TEMPERATURES, strict=True)
    )
    hotter = pl.max_horizontal(flow.abs(), back.abs())
    error = resolution_error(hotter, volume, pl.col("count_vt"), pl.col("count_v"))
    return days.with_columns(flow, back, error_k=pl.when(flow.is_not_null() & back.is_not_null()).then(error))


def _choose(days: pl.DataFrame, limit_k: float, least_share: float) -> pl.DataFrame:
    """Picks the best weighting the day allows, its temperatures and the quality of what they rest on."""

    def have(source: str) -> pl.Expr:
        return pl.all_horizontal(pl.col(f"{t}.{source}").is_not_null() for t in _TEMPERATURES)

    volume = pl.col(_VOLUME).cast(pl.Float64)
    weighting = (
        pl.when(volume <= 0)
        .then(pl.lit("none"))
        .when(
            have("registers")
            & (pl.col("error_k").fill_null(0.0) <= limit_k)
            & pl.col("is_broken").is_null()
            & pl.col("is_together")
        )
        .then(pl.lit("registers"))
        .when(have("hours") & (pl.col("hours_m3") >= least_share * volume))
        .then(pl.lit("intervals"))
        .when(have("readings"))
        .then(pl.lit("unweighted"))
        .otherwise(pl.lit("none"))
    )
    source = {"registers": "registers", "intervals": "hours", "unweighted": "readings"}
    temperatures = [
        pl.coalesce(
            pl.when(pl.col("weighting") == name).then(pl.col(f"{t}.{suffix}")) for name, suffix in source.items()
        ).alias(t)
        for t in _TEMPERATURES
    ]
    by_registers = pl.col("weighting") == "registers"
    ranks = [
        pl.when(pl.col(name).is_not_null() & (by_registers if name in (_E8, _E9) else True)).then(
            pl.col(f"{name}.quality").replace_strict(_QUALITIES, range(len(_QUALITIES)), return_dtype=pl.Int8)
        )
        for name in (_VOLUME, _HEAT, _E8, _E9)
    ]
    worst = pl.max_horizontal(ranks).fill_null(len(_QUALITIES) - 1)
    return days.with_columns(weighting=weighting).with_columns(
        *temperatures,
        error_k=pl.when(by_registers).then("error_k"),
        quality=worst.replace_strict(range(len(_QUALITIES)), _QUALITIES, return_dtype=pl.String),
    )


def _cool(days: pl.DataFrame) -> pl.DataFrame:
    """Flow minus return temperature where the point heats, return minus flow where it cools."""
    only_cooling = pl.col(f"{_COOLING}.quality").is_not_null() & pl.col(f"{_HEAT}.quality").is_null()
    cools = only_cooling | (pl.col(_COOLING).fill_null(0) > pl.col(_HEAT).fill_null(0))
    difference = pl.col("flow_temp_c") - pl.col("return_temp_c")
    return days.with_columns(cooling_k=pl.when(cools).then(-difference).otherwise(difference))
