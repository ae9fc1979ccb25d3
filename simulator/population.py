"""Who is out there: the fleet's parameters, its meters and the places they are installed in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from simulator import link
from simulator.calendar import HOUR_MS, midnights
from simulator.kinds import BY_NAME, SHARES, TRICKLING, Kind

KeyState = Literal["known", "late", "wrong", "foreign"]

_ALIGNED_SHARE = 4
_MINUTE_MS = 60_000
_FEWEST_FOR_BREAKDOWNS = 2
_DAY_MS = 24 * HOUR_MS


class SimulatorError(Exception):
    """The fleet cannot be simulated as asked."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Parameters of a simulation; equal parameters give byte-identical files.

    Attributes:
        meters: Metering points, each with one meter at the start.
        days: Local days.
        start: First local day. The default week has the 25-hour day of autumn 2025 in the European Union.
        timezone: The utility's IANA zone.
        seed: What all chance is drawn from.
        collectors: Concentrators; they deliver frames without link CRCs, in format A and in format B, in turn.
        interval_s: Seconds between a meter's transmissions.
        incidents: Whether anything goes wrong. Without incidents every transmission is heard and can be decoded.
        electricity: Electricity meters besides, each at a metering point of its own.
        breakdowns: Whether something breaks down for good: a meter on the last day but one, and on the last day the
            last concentrator, whose meters no other hears.
        reconfigured: Whether the first water meter sends another package from noon of the middle day on.
        trickles: Whether there are three water meters besides, in homes that rest at night: a cistern that refills
            every three hours, a leak slower than a count of ten litres an hour, and such a meter without one.
    """

    meters: int = 100
    days: int = 7
    start: date = date(2025, 10, 20)
    timezone: str = "Europe/Copenhagen"
    seed: int = 1
    collectors: int = 3
    interval_s: int = 3600
    incidents: bool = True
    electricity: int = 0
    breakdowns: bool = False
    reconfigured: bool = False
    trickles: bool = False

    def __post_init__(self) -> None:
        if min(self.meters, self.days, self.collectors) < 1:
            raise SimulatorError("meters, days and collectors must be at least 1")
        if self.electricity < 0:
            raise SimulatorError("electricity must not be negative")
        if self.breakdowns and min(self.days, self.collectors) < _FEWEST_FOR_BREAKDOWNS:
            raise SimulatorError("breakdowns need two days and two concentrators")
        if not 60 <= self.interval_s <= 86_400:
            raise SimulatorError("interval_s must lie between 60 and 86400 seconds")

    @property
    def zone(self) -> ZoneInfo:
        """The utility's zone."""
        return ZoneInfo(self.timezone)

    @property
    def points(self) -> int:
        """Metering points."""
        return self.meters + self.electricity + (len(TRICKLING) if self.trickles else 0)

    def midnights(self) -> list[int]:
        """Boundaries of the local days in milliseconds since 1970, one more than days."""
        return midnights(self.start, self.days, self.zone)

    def window(self) -> tuple[int, int]:
        """First and last instant of traffic in milliseconds: the days, and a little more so that each has a bracket."""
        bounds = self.midnights()
        margin = max(HOUR_MS, self.interval_s * 1000)
        return bounds[0] - margin, bounds[-1] + margin

    def chance(self, stream: str) -> np.random.Generator:
        """Random numbers of one part of the simulation, independent of what the other parts draw."""
        return np.random.default_rng([self.seed, *stream.encode()])


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter.

    Attributes:
        kind: Its kind.
        serial: Eight digits of a range that is used for simulation.
        key: The key it encrypts with.
        key_state: What the utility knows: the key, later the key, a wrong key, or not even the meter.
        point: Metering point; None for foreign meters.
        home: Number of the concentrator that hears it best.
        phase_ms: Offset of its transmissions in the interval.
        jitter_ms: How far a transmission may come late; 0 for meters that send exactly on the local hour.
        active: First and last instant at which it sends.
        origin_ms: When its session counter started.
        access_no: Access number of its first transmission.
        radio_serial: Serial of its radio module, used where the kind has one.
    """

    kind: Kind
    serial: str
    key: bytes
    key_state: KeyState
    point: str | None
    home: int
    phase_ms: int
    jitter_ms: int
    active: tuple[int, int]
    origin_ms: int
    access_no: int
    radio_serial: str

    @property
    def meter_id(self) -> str:
        """The identity tables use, e.g. ``KAM-90000001-1b-16``."""
        return f"{self.kind.manufacturer}-{self.serial}-{self.kind.version}-{self.kind.device_type}"

    @property
    def address(self) -> bytes:
        """Address of the meter, manufacturer first."""
        return link.address(self.kind.manufacturer, self.serial, self.kind.version, self.kind.device_type)

    @property
    def link_address(self) -> bytes:
        """Address of whoever transmits: the meter, or its radio module."""
        if self.kind.radio is None:
            return self.address
        manufacturer, version, device_type = self.kind.radio
        return link.address(manufacturer, self.radio_serial, version, device_type)

    @property
    def is_decodable(self) -> bool:
        """Whether its telegrams become readings once all files and keys are in."""
        return self.key_state in ("known", "late")


def populate(fleet: Fleet) -> list[Meter]:
    """One meter per metering point, all keys known, all alive the whole time."""
    names = [SHARES[number % len(SHARES)] for number in range(fleet.meters)] + ["electricity"] * fleet.electricity
    names += TRICKLING if fleet.trickles else ()
    points = [f"MP{number + 1:06d}" for number in range(len(names))]
    return make_meters(fleet, "meters", names, points)


def make_meters(fleet: Fleet, stream: str, names: Sequence[str], points: Sequence[str | None]) -> list[Meter]:
    """Meters of the named kinds.

    Args:
        fleet: Parameters.
        stream: Name of the chance to draw from; also keeps serials of different calls apart.
        names: Kind of each meter.
        points: Metering point of each meter.

    Returns:
        One meter per name.
    """
    chance = fleet.chance(stream)
    count = len(names)
    serials = _serials(chance, count, stream)
    homes = chance.integers(fleet.collectors, size=count)
    phases = chance.integers(fleet.interval_s, size=count) * 1000
    ages = chance.integers(200 * _DAY_MS // _MINUTE_MS, 2000 * _DAY_MS // _MINUTE_MS, size=count) * _MINUTE_MS
    access = chance.integers(256, size=count)
    first, last = fleet.window()
    meters = []
    for number, (name, point) in enumerate(zip(names, points, strict=True)):
        is_aligned = number % _ALIGNED_SHARE == 0
        meter = Meter(
            kind=BY_NAME[name],
            serial=serials[number],
            key=chance.bytes(16),
            key_state="known",
            point=point,
            home=int(homes[number]),
            phase_ms=0 if is_aligned else int(phases[number]),
            jitter_ms=0 if is_aligned else 2000,
            active=(first, last),
            origin_ms=first - int(ages[number]),
            access_no=int(access[number]),
            radio_serial=f"{int(serials[number]) - 70_000_000:08d}",
        )
        meters.append(meter)
    return meters


def with_key_state(meter: Meter, state: KeyState) -> Meter:
    """The meter with another state of its key."""
    return replace(meter, key_state=state)


_SERIAL_RANGES = {"meters": 90_000_000, "replacements": 98_000_000, "neighbours": 99_000_000}


def _serials(chance: np.random.Generator, count: int, stream: str) -> list[str]:
    """Distinct serials of the range that the stream owns, in no order."""
    base = _SERIAL_RANGES[stream]
    size = min(start for start in (*_SERIAL_RANGES.values(), 100_000_000) if start > base) - base
    if count > size // 2:
        raise SimulatorError(f"at most {size // 2} {stream} have serials; asked for {count}")
    return [f"{base + number:08d}" for number in chance.choice(size, size=count, replace=False).tolist()]
