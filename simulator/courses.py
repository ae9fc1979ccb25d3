"""How registers move: exact integers from demand that changes by the hour."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.calendar import HOUR_MS, local_hours
from simulator.kinds import ELECTRICITY, HEAT, Kind
from simulator.population import Fleet

PARTS = 10_000
"""Demand is counted in parts of a register's count per hour."""

_KWH_PER_M3_K = 1.15
_WATER_PATTERN = np.array([1, 1, 1, 1, 2, 6, 14, 16, 10, 6, 5, 6, 7, 6, 5, 5, 7, 10, 13, 12, 9, 7, 4, 2]) / 6.5
_POWER_PATTERN = np.array([4, 4, 4, 4, 4, 5, 8, 10, 8, 6, 6, 7, 7, 6, 6, 7, 10, 15, 16, 15, 12, 9, 7, 5]) / 7.7
_SUN_PATTERN = np.array([0, 0, 0, 0, 0, 0, 0, 1, 4, 8, 12, 14, 14, 12, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0]) / 3.3
_HEAT_PATTERN = np.array([8, 8, 8, 8, 9, 11, 13, 13, 12, 10, 9, 9, 9, 9, 9, 10, 11, 12, 12, 11, 10, 9, 8, 8]) / 9.8

_RESTING = (1, 2, 3, 4, 5)
"""Local hours in which nobody uses anything, in homes that rest."""

_DAY = range(6, 22)
"""Local hours of the first tariff of electricity; the second one has the rest."""

Rates = NDArray[np.int64]
Counts = NDArray[np.int64]


