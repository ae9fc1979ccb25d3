"""Signatures of metering points from their days and the weather: power, volume, supply and return temperature."""

from datetime import datetime

import numpy as np
import polars as pl

from warehouse.schemas import ENERGY_SIGNATURES
from warehouse.transforms.figures import shape
from warehouse.transforms.signature import Matrix, bootstrap, fit, grid

POWER = "power"
QUANTITIES = (POWER, "volume", "supply", "return")

_DIGITS = 6
"""Decimals that are kept: the order in which sums were made shows in none of them."""
_COARSER = 2
"""Steps of the grid between two candidates of a resample."""


def signature_rows(
    days: pl.DataFrame,
    weather: pl.DataFrame,
    *,
    period: tuple[datetime, datetime],
    t0s: tuple[float, float, float],
    least_heating_days: int,
    least_r2: float,
    bootstrap_days: int,
    samples: int,
    seed: int,
) -> pl.DataFrame:
    """Fits the signatures of metering points over a heating year.

    Args:
        days: Rows of ``heat_daily`` of the year, with ``station`` and ``hours`` (length of the local day).
        weather: ``station``, ``day``, ``mean_temp_c``; null or absent where unknown.
        period: Start and end of the year, UTC.
        t0s: Lowest and highest candidate for t0 (degC) and the step between two (K).
        least_heating_days: Days colder than t0 that a fit needs.
        least_r2: Share of the variance that a usable fit explains.
        bootstrap_days: Days of the year from which on there is a bootstrap band (of power alone).
        samples: Resamples of the band.
        seed: What they are drawn from.

    Returns:
        Rows of ``energy_signatures`` without ``known_from``, one per point and quantity.
    """
    candidates = grid(*t0s)
    coarse = candidates[::_COARSER]
    parts = []
    calendar = days.select("day").unique().sort("day").with_row_index("column")
    values = {
        POWER: pl.col("energy_kwh").cast(pl.Float64) / pl.col("hours"),
        "volume": pl.col("volume_m3").cast(pl.Float64),
        "supply": pl.col("flow_temp_c"),
        "return": pl.col("return_temp_c"),
    }
    ordered = days.sort("metering_point", "day").with_columns(**{f"of_{name}": value for name, value in values.items()})
    for (station,), theirs in ordered.group_by("station", maintain_order=True):
        points = theirs.group_by("organisation", "metering_point", "station", maintain_order=True).agg(
            pl.col("meter_id").last()
        )
        placed = theirs.join(points.select("metering_point").with_row_index("row"), on="metering_point").join(
            calendar, on="day"
        )
        temperatures = _temperatures(weather.filter(station=station), calendar)
        for quantity in QUANTITIES:
            matrix = np.full((points.height, calendar.height), np.nan)
            matrix[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed[f"of_{quantity}"].to_numpy()
            found = fit(matrix, temperatures, candidates, least_heating_days=least_heating_days)
            bands = np.full((points.height, 4), np.nan)
            whole = np.flatnonzero((found.days >= bootstrap_days) & np.isfinite(found.slope))
            if quantity == POWER and len(whole):
                chosen = type(found)(*(getattr(found, name)[whole] for name in type(found).__dataclass_fields__))
                bands[whole] = bootstrap(matrix[whole], temperatures, chosen, coarse, samples=samples, seed=seed)
            parts.append(
                points.with_columns(
                    quantity=pl.lit(quantity),
                    days=pl.Series(found.days),
                    heating_days=pl.Series(found.heating_days),
                    **_columns(found.slope, found.base, found.t0, found.r2, bands),
                )
            )
    if not parts:
        return ENERGY_SIGNATURES.empty().drop("known_from")
    quality = (
        pl.when(pl.col("slope").is_null())
        .then(pl.lit("few_heating_days"))
        .when(pl.col("r2").fill_null(0.0) < least_r2)
        .then(pl.lit("weak"))
        .otherwise(pl.lit("ok"))
    )
    return shape(
        ENERGY_SIGNATURES,
        pl.concat(parts).with_columns(quality=quality, period_start=pl.lit(period[0]), period_end=pl.lit(period[1])),
    )


def _temperatures(weather: pl.DataFrame, calendar: pl.DataFrame) -> Matrix:
    known = calendar.join(weather, on="day", how="left", maintain_order="left")["mean_temp_c"]
    return known.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def _columns(slope: Matrix, base: Matrix, t0: Matrix, r2: Matrix, bands: Matrix) -> dict[str, pl.Series]:
    named = {"slope": slope, "base": base, "t0_c": t0, "r2": r2}
    named |= dict(zip(("slope_low", "slope_high", "t0_low_c", "t0_high_c"), bands.T, strict=True))
    return {name: pl.Series(np.round(values, _DIGITS)).fill_nan(None) for name, values in named.items()}
