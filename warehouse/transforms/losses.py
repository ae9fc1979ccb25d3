"""Formulas of losses: unavoidable losses, leakage index, hour-day factor (ALGORITHMS §10.4, §10.5)."""

import math
from collections.abc import Sequence

import polars as pl

from warehouse.phrases import phrase

CONNECTIONS_FROM, DENSITY_FROM, PRESSURES = 5000, 20.0, (25.0, 100.0)
"""Stated validity of the index: service connections, connections per km of mains, pressure in metres of head."""


def unavoidable_m3(mains_km: pl.Expr, connections: pl.Expr, private_km: pl.Expr, pressure_m: pl.Expr) -> pl.Expr:
    """Unavoidable real losses a day [m³]; null where the pressure is."""
    return (18 * mains_km + 0.8 * connections + 25 * private_km) * pressure_m / 1000


def index_warning(mains_km: pl.Expr, connections: pl.Expr, pressure_m: pl.Expr) -> pl.Expr:
    """Why a leakage index lies outside its stated validity; null where it does not."""
    low, high = PRESSURES
    texts = (
        (
            connections <= CONNECTIONS_FROM,
            phrase("{} connections, stated for more than {}", connections, pl.lit(CONNECTIONS_FROM)),
        ),
        (
            connections / mains_km <= DENSITY_FROM,
            phrase(
                "{} connections per km, stated for more than {}",
                (connections / mains_km).round(1),
                pl.lit(int(DENSITY_FROM)),
            ),
        ),
        (
            ~pressure_m.is_between(low, high),
            phrase("{} m of pressure, stated for {} to {} m", pressure_m.round(1), pl.lit(int(low)), pl.lit(int(high))),
        ),
    )
    found = pl.concat_str([pl.when(wrong).then(text) for wrong, text in texts], separator="; ", ignore_nulls=True)
    return pl.when(found != "").then(found)


def hour_day_factor(pressures_m: Sequence[float], night_m: float, n1: float) -> float:
    """Hours a day that leakage of the night stands for, as it follows pressure.

    Args:
        pressures_m: Pressures of the hours of a day [m].
        night_m: Pressure in the hour of the lowest flow [m].
        n1: Exponent: 0.5 fixed openings to 1.5 openings that widen.

    Returns:
        The factor [h].
    """
    return sum(math.pow(pressure / night_m, n1) for pressure in pressures_m) * 24 / len(pressures_m)
