"""When meters send and what: the transmissions of one kind with their telegrams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator import link
from simulator.calendar import HOUR_MS, month_starts, standard_offset_ms
from simulator.courses import PARTS, Demand
from simulator.incidents import Group
from simulator.kinds import REPACKAGED
from simulator.records import Field, Values, compact_records, date_g, datetime_f, full_records
from simulator.telegrams import (
    CI_COMPACT,
    CI_FULL,
    Senders,
    ell_telegrams,
    mode5_payloads,
    pad_for_mode5,
    session_numbers,
    tpl_header,
)

FULL_FRAME_EVERY = 8
INFO_BITS = {
    "water_16bit": {"DRY": 0, "REVERSE": 1, "LEAK": 2, "BURST": 3},
    "heat_32bit": {"SENSOR_T1_ABOVE_MEASURING_RANGE": 3, "FLOW_SENSOR_WEAK_OR_AIR": 8},
}
_CLASS_FROM_HOURS = np.array([1, 9, 25, 73, 169, 337, 505])
_CLASS_SHIFT = 4
_CLASS_BITS = 3
_BROKEN_SENSOR = 18_500
"""Hundredths of a degree that a heat meter sends for a broken sensor."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Transmissions of the meters of one kind, ordered by meter and time.

    Attributes:
        row: Meter, as position in the kind's meters, shape (n,).
        at_ms: Instant, shape (n,).
        ordinal: Count of the meter's transmissions before it, shape (n,).
    """

    row: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    ordinal: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def starts(self, meters: int) -> NDArray[np.int64]:
        """First transmission of each meter and, last, the number of transmissions; shape (meters + 1,)."""
        return np.searchsorted(self.row, np.arange(meters + 1))

    def take(self, chosen: NDArray[np.int64]) -> "Sent":
        """Some of the transmissions, in their order."""
        return Sent(self.row[chosen], self.at_ms[chosen], self.ordinal[chosen])


def schedule(group: Group) -> Sent:
    """When the meters of a kind send: once per interval, each in its own minute, while they are active."""
    fleet, meters = group.fleet, group.meters
    first, last = fleet.window()
    interval = fleet.interval_s * 1000
    count = (last - first) // interval + 1
    chance = fleet.chance(f"schedule {group.kind.name}")
    phase = np.array([meter.phase_ms for meter in meters])[:, None]
    jitter = np.array([meter.jitter_ms for meter in meters])[:, None]
    drawn = chance.integers(1000, size=(len(meters), count))
    at_ms = first + phase + interval * np.arange(count) + jitter * drawn // 1000
    active = np.array([meter.active for meter in meters])
    is_sent = (at_ms >= active[:, :1]) & (at_ms <= active[:, 1:])
    for row, meter in enumerate(meters):
        if (silence := group.plan.silences.get(meter.serial)) is not None:
            is_sent[row] &= (at_ms[row] < silence[0]) | (at_ms[row] >= silence[1])
    rows, columns = np.nonzero(is_sent)
    ordinal = (np.cumsum(is_sent, axis=1) - 1)[rows, columns]
    return Sent(rows, at_ms[rows, columns], ordinal)


def info_words(group: Group, sent: Sent) -> NDArray[np.int64]:
    """Info code words, shape (n,): the bits of active codes and, for water, the class of hours in the last 30 days."""
    words = np.zeros(len(sent), dtype=np.int64)
    if (info := group.kind.info) is None:
        return words
    for row, meter in enumerate(group.meters):
        episode = group.plan.episodes.get(meter.serial)
        if episode is None:
            continue
        bit = INFO_BITS[info][episode.code]
        mine = sent.row == row
        at_ms = sent.at_ms[mine]
        end_ms = np.inf if episode.end_ms is None else episode.end_ms
        is_active = (at_ms >= episode.start_ms) & (at_ms < end_ms)
        words[mine] |= is_active.astype(np.int64) << bit
        if info == "water_16bit":
            hours = np.ceil((np.minimum(at_ms, end_ms) - episode.start_ms) / HOUR_MS)
            hours += is_active & (hours == 0)
            classes = np.searchsorted(_CLASS_FROM_HOURS, hours, side="right")
            words[mine] |= classes << _CLASS_SHIFT + _CLASS_BITS * bit
    return words


def sensor_is_broken(words: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a heat meter's info code words, shape (n,), say that a temperature sensor is broken."""
    bit: int = INFO_BITS["heat_32bit"]["SENSOR_T1_ABOVE_MEASURING_RANGE"]
    return (words >> bit & 1).astype(np.bool_)


