"""Energy that a meter counted against what its volume and temperatures say (§7.4, check V15).

Where E8 and E9 are read with a wrong scale, or energy in a wrong unit, both disagree by a factor that gives the mistake
away: a power of ten, or the ratio of two units.
"""

import polars as pl

from warehouse.schemas.heat import HEAT_CHECKS
from warehouse.transforms.enthalpy import INLET_TYPES, device_type, heat_coefficient
from warehouse.transforms.exact import MICRO, millionths
from warehouse.transforms.figures import shape
from warehouse.transforms.heat_means import COOLING, E8, E9, HEAT, VOLUME

_PERIOD = ("organisation", "metering_point", "period_start")
_TENS = tuple(10.0**power for power in (-4, -3, -2, -1, 1, 2, 3, 4))
_UNITS = {"MJ": 1 / 3.6, "GJ": 1000 / 3.6, "Gcal": 1163.0}
"""kWh per unit. An Mcal is too near to one kWh to be told from a bad sensor."""


def cross_check(monthly: pl.DataFrame, *, tolerance: float, least_kwh: float) -> pl.DataFrame:
    """Checks the energy of meters with E8 and E9, month by month.

    Args:
        monthly: Rows of ``consumption_monthly``; other registers do no harm.
        tolerance: Share by which counted and expected energy may differ.
        least_kwh: Expected energy below which nothing is said: resolution and heat loss of the pipes would speak.

    Returns:
        Rows of ``heat_checks`` without ``known_from``, one per point and month with volume, both sums of temperatures
        and an energy. Combined meters are checked by heat minus cooling energy (``E1 - E3``). Of two verdicts that fit
        the nearer one holds, and of equals the scale.
    """
    register = pl.col("register")
    columns = [
        (millionths("consumption").filter(register == name).first() / MICRO).alias(name)
        for name in (VOLUME, HEAT, COOLING, E8, E9)
    ]
    months = (
        monthly.group_by(_PERIOD)
        .agg(*columns, pl.col("meter_id", "period_end", "day", "month").first())
        .filter(pl.col(VOLUME) > 0, pl.col(E8).is_not_null(), pl.col(E9).is_not_null())
        .filter(pl.any_horizontal(pl.col(HEAT, COOLING).is_not_null()))
        .with_columns(flow_temp_c=pl.col(E8) / pl.col(VOLUME), return_temp_c=pl.col(E9) / pl.col(VOLUME))
    )
    return shape(
        HEAT_CHECKS,
        months.with_columns(
            counted_kwh=pl.col(HEAT).fill_null(0) - pl.col(COOLING).fill_null(0),
            k=_coefficient(),
        )
        .with_columns(expected_kwh=pl.col("k") * (pl.col(E8) - pl.col(E9)))
        .with_columns(ratio=pl.col("counted_kwh") / pl.col("expected_kwh"))
        .with_columns(_verdict(tolerance, least_kwh)),
    )


def _coefficient() -> pl.Expr:
    """k; where a wrong scale makes temperatures impossible, that of usual ones (off by a few per cent at most)."""
    is_inlet = device_type(pl.col("meter_id")).is_in(INLET_TYPES)
    k = heat_coefficient(pl.col("flow_temp_c"), pl.col("return_temp_c"), is_inlet=is_inlet)
    return pl.coalesce(k, heat_coefficient(pl.lit(70.0), pl.lit(35.0), is_inlet=is_inlet))


def _verdict(tolerance: float, least_kwh: float) -> list[pl.Expr]:
    ratio = pl.col("ratio")
    # The usual k stands in where temperatures are impossible, so that a factor may be missed by a little more.
    wide = 2 * tolerance
    deviations = {"WRONG_SCALE": _TENS, "WRONG_UNIT": tuple(_UNITS.values())}
    fits = [
        (verdict, factor, (ratio / factor - 1).abs()) for verdict, factors in deviations.items() for factor in factors
    ] + [("WRONG_UNIT", 1 / factor, (ratio * factor - 1).abs()) for factor in _UNITS.values()]
    nearest = pl.min_horizontal(deviation for _, _, deviation in fits)
    agrees = (ratio - 1).abs() <= tolerance
    silent = pl.max_horizontal(pl.col("expected_kwh").abs(), pl.col("counted_kwh").abs()) < least_kwh
    said = ratio.is_not_null() & ratio.is_finite()
    factor = pl.coalesce(pl.when(deviation == nearest).then(pl.lit(value)) for _, value, deviation in fits)
    verdict = pl.coalesce(pl.when(deviation == nearest).then(pl.lit(name)) for name, _, deviation in fits)
    return [
        pl.when(silent | ~said)
        .then(pl.lit("NOT_CHECKED"))
        .when(agrees)
        .then(pl.lit("AGREES"))
        .when(nearest <= wide)
        .then(verdict)
        .otherwise(pl.lit("DISAGREES"))
        .alias("verdict"),
        pl.when(~silent & said & ~agrees & (nearest <= wide)).then(factor).alias("factor"),
        pl.when(said).then(ratio).alias("ratio"),
    ]
