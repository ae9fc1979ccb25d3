"""A water district with known truth: members, inflow, a leak in the mains, and two pressure sensors.

It gives readings as meters would have been read, not telegrams: what is under test is what comes of the readings.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.calendar import HOUR_MS, local_hours, midnights

INFLOW, UPSTREAM, DOWNSTREAM = "DM-1", "PS-1", "PS-2"
_Numbers = NDArray[Any]
_SAMPLES_AN_HOUR = 12
_BAR = 10.197
"""Metres of head of a bar."""

_EXPONENT = 1.852
_DAY_COURSE = np.array([1, 1, 1, 1, 2, 6, 10, 9, 6, 5, 5, 6, 6, 5, 5, 5, 6, 8, 10, 9, 7, 5, 3, 2], dtype=float)
"""How a household's use is spread over the hours of a day."""

_MEAN_M3_A_DAY, _SPREAD, _DAILY_SPREAD, _AWAY_AT_NIGHT = 0.35, 0.4, 0.15, 0.85


@dataclass(frozen=True, slots=True)
class District:
    """Parameters; equal ones give equal readings.

    Attributes:
        members: Households.
        days: Local days.
        start: First local day.
        timezone: IANA zone.
        seed: What all chance is drawn from.
        leak_m3h: Flow of the leak in the mains [m³/h].
        leak_from_day: Number of the day, from 0, at whose start the leak begins.
        background_m3h: What leaks all the time [m³/h].
        offset_m: Head lost between the sensors beside what flow costs, such as a wrong elevation [m].
        resistance: Head lost over the flow to the power of 1.852 [m per (m³/h)^1.852].
        pressure_days: Last days of which the sensors' samples are given.
    """

    members: int = 40
    days: int = 90
    start: date = date(2025, 8, 15)
    timezone: str = "Europe/Copenhagen"
    seed: int = 1
    leak_m3h: float = 0.0
    leak_from_day: int = 0
    background_m3h: float = 0.05
    offset_m: float = 3.0
    resistance: float = 0.4
    pressure_days: int = 2


@dataclass(frozen=True, slots=True)
class Simulated:
    """Readings and what is true of them.

    Attributes:
        readings: ``metering_point``, ``measured_at`` (UTC), ``volume_m3`` (three decimals) and ``pressure_bar``; one of
            both is null.
        losses: ``day`` and ``loss_m3``: what leaked.
    """

    readings: pl.DataFrame
    losses: pl.DataFrame


def member_points(district: District) -> list[str]:
    """Names of the members' points."""
    return [f"M{number + 1:04d}" for number in range(district.members)]


def simulate_district(district: District) -> Simulated:
    """Simulates a district.

    Args:
        district: Its parameters.

    Returns:
        Hourly registers of the members and of the inflow from the first midnight to the last, and samples of pressure
        every five minutes.
    """
    bounds = midnights(district.start, district.days, ZoneInfo(district.timezone))
    hours = np.arange(bounds[0], bounds[-1], HOUR_MS)
    chance = np.random.default_rng([district.seed, *b"district"])
    day_of = np.searchsorted(bounds, hours, side="right") - 1
    drawn = _drawn(district, chance, hours, day_of)
    leaking = district.background_m3h + district.leak_m3h * (day_of >= district.leak_from_day)
    registers = np.vstack([drawn, drawn.sum(axis=0) + leaking])
    origin = chance.uniform(0, 900, size=(registers.shape[0], 1))
    counts = origin + np.hstack([np.zeros_like(origin), registers.cumsum(axis=1)])
    times = np.append(hours, bounds[-1])
    names = [*member_points(district), INFLOW]
    volumes = pl.DataFrame({
        "metering_point": np.repeat(names, len(times)),
        "at_ms": np.tile(times, len(names)),
        "volume_m3": np.floor(counts * 1000).ravel() / 1000,
    })  # fmt: skip
    losses = pl.DataFrame({
        "day": [district.start + timedelta(days=number) for number in range(district.days)],
        "loss_m3": np.bincount(day_of, weights=leaking, minlength=district.days),
    })  # fmt: skip
    pressures = _pressures(district, chance, hours, registers[-1])
    readings = pl.concat([volumes, pressures], how="diagonal").select(
        "metering_point",
        "volume_m3",
        "pressure_bar",
        measured_at=pl.from_epoch("at_ms", time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
    )
    return Simulated(readings, losses)


def first_instant(district: District) -> datetime:
    """When the district begins to be read, UTC."""
    begin = midnights(district.start, 1, ZoneInfo(district.timezone))[0]
    return datetime.fromtimestamp(begin / 1000, UTC)


def _drawn(district: District, chance: np.random.Generator, hours: _Numbers, day_of: _Numbers) -> _Numbers:
    """Use of each member in each hour [m³]."""
    habit = _MEAN_M3_A_DAY * np.exp(chance.normal(0, _SPREAD, size=(district.members, 1)))
    daily = habit * np.exp(chance.normal(0, _DAILY_SPREAD, size=(district.members, district.days)))
    hour = local_hours(int(hours[0]), len(hours), ZoneInfo(district.timezone))
    used: _Numbers = daily[:, day_of] * _DAY_COURSE[hour] / _DAY_COURSE.sum()
    used *= chance.gamma(2.0, 0.5, size=used.shape)
    asleep = (_DAY_COURSE[hour] <= 1) & (chance.random(size=used.shape) < _AWAY_AT_NIGHT)
    used[asleep] = 0.0
    return used


def _pressures(district: District, chance: np.random.Generator, hours: _Numbers, inflow: _Numbers) -> pl.DataFrame:
    """Samples of the two sensors of the last days."""
    count = min(len(hours), 24 * district.pressure_days)
    times = np.repeat(hours[-count:], _SAMPLES_AN_HOUR)
    times = times + np.tile(np.arange(_SAMPLES_AN_HOUR) * HOUR_MS // _SAMPLES_AN_HOUR, count)
    flow = np.repeat(inflow[-count:], _SAMPLES_AN_HOUR)
    above = 45 + chance.normal(0, 0.05, size=len(times))
    below = above - district.offset_m - district.resistance * flow**_EXPONENT + chance.normal(0, 0.02, size=len(times))
    return pl.DataFrame({
        "metering_point": np.repeat([UPSTREAM, DOWNSTREAM], len(times)),
        "at_ms": np.tile(times, 2),
        "pressure_bar": np.concatenate([above, below]) / _BAR,
    })  # fmt: skip
