"""Heat over a period: mean temperatures from boundary registers, cooling, its rating and excess volume (§7.1 to §7.5).

A mean over a month is no mean of days: it is the difference of E8 and E9 over the month divided by that of the volume.
"""

from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.boundaries import QUALITIES
from warehouse.transforms.calendar import local_day
from warehouse.transforms.enthalpy import COOLING_TYPES, INLET_TYPES, device_type, heat_coefficient
from warehouse.transforms.exact import MICRO, millionths
from warehouse.transforms.heat import resolution_error
from warehouse.transforms.heat_patterns import counts_of
from warehouse.transforms.periods import INSTANT_BEFORE

VOLUME, HEAT, COOLING = "volume_m3", "energy_kwh", "cooling_energy_kwh"
E8, E9 = "volume_temp_flow_m3c", "volume_temp_return_m3c"
REGISTERS = (VOLUME, HEAT, COOLING, E8, E9)

_POINT = ("organisation", "metering_point")
_WEIGHTINGS = ("registers", "intervals", "unweighted", "none")
"""Best first."""


def differences(daily: pl.DataFrame, events: pl.DataFrame, *, first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
    """Differences of the registers of heat over a period.

    Args:
        daily: Rows of ``consumption_daily`` of the period; others do no harm.
        events: Rows of ``register_events``, likewise.
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.

    Returns:
        One row per point with a volume: ``meter_id`` (the last), ``first_day`` and ``last_day`` (the stretch between
        the outermost boundaries at which all of the point's own registers among V, E8 and E9 are known, so that they
        belong together), the register's differences in their units (doubles; null where a boundary or an event
        between is unknown), ``quality`` (worst of the boundaries) and ``is_together``: whether V, E8 and E9 are known
        alike at both ends, as registers of the same telegrams are (§7.1).
    """
    inside = pl.col("day").is_between(first, last) & pl.col("register").is_in(REGISTERS)
    days = daily.filter(inside).with_columns(start=millionths("register_start"), end=millionths("register_end"))
    weighs = pl.col("register").is_in([VOLUME, E8, E9])
    expected = days.filter(weighs).group_by(_POINT).agg(expected=pl.col("register").n_unique())
    ends = (
        days.filter(weighs)
        .group_by(*_POINT, "day")
        .agg(pl.col("start", "end").is_not_null().sum())
        .join(expected, on=_POINT)
        .group_by(_POINT)
        .agg(
            first_day=pl.when(pl.col("start") == pl.col("expected")).then("day").min(),
            last_day=pl.when(pl.col("end") == pl.col("expected")).then("day").max(),
        )
        .filter(pl.col("first_day") <= pl.col("last_day"))
    )
    of_ends = days.join(ends, on=_POINT)
    opening = of_ends.filter(pl.col("day") == pl.col("first_day")).select(
        *_POINT,
        "register",
        "start",
        first_quality="start_quality",
        start_rank=_rank("start_quality"),
    )
    closing = of_ends.filter(pl.col("day") == pl.col("last_day")).select(
        *_POINT,
        "register",
        "end",
        "meter_id",
        last_quality="end_quality",
        end_rank=_rank("end_quality"),
    )
    summed = opening.join(closing, on=[*_POINT, "register"], how="full", coalesce=True).with_columns(
        value=pl.col("end") - pl.col("start"), rank=pl.max_horizontal("start_rank", "end_rank")
    )
    crossed = (
        events.with_columns(day=local_day(pl.col("at") - INSTANT_BEFORE, zone), correction=millionths("correction"))
        .join(ends, on=_POINT)
        .filter(pl.col("day").is_between(pl.col("first_day"), pl.col("last_day")))
        .group_by(*_POINT, "register")
        .agg(pl.col("correction").sum(), unknown=pl.col("correction").is_null().any())
    )
    known = (
        summed.join(crossed, on=[*_POINT, "register"], how="left")
        .with_columns(
            value=pl.when(~pl.col("unknown").fill_null(value=False)).then(
                (pl.col("value") + pl.col("correction").fill_null(0)) / MICRO
            )
        )
        .sort(*_POINT, "register")
    )
    register = pl.col("register")
    columns = [pl.when(register == name).then("value").max().alias(name) for name in REGISTERS]
    used = pl.when(pl.col("value").is_not_null()).then("rank")
    told = [
        pl.when(register.is_in([VOLUME, E8, E9])).then(pl.col(name).fill_null(""))
        for name in ("first_quality", "last_quality")
    ]
    return (
        known.group_by(_POINT, maintain_order=True)
        .agg(
            *columns,
            meter_id=pl.when(register == VOLUME).then("meter_id").max(),
            quality=used.max(),
            is_together=pl.all_horizontal((end.min() == end.max()).fill_null(value=True) for end in told),
        )
        .with_columns(pl.col("quality").replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String))
        .filter(pl.col("meter_id").is_not_null())
        .join(ends, on=_POINT)
        .with_columns(pl.col("quality").fill_null("N"))
    )


def _rank(quality: str) -> pl.Expr:
    """The place of a quality among all, the worst of those that are none."""
    ranks = {letter: place for place, letter in enumerate(QUALITIES)}
    return pl.col(quality).replace_strict(ranks, return_dtype=pl.Int32, default=len(ranks) - 1)