def record_values(group: Group, demand: Demand, sent: Sent, info: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Everything the kinds' layouts can carry, as integers in each record's own unit, shape (n,) each."""
    fleet, kind = group.fleet, group.kind
    row, at_ms = sent.row, sent.at_ms
    offset = standard_offset_ms(fleet.start, fleet.zone)
    clock = (at_ms + offset).astype("datetime64[ms]")
    months = month_starts(*fleet.window(), fleet.zone)
    month_ms = np.array([instant for instant, _ in months])
    month = np.searchsorted(month_ms, at_ms, side="right") - 1
    # The register's month value is asked for before the simulation begins, too; it then stands at its first count.
    asked_ms = np.maximum(month_ms[month], next(iter(demand.courses.values())).first_ms)
    month_days = _days([day for _, day in months])[month]
    values: dict[str, NDArray[np.int64]] = {
        "info": info,
        "zero": np.zeros(len(sent), dtype=np.int64),
        "clock": datetime_f(clock),
        "today": date_g(clock.astype("datetime64[D]")),
        "month_date": date_g(month_days),
        "month_clock": datetime_f(month_days.astype("datetime64[m]")),
        "water_temp": 9 + row % 7,
        "ambient_temp": 14 + row % 9,
    }
    for name, course in demand.courses.items():
        values[name] = course.shown(row, at_ms)
        values[f"{name}_month"] = course.shown(row, asked_ms)
    if (volume := kind.registers.get("volume")) is not None:
        litres_per_hour = demand.courses["volume"].rate(row, at_ms) * int(volume.resolution * 1000) // PARTS
        values["flow"] = np.maximum(litres_per_hour, 0)
    for side in ("import", "export"):
        if (energy := kind.registers.get(f"energy_{side}")) is not None:
            watts = demand.courses[f"energy_{side}"].rate(row, at_ms) * int(energy.resolution * 1000) // PARTS
            values[f"power_{side}"] = watts
    if "energy" in demand.courses:
        watts = demand.courses["energy"].rate(row, at_ms) * 1000 // PARTS
        hour = (at_ms - demand.courses["energy"].first_ms) // HOUR_MS
        t1, t2 = demand.flow_c[row, hour], demand.return_c[row, hour]
        if kind.info == "heat_32bit":
            t1 = np.where(sensor_is_broken(info), _BROKEN_SENSOR, t1)
        values |= {"power_watt": watts, "power_hectowatt": watts // 100, "t1": t1, "t2": t2}
        values |= {"t1_tenths": t1 // 10, "t2_tenths": t2 // 10}
    return values


def _days(days: Sequence[date]) -> NDArray[np.datetime64]:
    return np.array(days, dtype="datetime64[D]")


@dataclass(frozen=True, slots=True)
class Block:
    """Telegrams of equal length: rows of bytes without link CRCs, and which transmissions they are."""

    telegrams: NDArray[np.uint8]
    chosen: NDArray[np.int64]


def compose(group: Group, sent: Sent, values: Values) -> list[Block]:
    """Telegrams of all transmissions of a kind, in blocks of equal length.

    Args:
        group: The meters.
        sent: Their transmissions.
        values: What the layouts can carry, shape (n,) each.

    Returns:
        Full and compact frames for kinds with link-layer security, else one block; those of meters that were set to
        another package apart.
    """
    everything = np.arange(len(sent))
    if group.kind.security == "ell":
        first_full = np.array([int(meter.serial) for meter in group.meters]) % FULL_FRAME_EVERY
        is_full = (sent.ordinal + first_full[sent.row]) % FULL_FRAME_EVERY == 0
        parts = [(everything[is_full], CI_FULL), (everything[~is_full], CI_COMPACT)]
    else:
        parts = [(everything, 0)]
    blocks = []
    for chosen, ci in parts:
        for layout, mine in _layouts(group, sent.take(chosen)):
            these = chosen[mine]
            carried = {name: series[these] for name, series in values.items()}
            blocks.append(Block(_telegrams(group, layout, sent.take(these), carried, ci), these))
    return blocks


def _layouts(group: Group, sent: Sent) -> list[tuple[tuple[Field, ...], NDArray[np.bool_]]]:
    """The packages that are sent, each with its transmissions, shape (n,)."""
    changed = np.zeros(len(sent), dtype=np.bool_)
    for row, meter in enumerate(group.meters):
        if (since := group.plan.repackaged.get(meter.serial)) is not None:
            changed |= (sent.row == row) & (sent.at_ms >= since)
    if not changed.any():
        return [(group.kind.layout, ~changed)]
    return [(group.kind.layout, ~changed), (REPACKAGED[group.kind.name], changed)]


def _telegrams(group: Group, layout: tuple[Field, ...], sent: Sent, values: Values, ci: int) -> NDArray[np.uint8]:
    kind, meters = group.kind, group.meters
    own = _addresses([meter.address for meter in meters])[sent.row]
    senders = Senders(own, [meter.key for meter in meters], sent.starts(len(meters)))
    first_access = np.array([meter.access_no for meter in meters])
    access_no = ((first_access[sent.row] + sent.ordinal) % 256).astype(np.uint8)
    if kind.security == "ell":
        records = (full_records if ci == CI_FULL else compact_records)(layout, values)
        application = np.hstack([np.full((len(sent), 1), ci, dtype=np.uint8), records])
        origin = np.array([meter.origin_ms for meter in meters])[sent.row]
        return ell_telegrams(senders, application, access_no, session_numbers(sent.at_ms, origin))
    payload, configuration = full_records(layout, values), 0
    if kind.security == "mode5":
        payload, configuration = mode5_payloads(senders, pad_for_mode5(payload), access_no)
    header = tpl_header(access_no, configuration, own if kind.radio else None)
    radio = _addresses([meter.link_address for meter in meters])[sent.row]
    return link.telegram(radio, np.hstack([header, payload]))


def _addresses(addresses: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(addresses), dtype=np.uint8).reshape(-1, 8)
