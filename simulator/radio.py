"""Who hears what: receptions of transmissions by concentrators, with signal strength, losses and damage."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.calendar import HOUR_MS
from simulator.incidents import Group
from simulator.link import FrameFormat, in_format
from simulator.telegrams import ELL_SEALED_FROM
from simulator.traffic import Block, Sent

_FORMATS: tuple[FrameFormat, ...] = ("none", "A", "B")
_HOME_HEARS = 0.985
_OTHERS_HEAR = 0.3
_DAMAGE_SHARE = 0.004
_FLIPPED, _CUT = 1, 2
_CUT_BYTES = 5
_REPEATED_EVERY = 5
_REPEATED_AFTER_MS = 30_000
_CONTROL_POSITION = 11
_REPEATED_BIT = 0x02
_RECEIVER_METERS = 2


@dataclass(frozen=True, slots=True)
class Receptions:
    """Receptions of one kind's transmissions, any order.

    Attributes:
        sent: Transmission, shape (n,).
        collector: Number of the concentrator; one past the last is the rtl_wmbus receiver, shape (n,).
        at_ms: Instant of reception, shape (n,).
        rssi_dbm: Signal strength, shape (n,).
        damage: 0, or how the frame was damaged, shape (n,).
        is_repeated: Whether a repeater sent this copy, shape (n,).
        is_late: Whether the concentrator delivered it late, shape (n,).
    """

    sent: NDArray[np.int64]
    collector: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    rssi_dbm: NDArray[np.int64]
    damage: NDArray[np.int64]
    is_repeated: NDArray[np.bool_]
    is_late: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sent)

    def where(self, mask: NDArray[np.bool_]) -> "Receptions":
        """The receptions of the mask, in their order."""
        return Receptions(*(getattr(self, field.name)[mask] for field in fields(self)))

    def readings_ms(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Transmissions with an undamaged reception and the instant of the earliest.

        Args:
            count: Number of transmissions.

        Returns:
            Transmissions, ascending, and instants, shape (readings,) each.
        """
        none = np.iinfo(np.int64).max
        earliest = np.full(count, none)
        good = self.damage == 0
        np.minimum.at(earliest, self.sent[good], self.at_ms[good])
        heard = np.flatnonzero(earliest != none)
        return heard, earliest[heard]


def frame_format(collector: int, collectors: int) -> FrameFormat:
    """Frame format that a concentrator delivers; the rtl_wmbus receiver leaves CRCs out."""
    return "none" if collector >= collectors else _FORMATS[collector % len(_FORMATS)]


def hear(group: Group, sent: Sent) -> Receptions:
    """Receptions of a kind's transmissions.

    Each meter's home concentrator hears it first and nearly always, the others now and then up to three seconds later.
    """
    fleet, meters = group.fleet, group.meters
    chance = fleet.chance(f"radio {group.kind.name}")
    count, collectors = len(sent), fleet.collectors
    home = np.array([meter.home for meter in meters])
    level = chance.integers(-102, -84, size=(len(meters), collectors))
    level[np.arange(len(meters)), home] = chance.integers(-84, -55, size=len(meters))
    is_home = np.arange(collectors) == home[sent.row][:, None]
    is_remote = np.isin(home, list(group.plan.remote))[sent.row][:, None]
    share = np.where(is_home, _HOME_HEARS if fleet.incidents else 1.0, np.where(is_remote, 0.0, _OTHERS_HEAR))
    sent_no, collector = np.nonzero(chance.random((count, collectors)) < share)
    delay = np.where(is_home, 0, chance.integers(200, 3000, size=(count, collectors)))[sent_no, collector]
    heard = Receptions(
        sent=sent_no,
        collector=collector,
        at_ms=sent.at_ms[sent_no] + delay,
        rssi_dbm=level[sent.row[sent_no], collector] + chance.integers(-4, 5, size=len(sent_no)),
        damage=np.zeros(len(sent_no), dtype=np.int64),
        is_repeated=np.zeros(len(sent_no), dtype=np.bool_),
        is_late=np.zeros(len(sent_no), dtype=np.bool_),
    )
    return _without_outages(group, _disturb(group, sent, heard, chance) if fleet.incidents else heard)


def _disturb(group: Group, sent: Sent, heard: Receptions, chance: np.random.Generator) -> Receptions:
    fleet, plan, meters = group.fleet, group.plan, group.meters
    is_repeated_meter = np.array([meter.serial in plan.repeated for meter in meters])[sent.row]
    copies = np.flatnonzero(is_repeated_meter & (sent.ordinal % _REPEATED_EVERY == 0))
    home = np.array([meter.home for meter in meters])[sent.row[copies]]
    heard = _join(heard, _extra(copies, home, sent.at_ms[copies] + _REPEATED_AFTER_MS, is_repeated=True))
    morning = fleet.midnights()[0] + 10 * HOUR_MS
    near = (sent.at_ms >= morning) & (sent.at_ms < morning + HOUR_MS) & (sent.row < _RECEIVER_METERS)
    near &= np.array([meter.key_state == "known" for meter in meters])[sent.row]
    copies = np.flatnonzero(near)
    receiver = np.full(len(copies), fleet.collectors)
    heard = _join(heard, _extra(copies, receiver, sent.at_ms[copies] + 500, is_repeated=False))
    heard.damage[:] = _damage(group, sent, heard, chance)
    return heard