def means(periods: pl.DataFrame, heat: pl.DataFrame, resolutions: pl.DataFrame) -> pl.DataFrame:
    """Mean temperatures and cooling of periods.

    Args:
        periods: As :func:`differences` gives them.
        heat: Rows of ``heat_daily`` that hold the periods, for points without E8 and E9, and for those whose E8, E9 and
            V do not share their ends.
        resolutions: As :func:`warehouse.transforms.heat.register_resolutions` gives them; may be empty.

    Returns:
        The periods with ``flow_temp_c``, ``return_temp_c``, ``cooling_k`` (return minus flow where the point cools),
        ``error_k`` (bound of the resolution error, null where unknown), ``weighting``, ``is_cooling`` and
        ``energy`` (kWh of heat, or of cooling where it cools). All temperatures are null where no volume flowed.
    """
    volume = pl.col(VOLUME)
    by_registers = [
        pl.when(volume > 0).then(pl.col(register) / volume).alias(name)
        for name, register in (("flow_registers", E8), ("return_registers", E9))
    ]
    hotter = pl.max_horizontal(pl.col("flow_registers").abs(), pl.col("return_registers").abs())
    have = pl.col("flow_registers").is_not_null() & pl.col("return_registers").is_not_null()
    only_cooling = pl.col(COOLING).is_not_null() & pl.col(HEAT).is_null()
    counts_cold = device_type(pl.col("meter_id")).is_in(COOLING_TYPES)
    cools = only_cooling | counts_cold | (pl.col(COOLING).fill_null(0) > pl.col(HEAT).fill_null(0))
    weighting = (
        pl.when(volume.fill_null(0) <= 0)
        .then(pl.lit("none"))
        .when(have & pl.col("is_together"))
        .then(pl.lit("registers"))
        .otherwise(pl.col("day_weighting").fill_null("none"))
    )
    joined = (
        periods.with_columns(by_registers)
        .join(_by_days(periods, heat), on=_POINT, how="left", maintain_order="left")
        .join(counts_of(resolutions), on=["organisation", "meter_id"], how="left", maintain_order="left")
        .with_columns(weighting=weighting, is_cooling=cools)
    )
    registers, none = pl.col("weighting") == "registers", pl.col("weighting") == "none"
    temperatures = [
        pl.when(registers).then(f"{side}_registers").when(~none).then(f"{side}_days").alias(f"{side}_temp_c")
        for side in ("flow", "return")
    ]
    difference = pl.col("flow_temp_c") - pl.col("return_temp_c")
    return (
        joined.with_columns(
            *temperatures,
            error_k=pl.when(registers).then(resolution_error(hotter, volume, pl.col("count_vt"), pl.col("count_v"))),
            # A meter of 0D may lack either register; one of heat alone is named by its energy.
            energy=pl.when("is_cooling").then(pl.coalesce(COOLING, HEAT)).otherwise(pl.col(HEAT)),
        )
        .with_columns(cooling_k=pl.when("is_cooling").then(-difference).otherwise(difference))
        .drop("flow_registers", "return_registers", "flow_days", "return_days", "day_weighting", "count_v", "count_vt")
    )


def with_excess(means: pl.DataFrame) -> pl.DataFrame:
    """Adds how much less volume would have carried the energy (§7.5).

    Args:
        means: As :func:`means` gives them, with ``target_k``, the temperature difference that is expected.

    Returns:
        The rows with ``k`` (kWh/(m3*K)), ``energy_cooling_k`` (the temperature difference by the energy), ``target_m3``
        and ``excess_m3`` (never negative); null without energy, volume or temperatures.
    """
    k = heat_coefficient(
        pl.col("flow_temp_c"),
        pl.col("return_temp_c"),
        is_inlet=device_type(pl.col("meter_id")).is_in(INLET_TYPES),
    )
    volume, energy = pl.col(VOLUME), pl.col("energy")
    return (
        means.with_columns(k=k)
        .with_columns(
            energy_cooling_k=pl.when(volume > 0).then(energy / (pl.col("k") * volume)),
            target_m3=target_volume(energy, pl.col("k"), pl.col("target_k")),
        )
        .with_columns(excess_m3=(volume - pl.col("target_m3")).clip(lower_bound=0))
    )


def target_volume(energy: pl.Expr, k: pl.Expr, target_k: pl.Expr) -> pl.Expr:
    """Volume (m3) that carries an energy (kWh) at a temperature difference (K)."""
    return energy / (k * target_k)


def rating(cooling: pl.Expr, good: pl.Expr, poor: pl.Expr) -> pl.Expr:
    """``good`` from the first limit on, ``poor`` below the second, else ``medium``; null where there is no value."""
    between = pl.when(cooling >= good).then(pl.lit("good")).when(cooling < poor).then(pl.lit("poor"))
    return pl.when(cooling.is_not_null()).then(between.otherwise(pl.lit("medium")))


def _by_days(periods: pl.DataFrame, heat: pl.DataFrame) -> pl.DataFrame:
    """Temperatures of days weighted by the days' volumes, labelled with the worst of their weightings."""
    weight = pl.col("weight")
    rank = pl.col("weighting").replace_strict(_WEIGHTINGS, range(len(_WEIGHTINGS)), return_dtype=pl.Int8, default=None)
    return (
        heat.select(*_POINT, "day", "flow_temp_c", "return_temp_c", "weighting", weight=pl.col(VOLUME).cast(pl.Float64))
        .join(periods.select(*_POINT, "first_day", "last_day"), on=_POINT)
        .filter(pl.col("day").is_between(pl.col("first_day"), pl.col("last_day")), weight > 0)
        .drop_nulls(["flow_temp_c", "return_temp_c"])
        .sort(*_POINT, "day")
        .group_by(_POINT, maintain_order=True)
        .agg(
            flow_days=(pl.col("flow_temp_c") * weight).sum() / weight.sum(),
            return_days=(pl.col("return_temp_c") * weight).sum() / weight.sum(),
            day_weighting=pl.max_horizontal(rank.max(), 1).replace_strict(
                dict(enumerate(_WEIGHTINGS)), return_dtype=pl.String
            ),
        )
    )
