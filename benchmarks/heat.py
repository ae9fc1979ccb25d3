"""What the cores of heat cost, in seconds of computing time for a fleet of substations.

Run: ``python -m benchmarks.heat [POINTS]``.
"""

import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

from simulator.substations import Substations, draw_seasons
from warehouse.phrases import phrase
from warehouse.policies import HeatFaultsPolicy, read_policy, shipped_document
from warehouse.schemas import ENERGY_SIGNATURES
from warehouse.transforms.heat_faults import find_faults
from warehouse.transforms.motivation_tariff import Tariff, tariff
from warehouse.transforms.signature import bootstrap, fit, grid


def _measured(name: str, work: Callable[[], object]) -> None:
    begun, wall = time.process_time(), time.perf_counter()
    work()
    print(f"{name}: {time.process_time() - begun:.1f} s computing, {time.perf_counter() - wall:.1f} s passed")


def main(points: int) -> None:
    """Prints seconds per core."""
    year = draw_seasons(Substations(points=points, start=date(2025, 7, 1), days=365))
    power = (year.days["energy_kwh"].to_numpy() / 24).reshape(points, 365)
    outdoor = year.weather["outdoor_temp_c"].to_numpy()
    fits = fit(power, outdoor, grid())
    _measured(f"signatures of {points} points, a year", lambda: fit(power, outdoor, grid()))
    _measured(
        f"bootstrap bands of {points} points, 200 resamples",
        lambda: bootstrap(power, outdoor, fits, grid()[::2], samples=200, seed=1),
    )
    days = year.days.with_columns(
        meter_id=phrase("SIM-{}-1b-04", "metering_point"),
        cooling_k=pl.col("flow_temp_c") - pl.col("return_temp_c"),
    )
    names = days.select("metering_point").unique().sort("metering_point")
    temperatures = names.join(year.weather.select("day", mean_temp_c="outdoor_temp_c"), how="cross")
    policy = read_policy("heat_faults", shipped_document("heat_faults"))
    assert isinstance(policy, HeatFaultsPolicy)
    signatures = ENERGY_SIGNATURES.empty().with_columns(is_last=pl.lit(value=False))
    targets = names.with_columns(target_k=pl.lit(40.0))
    _measured(
        f"faults of {points} points, a year",
        lambda: find_faults(days, temperatures, signatures, targets, policy.limits()),
    )
    terms = Tariff(
        ((Decimal(60), Decimal("39.1")), (Decimal(80), Decimal("43.1"))), *map(Decimal, (5, 2, 1, 14, 25, 545))
    )
    chance = np.random.default_rng(1)
    bills = pl.DataFrame(
        {
            "supply_tenths": chance.integers(600, 800, points),
            "return_tenths": chance.integers(300, 500, points),
            "energy_millionths": chance.integers(10**10, 10**11, points),
        }
    )
    _measured(f"motivation tariff of {points} points", lambda: tariff(bills, terms))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