@dataclass(slots=True)
class Course:
    """One register of several meters over the simulated time.

    Attributes:
        first_ms: Start of the first hour.
        rates: Parts of a count per hour, shape (meters, hours).
        base: Counts at ``first_ms``, shape (meters,).
        fraction: Parts of a count at ``first_ms``, shape (meters,).
        capacity: Counts at which the register starts again from 0, or None.
        jumps: Instant and counts by which a meter's register jumps without flow, by row.
    """

    first_ms: int
    rates: Rates
    base: NDArray[np.int64]
    fraction: NDArray[np.int64]
    capacity: int | None = None
    jumps: dict[int, tuple[int, int]] = field(default_factory=dict)
    _sums: Rates | None = field(default=None, init=False, repr=False)

    def flowed(self, rows: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts that have flowed since the meter was made, rounded down, at each row's instant; shape (n,)."""
        if self._sums is None:
            self._sums = np.cumsum(np.pad(self.rates, ((0, 0), (1, 0))), axis=1)
        hour, part = np.divmod(at_ms - self.first_ms, HOUR_MS)
        parts = self.fraction[rows] + self._sums[rows, hour]
        # Rates are zero past the last hour, where only the end of the window can lie.
        rate = self.rates[rows, np.minimum(hour, self.rates.shape[1] - 1)]
        counts: Counts = self.base[rows] + (parts * HOUR_MS + rate * part) // (PARTS * HOUR_MS)
        return counts

    def shown(self, rows: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts as the register shows them, after jumps and roll-over; shape (n,)."""
        counts = self.flowed(rows, at_ms)
        for row, (jump_ms, delta) in self.jumps.items():
            counts[(rows == row) & (at_ms >= jump_ms)] += delta
        return counts if self.capacity is None else counts % self.capacity

    def rate(self, rows: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Parts per hour that flow at each row's instant, shape (n,)."""
        hour = np.minimum((at_ms - self.first_ms) // HOUR_MS, self.rates.shape[1] - 1)
        rates: Rates = self.rates[rows, hour]
        return rates

    def change_rate(self, row: int, start_ms: int, end_ms: int, add: int | None) -> None:
        """Adds parts per hour in the whole hours from start to end; None stops the flow."""
        hours = slice((start_ms - self.first_ms) // HOUR_MS, (end_ms - self.first_ms) // HOUR_MS)
        if add is None:
            self.rates[row, hours] = 0
        else:
            self.rates[row, hours] += add
        self._sums = None

    def add(self, row: int, rates: Rates) -> None:
        """Adds parts per hour, shape (hours,)."""
        self.rates[row] += rates
        self._sums = None

    def scale(self, row: int, factors: NDArray[np.float64]) -> None:
        """Multiplies the rates of each hour; shape of the factors (hours,)."""
        self.rates[row] = np.rint(self.rates[row] * factors).astype(np.int64)
        self._sums = None

    def set_rate(self, row: int, start_ms: int, end_ms: int, rate: int) -> None:
        """Sets parts per hour in the whole hours from start to end."""
        self.change_rate(row, start_ms, end_ms, None)
        self.change_rate(row, start_ms, end_ms, rate)


@dataclass(slots=True)
class Demand:
    """Registers and temperatures of the meters of one kind.

    Attributes:
        courses: Registers by value name.
        flow_c: Flow temperature in hundredths of a degree, shape (meters, hours); only for heat.
        return_c: Return temperature, alike.
    """

    courses: dict[str, Course]
    flow_c: NDArray[np.int64]
    return_c: NDArray[np.int64]


def _steady_around_midnight(rates: NDArray[np.float64], first_ms: int, midnights: Sequence[int]) -> None:
    """Makes the hours on both sides of a local midnight alike.

    A straight line between two readings is then the true register, so that interpolated and true daily figures differ
    by rounding alone.
    """
    for midnight in midnights:
        before = (midnight - HOUR_MS - first_ms) // HOUR_MS
        after = -(-(midnight + HOUR_MS - first_ms) // HOUR_MS)
        rates[:, max(before, 0) : after] = rates[:, [max(before, 0)]]


def draw_demand(fleet: Fleet, kind: Kind, meters: int) -> Demand:
    """Registers of a number of meters of one kind, before incidents."""
    chance = fleet.chance(f"demand {kind.name}")
    begin, end = fleet.window()
    first_ms = begin // HOUR_MS * HOUR_MS
    hours = -(-(end - first_ms) // HOUR_MS) + 1
    clock = local_hours(first_ms, hours, fleet.zone)
    shape = (meters, hours)
    if kind.medium == HEAT:
        size = chance.uniform(1.0, 5.0, size=(meters, 1))
        power = size * _HEAT_PATTERN[clock] * chance.uniform(0.8, 1.2, size=shape)
        flow_c = np.rint(chance.uniform(6200, 7800, size=(meters, 1)) + chance.uniform(-150, 150, size=shape))
        return_c = np.rint(chance.uniform(2800, 4200, size=(meters, 1)) + chance.uniform(-150, 150, size=shape))
        for series in (power, flow_c, return_c):
            _steady_around_midnight(series, first_ms, fleet.midnights())
        volume = power / (_KWH_PER_M3_K * (flow_c - return_c) / 100)
        base_volume = chance.uniform(200.0, 4000.0, size=meters)
        streams = {
            "volume": (volume, base_volume),
            "energy": (power, base_volume * 40),
            "e8": (volume * flow_c / 100, base_volume * 72),
            "e9": (volume * return_c / 100, base_volume * 36),
        }
    elif kind.medium == ELECTRICITY:
        used = chance.uniform(0.1, 1.0, size=(meters, 1)) * _POWER_PATTERN[clock] * chance.uniform(0.7, 1.3, size=shape)
        made = chance.uniform(0.0, 2.0, size=(meters, 1)) * _SUN_PATTERN[clock] * chance.uniform(0.2, 1.0, size=shape)
        net = used - made
        _steady_around_midnight(net, first_ms, fleet.midnights())
        base = chance.uniform(1000.0, 20_000.0, size=meters)
        streams = {"energy_import": (net.clip(min=0), base), "energy_export": ((-net).clip(min=0), base / 4)}
        flow_c = return_c = np.zeros((0, hours))
    else:
        size = chance.uniform(2.0, 16.0, size=(meters, 1)) / 1000
        volume = size * _WATER_PATTERN[clock] * chance.gamma(2.0, 0.5, size=shape)
        _steady_around_midnight(volume, first_ms, fleet.midnights())
        if kind.rests:
            volume[:, np.isin(clock, _RESTING)] = 0
        streams = {"volume": (volume, chance.uniform(80.0, 900.0, size=meters))}
        flow_c = return_c = np.zeros((0, hours))
    courses = {}
    for name, register in kind.registers.items():
        flows, base = streams[name]
        counts = float(1 / register.resolution)
        courses[name] = Course(
            first_ms=first_ms,
            rates=np.rint(flows * counts * PARTS).astype(np.int64),
            base=np.rint(base * counts).astype(np.int64),
            fraction=chance.integers(PARTS, size=meters),
            capacity=register.capacity,
        )
    if kind.medium == ELECTRICITY:
        courses |= _tariffs(courses["energy_import"], np.isin(clock, _DAY))
    return Demand(courses, flow_c.astype(np.int64), return_c.astype(np.int64))


def _tariffs(total: Course, day: NDArray[np.bool_]) -> dict[str, Course]:
    """The registers of two tariffs that share what is drawn; shape of the hours of the first one (hours,)."""
    bases = {"energy_import_1": total.base * 2 // 3, "energy_import_2": total.base - total.base * 2 // 3}
    parts = {"energy_import_1": total.rates * day, "energy_import_2": total.rates * ~day}
    return {
        name: Course(total.first_ms, parts[name], base, np.zeros_like(total.fraction)) for name, base in bases.items()
    }
