"""What goes wrong: chosen once, then applied to meters, registers and receptions, and listed in the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np

from simulator.calendar import HOUR_MS, local_hours, local_ms
from simulator.courses import PARTS, Course, Demand
from simulator.kinds import KINDS, REPACKAGED, TRICKLING, Kind
from simulator.population import Fleet, KeyState, Meter, make_meters, with_key_state

KAMSTRUP_WATER = ("water", "water_dated")
KAMSTRUP_HEAT = ("heat_inlet", "heat_outlet")
_ELL_KINDS = (*KAMSTRUP_WATER, *KAMSTRUP_HEAT, "heat_older")
_ROLLOVER_AFTER = 0.45
_REVERSE_COUNTS_PER_HOUR = -4
_NEWER = 500
"""A replacement has counted this much less than a meter that has been in place for years."""

_POOR_COOLING = 800
"""Hundredths of a kelvin."""

_CISTERN_COUNTS = 8
_CISTERN_EVERY_H = 3
_SLOW_LEAK_PARTS = 4 * PARTS // 10
"""Four litres an hour, where a count is ten."""

_EXTRA_COUNTS_PER_HOUR = {"LEAK": 25, "BURST": 900, "DRY": None}


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes:
        kind: Name, e.g. ``exchange`` or ``info_code``.
        subject: Meter, metering point or concentrator.
        start_ms: When it begins.
        end_ms: When it ends; None if it does not, or takes no time.
        detail: Further words for the truth.
    """

    kind: str
    subject: str
    start_ms: int
    end_ms: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """An info code that a meter shows for a while; ``end_ms`` None: until the end of the simulation."""

    code: str
    start_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One meter follows another at a metering point."""

    point: str
    old: Meter
    new: Meter
    at_ms: int


NEED_SENSORS = ("energy", "e8", "e9")
"""Registers that stand still while a temperature sensor is broken: the meter cannot reckon them."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A concentrator that delivers late, or hears nothing (``is_lost``)."""

    collector: int
    start_ms: int
    end_ms: int
    is_lost: bool


@dataclass(slots=True)
class Plan:
    """All meters of the simulation and what happens to them.

    Attributes:
        meters: All meters, those at metering points first.
        exchanges: Meter exchanges.
        episodes: Info codes by serial.
        resets: Instant at which a register starts again from 0, by serial.
        reverse: Stretch of reverse flow by serial.
        rollovers: Serials of the meters whose register rolls over.
        silences: Stretch without transmissions by serial.
        outages: Of concentrators.
        remote: Concentrators whose meters no other hears.
        repeated: Serials of the meters whose telegrams a repeater sends again.
        repackaged: Instant from which on a meter sends the package ``REPACKAGED`` of its kind, by serial.
        trickles: What trickles, ``refilling_cistern`` or ``slow_leak``, by serial.
        substations: Fault of the substation, ``high_return`` or ``hunting``, by serial.
        listed: Everything for the truth, in order of choice.
    """

    meters: list[Meter]
    exchanges: list[Exchange] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    resets: dict[str, int] = field(default_factory=dict)
    reverse: dict[str, tuple[int, int]] = field(default_factory=dict)
    rollovers: set[str] = field(default_factory=set)
    silences: dict[str, tuple[int, int]] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    remote: set[int] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    repackaged: dict[str, int] = field(default_factory=dict)
    trickles: dict[str, str] = field(default_factory=dict)
    substations: dict[str, str] = field(default_factory=dict)
    listed: list[Incident] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """The meters of one kind, with what concerns them all.

    Attributes:
        fleet: Parameters.
        plan: Incidents.
        kind: The kind.
        meters: Its meters; rows of arrays refer to them.
    """

    fleet: Fleet
    plan: Plan
    kind: Kind
    meters: list[Meter]


def group_by_kind(fleet: Fleet, made: Plan) -> list[Group]:
    """The plan's meters by kind, in the order of ``KINDS``; kinds without meters are left out."""
    groups = [Group(fleet, made, kind, [meter for meter in made.meters if meter.kind is kind]) for kind in KINDS]
    return [group for group in groups if group.meters]


