"""District heating over heating years, day by day, with faults that are known: what a season's figures are tried with.

Telegrams of a year would take minutes; this writes the days that they would have come to. Weather, demand and faults
are drawn from a seed.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

FAULTS = ("high_return", "hunting", "constant_load", "night_peak", "shifted_signature", "creeping_return")
"""What may be seeded: a return hardly colder than the supply; control that swings; heat that follows no weather; heat
at night alone; a signature that changes from one year to the next; a return that rises in the last weeks."""

_KWH_PER_M3_K = 1.15
_RECENT = 21
"""Days before the end at which a creeping return begins."""


@dataclass(frozen=True, slots=True)
class Substations:
    """Parameters; equal ones give equal frames.

    Attributes:
        points: Substations.
        start: First local day.
        days: Local days.
        seed: What all chance is drawn from.
        faults: Substations with each fault, taken from the first on in the order of ``FAULTS``.
    """

    points: int = 200
    start: date = date(2024, 7, 1)
    days: int = 700
    seed: int = 1
    faults: int = 2


@dataclass(frozen=True, slots=True)
class Seasons:
    """What came of it.

    Attributes:
        weather: ``station``, ``day``, ``outdoor_temp_c``.
        days: ``metering_point``, ``day``, ``volume_m3``, ``energy_kwh``, ``flow_temp_c``, ``return_temp_c``,
            ``night_energy_share``, ``hours_counted``, ``hunting_hours``.
        truth: ``metering_point`` and ``fault`` of every seeded one, with the signature that was drawn (``slope`` kW/K,
            ``base`` kW, ``t0_c``) for all; ``fault`` is null where there is none.
    """

    weather: pl.DataFrame
    days: pl.DataFrame
    truth: pl.DataFrame


def draw_seasons(fleet: Substations) -> Seasons:
    """Draws the days of a fleet of substations.

    Args:
        fleet: Parameters.
    """
    chance = np.random.default_rng([fleet.seed, *b"substations"])
    days = [fleet.start + timedelta(days=number) for number in range(fleet.days)]
    of_year = np.array([day.timetuple().tm_yday for day in days])
    outdoor = 8 - 9 * np.cos((of_year - 20) / 365 * 2 * np.pi) + _weather(chance, fleet.days)
    shape = (fleet.points, fleet.days)
    slope, base = chance.uniform(0.15, 0.8, fleet.points), chance.uniform(0.3, 1.0, fleet.points)
    t0 = chance.integers(52, 68, fleet.points) / 4
    fault = np.full(fleet.points, "", object)
    for number, name in enumerate(FAULTS):
        fault[number * fleet.faults : (number + 1) * fleet.faults] = name
    cold = np.maximum(0, t0[:, None] - outdoor)
    steeper = np.ones(shape)
    steeper[fault == "shifted_signature", fleet.days // 2 :] = 1.8
    power = base[:, None] + slope[:, None] * steeper * cold
    power[fault == "constant_load"] = chance.uniform(4, 8, (int((fault == "constant_load").sum()), 1))
    power *= chance.uniform(0.93, 1.07, shape)
    flow = (
        70 + 0.6 * np.maximum(0, 10 - outdoor) + chance.uniform(-2, 2, (fleet.points, 1)) + chance.normal(0, 0.5, shape)
    )
    back = chance.uniform(28, 36, (fleet.points, 1)) + chance.normal(0, 0.5, shape)
    bad = fault == "high_return"
    back[bad] = flow[bad] - chance.uniform(6, 10, (int(bad.sum()), 1))
    back[fault == "creeping_return", -_RECENT:] += 14
    volume = power * 24 / (_KWH_PER_M3_K * (flow - back))
    night = chance.uniform(0.2, 0.26, (fleet.points, 1)) + chance.normal(0, 0.01, shape)
    night[fault == "night_peak"] = chance.uniform(0.75, 0.85)
    turns = chance.binomial(22, 0.03, shape)
    turns[fault == "hunting"] = chance.binomial(22, 0.85, (int((fault == "hunting").sum()), fleet.days))
    names = [f"DH{number + 1:05d}" for number in range(fleet.points)]
    return Seasons(
        weather=pl.DataFrame({"station": "main", "day": days, "outdoor_temp_c": np.round(outdoor, 2)}),
        days=pl.DataFrame(
            {
                "metering_point": pl.Series(names).gather(np.repeat(np.arange(fleet.points), fleet.days)),
                "day": days * fleet.points,
                "volume_m3": np.round(volume, 3).ravel(),
                "energy_kwh": np.round(power * 24, 3).ravel(),
                "flow_temp_c": flow.ravel(),
                "return_temp_c": back.ravel(),
                "night_energy_share": night.ravel(),
                "hours_counted": np.full(shape, 22, np.int32).ravel(),
                "hunting_hours": turns.astype(np.int32).ravel(),
            }
        ),
        truth=pl.DataFrame(
            {"metering_point": names, "fault": fault.tolist(), "slope": slope, "base": base, "t0_c": t0}
        ).with_columns(pl.col("fault").replace("", None)),
    )


def _weather(chance: np.random.Generator, days: int) -> NDArray[np.float64]:
    """Deviations from the season that last for some days."""
    noise = chance.normal(0, 1.5, days + 10)
    return np.convolve(noise, np.ones(5) / np.sqrt(5), mode="same")[:days]