def _without_outages(group: Group, heard: Receptions) -> Receptions:
    """What concentrators heard while they worked, and what they delivered late."""
    is_lost = np.zeros(len(heard), dtype=np.bool_)
    for outage in group.plan.outages:
        in_outage = (heard.collector == outage.collector) & (heard.at_ms >= outage.start_ms)
        in_outage &= heard.at_ms < outage.end_ms
        is_lost |= in_outage & outage.is_lost
        heard.is_late[:] |= in_outage & (not outage.is_lost)
    return heard.where(~is_lost)


def _extra(
    sent: NDArray[np.int64], collector: NDArray[np.int64], at_ms: NDArray[np.int64], *, is_repeated: bool
) -> Receptions:
    none = np.zeros(len(sent), dtype=np.bool_)
    levels = np.full(len(sent), -71)
    return Receptions(sent, collector, at_ms, levels, none.astype(np.int64), none | is_repeated, none.copy())


def _join(first: Receptions, second: Receptions) -> Receptions:
    names = [field.name for field in fields(Receptions)]
    return Receptions(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _damage(group: Group, sent: Sent, heard: Receptions, chance: np.random.Generator) -> NDArray[np.int64]:
    """Which receptions are damaged: only such as some check of link or payload must notice.

    Without CRCs between blocks (formats none and B look alike once a bit is wrong) that is the payload CRC of the
    extended link layer, which takes a known key; a flipped bit elsewhere would be another valid frame.
    """
    fleet = group.fleet
    is_format_a = np.array([frame_format(number, fleet.collectors) == "A" for number in range(fleet.collectors + 1)])
    is_known = np.array([meter.key_state == "known" for meter in group.meters])[sent.row[heard.sent]]
    is_checked = is_known & (group.kind.security == "ell")
    drawn = chance.random(len(heard))
    can_flip = (is_checked | is_format_a[heard.collector]) & (heard.collector < fleet.collectors)
    damage = np.where(can_flip & (drawn < _DAMAGE_SHARE), _FLIPPED, 0)
    return np.where(is_checked & can_flip & (drawn < _DAMAGE_SHARE / 4), _CUT, damage)


def frames_table(group: Group, sent: Sent, blocks: Sequence[Block], heard: Receptions) -> pl.DataFrame:
    """The receptions with the bytes as delivered and the outcome to expect.

    Returns:
        Columns received_ms, collector, rssi_dbm, frame (hex), serial (of the link address), meter_id, sent, is_late,
        outcome, outcome_before_keys; one row per reception.
    """
    fleet = group.fleet
    chance = fleet.chance(f"damage {group.kind.name}")
    parts = []
    for block in blocks:
        position = np.full(len(sent), -1)
        position[block.chosen] = np.arange(len(block.chosen))
        for collector in range(fleet.collectors + 1):
            own = heard.where((position[heard.sent] >= 0) & (heard.collector == collector))
            if not len(own):
                continue
            rows = block.telegrams[position[own.sent]]
            rows[own.is_repeated, _CONTROL_POSITION] |= _REPEATED_BIT
            delivered = in_format(rows, frame_format(collector, fleet.collectors)).copy()
            first = 1 if frame_format(collector, fleet.collectors) == "A" else ELL_SEALED_FROM
            flipped = np.flatnonzero(own.damage == _FLIPPED)
            where = chance.integers(first, delivered.shape[1] - 2, size=len(flipped))
            delivered[flipped, where] ^= (1 << chance.integers(8, size=len(flipped))).astype(np.uint8)
            parts.append(_table(group, sent, own, delivered))
    return pl.concat(parts)


def _table(group: Group, sent: Sent, heard: Receptions, delivered: NDArray[np.uint8]) -> pl.DataFrame:
    kind, meters = group.kind, group.meters
    text, width = delivered.tobytes().hex().upper(), 2 * delivered.shape[1]
    hex_rows = [text[start : start + width] for start in range(0, len(text), width)]
    row = sent.row[heard.sent]
    outcomes = {"known": "decoded", "late": "decoded", "wrong": "wrong_key", "foreign": "foreign"}
    eventual = np.array([outcomes[meter.key_state] for meter in meters])[row]
    before = np.where(np.array([meter.key_state == "late" for meter in meters])[row], "no_key", eventual)
    damaged = heard.damage > 0
    link_serials = np.array([meter.radio_serial if kind.radio else meter.serial for meter in meters])
    table = pl.DataFrame(
        {
            "received_ms": heard.at_ms,
            "collector": heard.collector,
            "rssi_dbm": heard.rssi_dbm,
            "frame": hex_rows,
            "serial": link_serials[row].tolist(),
            "meter_id": np.array([meter.meter_id for meter in meters])[row].tolist(),
            "sent": sent.ordinal[heard.sent],
            "is_late": heard.is_late,
            "outcome": np.where(damaged, "corrupt", eventual).tolist(),
            "outcome_before_keys": np.where(damaged, "corrupt", before).tolist(),
        }
    )
    kept = pl.Series(heard.damage != _CUT)
    cut = pl.col("frame").str.head(width - 2 * _CUT_BYTES)
    return table.with_columns(pl.when(kept).then("frame").otherwise(cut).alias("frame"))