class _Casting:
    """Gives each role to a meter that has none yet."""

    def __init__(self, fleet: Fleet, meters: Sequence[Meter]) -> None:
        order = fleet.chance("casting").permutation(len(meters)).tolist()
        self._free = [(number, meters[number].kind.name) for number in order]

    def pick(self, kinds: Sequence[str], count: int = 1) -> list[int]:
        """Positions of up to ``count`` meters of the kinds."""
        chosen = [item for item in self._free if item[1] in kinds][:count]
        self._free = [item for item in self._free if item not in chosen]
        return [number for number, _ in chosen]


def plan(fleet: Fleet, meters: Sequence[Meter]) -> Plan:
    """Chooses the incidents of a fleet.

    Args:
        fleet: Parameters; without incidents the plan holds the meters alone.
        meters: The meters at the metering points.

    Returns:
        The plan. A small fleet may lack a meter for some role, which is then left out.
    """
    made = Plan(list(meters))
    if fleet.incidents:
        _plan_incidents(fleet, made)
    if fleet.breakdowns:
        _plan_breakdowns(fleet, made)
    if fleet.trickles:
        _plan_trickles(fleet, made)
    if fleet.reconfigured:
        noon = local_ms(fleet.start + timedelta(days=fleet.days // 2), time(12), fleet.zone)
        meter = next(meter for meter in made.meters if meter.kind.name in REPACKAGED)
        made.repackaged[meter.serial] = noon
        made.listed.append(Incident("reconfigured", meter.meter_id, noon))
    return made


def _plan_incidents(fleet: Fleet, made: Plan) -> None:
    meters = list(made.meters)
    casting = _Casting(fleet, meters)
    days = fleet.days

    def at(day: int, hour: int, minute: int = 0) -> int:
        bounded = min(day, days - 1)
        return local_ms(fleet.start + timedelta(days=bounded), time(hour, minute), fleet.zone)

    def whole_hour(instant: int) -> int:
        return instant // HOUR_MS * HOUR_MS

    _plan_exchanges(fleet, made, casting, {"water": at(days // 2, 11, 20), "heat_inlet": at(days // 3, 13, 40)})
    for code, kinds, start, end in (
        ("LEAK", KAMSTRUP_WATER, at(1, 9), at(4, 15)),
        ("BURST", KAMSTRUP_WATER, at(days // 2, 17), at(days // 2, 22)),
        ("DRY", KAMSTRUP_WATER, at(days - 1, 6), None),
        ("FLOW_SENSOR_WEAK_OR_AIR", KAMSTRUP_HEAT, at(0, 6), at(2, 18)),
        ("SENSOR_T1_ABOVE_MEASURING_RANGE", KAMSTRUP_HEAT, at(days // 2, 8), at(days // 2, 16)),
    ):
        for number in casting.pick(kinds):
            serial = meters[number].serial
            episode = Episode(code, whole_hour(start), None if end is None else whole_hour(end))
            made.episodes[serial] = episode
            made.listed.append(Incident("info_code", meters[number].meter_id, episode.start_ms, episode.end_ms, code))
    for number in casting.pick(("oms_water_bcd", "plain_water", "oms_heat")):
        made.rollovers.add(meters[number].serial)
        made.listed.append(Incident("rollover", meters[number].meter_id, *fleet.window(), "somewhere in this stretch"))
    for number in casting.pick(KAMSTRUP_WATER):
        made.resets[meters[number].serial] = at(days // 3, 14, 10)
        made.listed.append(Incident("reset", meters[number].meter_id, at(days // 3, 14, 10)))
    for number in casting.pick(("oms_water",)):
        stretch = whole_hour(at(days // 2, 3)), whole_hour(at(days // 2, 5))
        made.reverse[meters[number].serial] = stretch
        made.listed.append(Incident("reverse_flow", meters[number].meter_id, *stretch))
    for number in casting.pick(_ELL_KINDS):
        stretch = at(1, 10), at(2, 16)
        made.silences[meters[number].serial] = stretch
        made.listed.append(Incident("silence", meters[number].meter_id, *stretch))
    for number in casting.pick(_ELL_KINDS):
        made.repeated.add(meters[number].serial)
        made.listed.append(Incident("repeater", meters[number].meter_id, *fleet.window()))
    _plan_keys(fleet, made, casting)
    _plan_outages(fleet, made, at)
    _plan_substations(fleet, made, casting)


def _plan_exchanges(fleet: Fleet, made: Plan, casting: _Casting, instants: dict[str, int]) -> None:
    for kind, instant in instants.items():
        for number in casting.pick((kind,)):
            old = replace(made.meters[number], active=(made.meters[number].active[0], instant))
            made.meters[number] = old
            made.exchanges.append(Exchange(str(old.point), old, old, instant))
            made.listed.append(Incident("exchange", str(old.point), instant, None, kind))
    names = [exchange.old.kind.name for exchange in made.exchanges]
    replacements = make_meters(fleet, "replacements", names, [exchange.point for exchange in made.exchanges])
    for number, (exchange, meter) in enumerate(zip(list(made.exchanges), replacements, strict=True)):
        new = replace(meter, active=(exchange.at_ms + 1, meter.active[1]))
        made.exchanges[number] = replace(exchange, new=new)
        made.meters.append(new)


def _plan_keys(fleet: Fleet, made: Plan, casting: _Casting) -> None:
    first, last = fleet.window()
    encrypted = (*_ELL_KINDS, "oms_water", "oms_heat", "oms_water_bcd")
    shares: tuple[tuple[KeyState, int], ...] = (("late", 20), ("wrong", 50))
    for state, share in shares:
        for number in casting.pick(encrypted, max(1, fleet.meters // share)):
            made.meters[number] = with_key_state(made.meters[number], state)
            made.listed.append(Incident(f"{state}_key", made.meters[number].meter_id, first, last))
    count = max(1, fleet.meters // 20)
    neighbours = make_meters(fleet, "neighbours", ["water", "oms_water_bcd"] * count, [None] * (2 * count))[:count]
    for meter in neighbours:
        made.meters.append(with_key_state(meter, "foreign"))
        made.listed.append(Incident("foreign", meter.meter_id, first, last))


def _plan_outages(fleet: Fleet, made: Plan, at: Callable[[int, int], int]) -> None:
    third = fleet.days // 3
    late = (at(third, 20), at(third + 1, 6)) if fleet.days > third + 1 else (at(third, 8), at(third, 14))
    lost = at(2 * fleet.days // 3, 13), at(2 * fleet.days // 3, 16)
    made.outages.append(Outage(0, *late, is_lost=False))
    made.listed.append(Incident("late_delivery", collector_name(0), *late))
    if fleet.collectors > 1:
        made.outages.append(Outage(1, *lost, is_lost=True))
        made.listed.append(Incident("deaf_concentrator", collector_name(1), *lost))


def _plan_substations(fleet: Fleet, made: Plan, casting: _Casting) -> None:
    for fault in ("high_return", "hunting"):
        for number in casting.pick(KAMSTRUP_HEAT):
            made.substations[made.meters[number].serial] = fault
            made.listed.append(Incident(fault, made.meters[number].meter_id, *fleet.window()))


def _plan_trickles(fleet: Fleet, made: Plan) -> None:
    cistern, leak, _ = (meter for meter in made.meters if meter.kind.name in TRICKLING)
    for meter, what, detail in ((cistern, "refilling_cistern", "8 l every 3 h"), (leak, "slow_leak", "4 l/h")):
        made.trickles[meter.serial] = what
        made.listed.append(Incident(what, meter.meter_id, *fleet.window(), detail))


def _plan_breakdowns(fleet: Fleet, made: Plan) -> None:
    end = fleet.window()[1] + 1
    broken = fleet.collectors - 1
    taken = made.silences.keys() | {exchange.old.serial for exchange in made.exchanges}
    dead = next((meter for meter in made.meters if meter.home != broken and meter.serial not in taken), None)
    if dead is not None:
        died = local_ms(fleet.start + timedelta(days=fleet.days - 2), time(12), fleet.zone)
        made.silences[dead.serial] = died, end
        made.listed.append(Incident("dead_meter", dead.meter_id, died))
    down = local_ms(fleet.start + timedelta(days=fleet.days - 1), time(6), fleet.zone)
    made.remote.add(broken)
    made.outages.append(Outage(broken, down, end, is_lost=True))
    made.listed.append(Incident("collector_down", collector_name(broken), down))


def collector_name(number: int) -> str:
    """Name of a concentrator by its number from 0."""
    return f"concentrator-{number + 1}"


def apply_to_registers(group: Group, demand: Demand) -> None:
    """Lets the incidents of a kind's meters change their registers, in place."""
    made, fleet = group.plan, group.fleet
    volume = demand.courses.get("volume")
    replacements = {exchange.new.serial for exchange in made.exchanges}
    for row, meter in enumerate(group.meters):
        if meter.serial in replacements:
            for course in demand.courses.values():
                course.base[row] //= _NEWER
        episode = made.episodes.get(meter.serial)
        if episode is not None:
            _apply_episode(demand, row, episode, fleet.window()[1])
        if volume is None:
            continue
        if (stretch := made.reverse.get(meter.serial)) is not None:
            volume.set_rate(row, *stretch, _REVERSE_COUNTS_PER_HOUR * PARTS)
        if meter.serial in made.rollovers and volume.capacity is not None:
            first, last = fleet.window()
            instant = first + round((last - first) * _ROLLOVER_AFTER)
            rows, instants = np.array([row]), np.array([instant])
            volume.base[row] += volume.capacity - int(volume.flowed(rows, instants)[0])
        if (trickle := made.trickles.get(meter.serial)) is not None:
            _apply_trickle(fleet, volume, row, trickle)
        if (fault := made.substations.get(meter.serial)) is not None:
            _apply_fault(fleet, demand, row, fault)
        if (reset := made.resets.get(meter.serial)) is not None:
            shown = int(volume.flowed(np.array([row]), np.array([reset]))[0])
            volume.jumps[row] = reset, -shown


def _apply_trickle(fleet: Fleet, volume: Course, row: int, what: str) -> None:
    hours = volume.rates.shape[1]
    parts = np.full(hours, _SLOW_LEAK_PARTS)
    if what == "refilling_cistern":
        hour = local_hours(volume.first_ms, hours, fleet.zone)
        parts = np.where(hour % _CISTERN_EVERY_H == 1, _CISTERN_COUNTS * PARTS, 0)
    volume.add(row, parts)


def _apply_fault(fleet: Fleet, demand: Demand, row: int, fault: str) -> None:
    """A return hardly colder than the supply takes more water for the same heat; one that hunts, by turns."""
    courses, flow = demand.courses, demand.flow_c[row]
    if fault == "high_return":
        more = (flow - demand.return_c[row]) / _POOR_COOLING
        demand.return_c[row] = flow - _POOR_COOLING
        for name in ("volume", "e8"):
            courses[name].scale(row, more)
        courses["e9"].rates[row] = np.rint(courses["e8"].rates[row] * (demand.return_c[row] / flow)).astype(np.int64)
        return
    hour = local_hours(courses["volume"].first_ms, len(flow), fleet.zone)
    swing = np.where(hour // 2 % 2 == 0, 1.8, 0.2)
    # Around midnight it stays: interpolated and true daily figures differ by rounding alone.
    swing[np.isin(hour, (22, 23, 0, 1))] = 1.0
    for course in courses.values():
        course.scale(row, swing)


def _apply_episode(demand: Demand, row: int, episode: Episode, last_ms: int) -> None:
    stretch = episode.start_ms, last_ms if episode.end_ms is None else episode.end_ms
    if episode.code in _EXTRA_COUNTS_PER_HOUR:
        extra = _EXTRA_COUNTS_PER_HOUR[episode.code]
        demand.courses["volume"].change_rate(row, *stretch, None if extra is None else extra * PARTS)
    elif episode.code.startswith("SENSOR"):
        for name in NEED_SENSORS:
            demand.courses[name].change_rate(row, *stretch, None)


def utc(instant_ms: int | None) -> str:
    """ISO 8601 in UTC, empty for None."""
    if instant_ms is None:
        return ""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).isoformat(timespec="milliseconds")
