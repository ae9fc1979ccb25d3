"""The truth's tables: gathered kind by kind, written at the end.

All instants are UTC, all registers and consumptions exact decimals in base units, empty where nothing can be known.

- ``consumption_daily`` and, for the first metering points, ``consumption_hourly``: what flowed (``consumption_true``,
  from registers rounded down to their resolution at the boundaries), and what the boundary rule of ALGORITHMS §2.1
  makes of all readings once late files and keys are in (``consumption_expected``). The two are equal where both
  boundaries are readings (``both_boundaries_exact``) and differ by at most two counts where both have readings within
  the hour on either side (``both_boundaries_within_hour``). ``event`` names what disturbs the register in the period.
- ``performance_daily``: slots expected and received in the end; meters of which nothing is expected have no row.
- ``info_codes``: episodes of codes by the readings' times.
- ``telegrams``: undamaged transmissions and receptions delivered, of every meter heard, foreign ones included.
- ``incidents``: everything that was made to happen.
- ``outcomes``, written with the frame files: outcome to expect of every line in the end and before the late keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.calendar import HOUR_MS
from simulator.courses import Course, Demand
from simulator.files import write_csv
from simulator.incidents import NEED_SENSORS, Group, Plan, utc
from simulator.population import Fleet, Meter
from simulator.radio import Receptions
from simulator.traffic import INFO_BITS, Sent, sensor_is_broken
from simulator.truth import Part, Series, expected_consumption, info_code_episodes, make_series, performance

HOURLY_POINTS = 5

_CONSUMPTION = ("consumption_true", "consumption_expected", "both_boundaries_within_hour", "both_boundaries_exact")
_ENDS = ("register_start_true", "register_end_true", "register_start_expected", "register_end_expected", "event")
_HEADERS = {
    "consumption_daily": ("metering_point", "register", "day", *_CONSUMPTION, *_ENDS),
    "consumption_hourly": ("metering_point", "register", "period_start", *_CONSUMPTION, *_ENDS),
    "performance_daily": ("meter_id", "day", "criterion", "expected", "received"),
    "info_codes": ("meter_id", "code", "first_seen", "last_seen", "cleared_at"),
    "telegrams": ("meter_id", "key_state", "transmissions", "receptions"),
    "incidents": ("incident", "subject", "starts_at", "ends_at", "detail"),
}

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """One kind's simulation, as the truth needs it.

    Attributes:
        group: The meters; rows of everything else refer to them.
        demand: Their registers.
        sent: Their transmissions.
        info: Info code words sent, shape (n,).
        heard: Receptions.
    """

    group: Group
    demand: Demand
    sent: Sent
    info: NDArray[np.int64]
    heard: Receptions


@dataclass(frozen=True, slots=True)
class _History:
    """One register of a metering point over the whole simulation.

    Attributes:
        point: Metering point.
        course: The register of all meters of the kind.
        parts: Readings of the meters installed one after another.
        stays: Row of each of them in ``course``, start and end of its stay.
        events: Names and stretches of what happened.
    """

    point: str
    course: Course
    parts: Sequence[Part]
    stays: Sequence[tuple[int, int, int]]
    events: Sequence[tuple[str, int, int]]


@dataclass(slots=True)
class Ledger:
    """Collects the rows of the truth.

    Attributes:
        fleet: Parameters.
        plan: Meters and incidents.
        rows: Rows by table.
        finals: Registers at exchanges, by metering point and column: of the old and of the new meter.
    """

    fleet: Fleet
    plan: Plan
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _HEADERS})
    finals: dict[str, dict[str, tuple[Decimal, Decimal]]] = field(default_factory=dict)

    def add(self, seen: Observed) -> None:
        """Adds everything about one kind."""
        heard, times = seen.heard.readings_ms(len(seen.sent))
        # A late copy by a repeater can be all that is left of a transmission: readings are ordered by their own time.
        order = np.lexsort((times, seen.sent.row[heard]))
        heard, times = heard[order], times[order]
        bounds = np.searchsorted(seen.sent.row[heard], np.arange(len(seen.group.meters) + 1)).tolist()
        readings = [(heard[start:end], times[start:end]) for start, end in pairwise(bounds)]
        self._add_telegrams(seen)
        for row, meter in enumerate(seen.group.meters):
            if meter.point is not None:
                self._add_performance(meter, readings[row][1].tolist() if meter.is_decodable else [])
            if meter.is_decodable and seen.group.kind.info is not None:
                instants_ms, words = readings[row][1].tolist(), seen.info[readings[row][0]].tolist()
                for code, *instants in info_code_episodes(instants_ms, words, INFO_BITS[seen.group.kind.info]):
                    self.rows["info_codes"].append((meter.meter_id, code, *map(utc, instants)))
        for name, register in seen.group.kind.registers.items():
            course = seen.demand.courses[name]
            shown = course.shown(seen.sent.row, seen.sent.at_ms)
            # A register that stands still for want of a sensor says nothing about what flows (ALGORITHMS §1.4).
            broken = name in NEED_SENSORS and seen.group.kind.info == "heat_32bit"
            counts_on = ~sensor_is_broken(seen.info) if broken else np.ones(len(seen.info), dtype=np.bool_)
            told = [(sent[counts_on[sent]], at_ms[counts_on[sent]]) for sent, at_ms in readings]
            series = [
                make_series(
                    told[row][1].tolist(),
                    shown[told[row][0]].tolist(),
                    register.capacity,
                    falls_are_flow=meter.serial in self.plan.reverse,
                )
                if meter.is_decodable
                else None
                for row, meter in enumerate(seen.group.meters)
            ]
            self._add_consumption(seen.group.meters, name, course, series)

    def _add_telegrams(self, seen: Observed) -> None:
        good = seen.heard.where(seen.heard.damage == 0)
        receptions = np.bincount(seen.sent.row[good.sent], minlength=len(seen.group.meters))
        transmissions = np.bincount(seen.sent.row[np.unique(good.sent)], minlength=len(seen.group.meters))
        for meter, sent, heard in zip(seen.group.meters, transmissions.tolist(), receptions.tolist(), strict=True):
            self.rows["telegrams"].append((meter.meter_id, meter.key_state, sent, heard))

    def _add_performance(self, meter: Meter, times: list[int]) -> None:
        bounds = self.fleet.midnights()
        for number, criterion, expected, received in performance(times, meter.active, bounds):
            if expected:
                row = (meter.meter_id, self._day(number), criterion, expected, received)
                self.rows["performance_daily"].append(row)

    def _day(self, number: int) -> str:
        return str(np.datetime64(self.fleet.start) + number)

    def _add_consumption(
        self, meters: Sequence[Meter], name: str, course: Course, series: Sequence[Series | None]
    ) -> None:
        register = meters[0].kind.registers[name]
        days = self.fleet.midnights()
        exchanges = {exchange.point: exchange for exchange in self.plan.exchanges}
        rows = {meter.serial: row for row, meter in enumerate(meters)}
        replacements = {exchange.new.serial for exchange in self.plan.exchanges}
        for row, meter in enumerate(meters):
            if meter.point is None or meter.serial in replacements:
                continue
            exchange = exchanges.get(meter.point)
            if exchange is None:
                stays = [(row, days[0], days[-1])]
                parts = [Part(register, series[row], days[0], days[-1])]
            else:
                follower, at_ms = rows[exchange.new.serial], exchange.at_ms
                stays = [(row, days[0], at_ms), (follower, at_ms, days[-1])]
                last, first = (int(course.shown(*_one(number, at_ms))[0]) for number in (row, follower))
                parts = [
                    Part(register, series[row], days[0], at_ms, last=last),
                    Part(register, series[follower], at_ms, days[-1], first=first),
                ]
                finals = self.finals.setdefault(meter.point, {})
                finals[register.column] = (last * register.resolution, first * register.resolution)
            events = self._events(meter, name)
            labels = [self._day(number) for number in range(self.fleet.days)]
            history = _History(meter.point, course, parts, stays, events)
            self._add_periods("consumption_daily", history, days, labels)
            if int(meter.point[2:]) <= HOURLY_POINTS:
                hours = [hour for start, end in pairwise(days) for hour in range(start, end, HOUR_MS)]
                hours.append(days[-1])
                self._add_periods("consumption_hourly", history, hours, [utc(hour) for hour in hours[:-1]])

    def _events(self, meter: Meter, register: str) -> list[tuple[str, int, int]]:
        """What happened to a register of the meter, with its stretch."""
        events = [("EXCHANGE", item.at_ms, item.at_ms) for item in self.plan.exchanges if item.point == meter.point]
        if meter.serial in self.plan.resets:
            events.append(("RESET", self.plan.resets[meter.serial], self.plan.resets[meter.serial]))
        if meter.serial in self.plan.reverse:
            events.append(("REVERSE", *self.plan.reverse[meter.serial]))
        if meter.serial in self.plan.silences:
            events.append(("SILENCE", *self.plan.silences[meter.serial]))
        episode = self.plan.episodes.get(meter.serial)
        if episode is not None and episode.code.startswith("SENSOR") and register in NEED_SENSORS:
            events.append(("FROZEN", episode.start_ms, episode.end_ms or self.fleet.window()[1]))
        return events

    def _add_periods(self, table: str, history: _History, bounds: Sequence[int], labels: Sequence[str]) -> None:
        register = history.parts[0].register
        true = _true_counts(history.course, history.stays, bounds)
        for number, (start, end) in enumerate(pairwise(bounds)):
            consumption, first, last = (count * register.resolution for count in true[number])
            expected = expected_consumption(history.parts, start, end, self.fleet.interval_s * 1000)
            names = ",".join(name for name, begins, ends in history.events if begins < end and ends >= start)
            values = (consumption, expected.consumption, *map(_flag, (expected.is_within_hour, expected.is_exact)))
            registers = (first, last, expected.start, expected.end, names)
            self.rows[table].append((history.point, register.column, labels[number], *values, *registers))

    def write(self, folder: Path) -> None:
        """Writes the tables as CSV files."""
        self.rows["incidents"] = [
            (item.kind, item.subject, utc(item.start_ms), utc(item.end_ms), item.detail) for item in self.plan.listed
        ]
        for name, header in _HEADERS.items():
            rows = self.rows[name] if name == "incidents" else sorted(self.rows[name], key=lambda row: row[:3])
            write_csv(folder / f"{name}.csv", header, rows)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _one(row: int, at_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array([row]), np.array([at_ms])


def _true_counts(
    course: Course, stays: Sequence[tuple[int, int, int]], bounds: Sequence[int]
) -> list[tuple[int, int, int]]:
    """What flowed in each period, and the register shown at its start and end, in counts."""
    instants = np.array(bounds)
    flowed = np.zeros(len(bounds) - 1, dtype=np.int64)
    shown = np.zeros(len(bounds), dtype=np.int64)
    for row, start, end in stays:
        inside = np.clip(instants, start, end)
        flowed += np.diff(course.flowed(np.full(len(bounds), row), inside))
        here = (instants >= start) & (instants <= end)
        shown[here] = course.shown(np.full(here.sum(), row), instants[here])
    return list(zip(flowed.tolist(), shown[:-1].tolist(), shown[1:].tolist(), strict=True))
