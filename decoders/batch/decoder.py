"""Frames of a batch through all layers: full frames first, then compact ones, then what is left one at a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl

from decoders.batch.assemble import Tables
from decoders.batch.columns import ByteColumn, Rows
from decoders.batch.compacts import expanded
from decoders.batch.identity import note_telegram_keys
from decoders.batch.keys import KeyRing
from decoders.batch.layouts import by_device, by_layout
from decoders.batch.ledger import Ledger
from decoders.batch.link import linked
from decoders.batch.meters import CodeIndex, address_of_code
from decoders.batch.remainder import Leftover, Single, leftover_readings, leftover_records, note_leftovers
from decoders.batch.telegrams import Telegrams
from decoders.batch.transport import Opener
from decoders.canonical import Plan, has_records, plan
from decoders.compact import FormatBook, format_of_records
from decoders.fragments import fragment_of, messages
from decoders.scalar import layout_id, of_parts


@dataclass(frozen=True, slots=True)
class Registered:
    """Registered meters by code and by id."""

    codes: CodeIndex
    ids: Collection[str]


class BatchDecoder:
    """Decodes portions of a batch.

    Attributes:
        ledger: What became of the frames so far.
        ring: Keys, and how they fared.
        plans: Plans of the layouts seen, by layout_id.
        learned: Formats that full frames taught: signature, meter_id and headers.
    """

    def __init__(
        self, frames: ByteColumn, ring: KeyRing, formats: FormatBook, registered: Registered | None = None
    ) -> None:
        self.ledger = Ledger(len(frames))
        self.plans: dict[str, Plan] = {}
        self.learned: list[tuple[int, str, bytes]] = []
        self.ring = ring
        self._frames = frames
        self._formats = formats
        self._registered = registered
        self._opener = Opener(ring, registered.codes if registered else None, self.ledger)
        self._tables = Tables()
        self._leftovers: dict[int, Leftover] = {}
        self._is_compact = np.zeros(len(frames), np.bool_)

    def run(self, rows: Rows) -> None:
        """Decodes the frames at some positions, rising."""
        compact = self._full_frames(rows)
        for telegrams in compact:
            self._is_compact[telegrams.rows] = True
        # Full frames among the remainder teach formats, too, so they go before the compact ones.
        left = self.ledger.open(rows)
        self.run_one_by_one(left[~self._is_compact[left]])
        self._compact_frames(compact)
        self.run_one_by_one(self.ledger.open(rows))

    def run_one_by_one(self, rows: Rows) -> None:
        """Decodes the frames at some positions by the scalar decoder."""
        if not len(rows):
            return
        found = {leftover.row: leftover for leftover in self._single.decode_all(rows, self._frames, self.ledger)}
        for leftover in found.values():
            telegram = leftover.telegram
            if telegram.learned is not None and telegram.meter_id is not None:
                self._learn(telegram.meter_id, telegram.learned)
        again = np.array([row for row, it in found.items() if it.telegram.outcome == "unknown_format"], np.int64)
        found |= {leftover.row: leftover for leftover in self._single.decode_all(again, self._frames, self.ledger)}
        self._take_leftovers(list(found.values()))

    def join_fragments(self) -> None:
        """Decodes the messages whose fragments lie in this batch."""
        parts = sorted(row for row, leftover in self._leftovers.items() if leftover.telegram.is_fragment)
        fragments = ((row, fragment_of(self._frames[row])) for row in parts)
        for message in messages((row, fragment) for row, fragment in fragments if fragment is not None):
            if message.is_whole:
                self._take_leftovers(self._single.decode_message(message))
            else:
                lone = of_parts(message, [self._leftovers[row].telegram for row in message.places])
                self._take_leftovers([Leftover(row, telegram) for row, telegram in lone])

    def _take_leftovers(self, found: list[Leftover]) -> None:
        self._leftovers |= {leftover.row: leftover for leftover in found}
        note_leftovers(found, self.ledger)
        for telegram in (leftover.telegram for leftover in found):
            if telegram.layout_id is not None and telegram.address is not None:
                address = telegram.address
                self.plans.setdefault(telegram.layout_id, plan(*address.device, telegram.records))

    def take_key_results(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """:meth:`KeyRing.results` of the keys, which are given up: nothing can be decoded after that."""
        results = self.ring.results()
        del self.ring, self._opener
        return results

    def take_outcomes(self) -> pl.DataFrame:
        """What became of the frames, which the ledger then forgets."""
        ledger, self.ledger = self.ledger, Ledger(0)
        return ledger.outcomes()

    def take_readings(self) -> Iterator[tuple[Rows, pl.DataFrame]]:
        """Frames and columns of the readings of all portions, which are given up."""
        yield self._tables.readings.rows(), self._tables.readings.take_table()
        if self._leftovers:
            yield leftover_readings(self._leftovers.values())

    def take_records(self) -> Iterator[tuple[Rows, pl.DataFrame]]:
        """Frames and columns of the records of all portions, which are given up."""
        yield self._tables.take_records()
        if self._leftovers:
            yield leftover_records(self._leftovers.values())

    def _full_frames(self, rows: Rows) -> list[Telegrams]:
        """Decodes the full frames; returns the compact ones."""
        compact: list[Telegrams] = []
        for found in chain.from_iterable(map(linked, self._frames.slabs(rows))):
            for telegrams in self._opener.open(found):
                if telegrams.is_compact:
                    compact.append(telegrams)
                else:
                    self._decode(telegrams, learn=True)
        return compact

    def _compact_frames(self, compact: list[Telegrams]) -> None:
        for telegrams in compact:
            for result in expanded(telegrams, self._formats):
                signature = f"{result.signature:04X}"
                self.ledger.note(result.telegrams.rows, signature=signature)
                if result.is_known:
                    self._decode(result.telegrams, learn=False)
                else:
                    self._opener.close(result.telegrams, "unknown_format", f"format {signature} is not known")

    def _decode(self, telegrams: Telegrams, *, learn: bool) -> None:
        """Records of telegrams of one shape."""
        for same, records in by_layout(telegrams):
            for part in by_device(same):
                address = address_of_code(int(part.codes[0]))
                if not has_records(*address.device):
                    continue
                digest = layout_id(address, records)
                if digest not in self.plans:
                    self.plans[digest] = plan(*address.device, records)
                sure = self._tables.add(part, records, self.plans[digest], digest)
                if not len(sure):
                    continue
                self.ledger.note(sure.rows, outcome="decoded", layout_id=digest)
                note_telegram_keys(sure, self.ledger)
                if learn:
                    self._learn(address.meter_id, format_of_records(records))

    def _learn(self, meter_id: str, found: tuple[int, bytes] | None) -> None:
        """Keeps a format unless it is known of this kind of meter already."""
        if found is None:
            return
        signature, headers = found
        same_kind = (meter_id[:3], meter_id[-5:])
        theirs = [
            known
            for other, formats in self._formats.learned.get(signature, {}).items()
            if (other[:3], other[-5:]) == same_kind
            for known in formats
        ]
        if headers in self._formats.known.get(signature, ()) or headers in theirs:
            return
        self._formats = self._formats.with_learned(signature, meter_id, headers)
        self.learned.append((signature, meter_id, headers))

    @property
    def _single(self) -> Single:
        """The scalar decoder with what is known by now."""
        return Single(self.ring, self._formats, self._registered.ids if self._registered else None)
