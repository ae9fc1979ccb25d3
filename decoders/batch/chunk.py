"""One chunk of frames through all layers: full frames first, then compact ones, then what is left one at a time."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from decoders.batch.assemble import CELL_SCHEMA, KIND_SCHEMA, READING_SCHEMA, Tables, certain
from decoders.batch.columns import Rows, slabs
from decoders.batch.compacts import expanded
from decoders.batch.identity import note_telegram_keys
from decoders.batch.keys import KeyRing
from decoders.batch.layouts import by_device, by_layout
from decoders.batch.ledger import Ledger
from decoders.batch.link import linked
from decoders.batch.meters import Codes, address_of_code
from decoders.batch.remainder import Leftover, Single, add_leftovers, note_leftovers
from decoders.batch.telegrams import Telegrams
from decoders.batch.transport import Opener
from decoders.canonical import Plan, has_records, plan
from decoders.compact import FormatBook, format_of
from decoders.scalar import layout_id

OUTCOME_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "outcome": pl.String(),
        "reason": pl.String(),
        "meter_id": pl.String(),
        "access_no": pl.Int32(),
        "telegram_key": pl.String(),
        "signature": pl.String(),
        "link": pl.String(),
        "security": pl.String(),
        "layout_id": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Registered:
    """Registered meters as codes, rising, and as ids."""

    codes: Codes
    ids: Collection[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk says; ``row`` is the position of a frame in it.

    Attributes:
        outcomes: One row per frame, in order.
        readings: One row per frame with a canonical column.
        records: One row per record without one.
        plans: Plans of the layouts seen, by layout_id.
        formats: Formats after the chunk.
        learned: New formats: signature, meter_id and headers.
    """

    outcomes: pl.DataFrame
    readings: pl.DataFrame
    records: pl.DataFrame
    plans: dict[str, Plan]
    formats: FormatBook
    learned: list[tuple[int, str, bytes]]

    def moved(self, rows: Rows) -> "Chunk":
        """The same with the frames' positions in the whole batch, shape (n,)."""
        places = pl.Series(rows)

        def move(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.with_columns(places.gather(frame["row"]).alias("row"))

        return replace(self, outcomes=move(self.outcomes), readings=move(self.readings), records=move(self.records))


class ChunkDecoder:
    """Decodes one chunk."""

    def __init__(self, frames: pl.Series, ring: KeyRing, formats: FormatBook, registered: Registered | None) -> None:
        self.frames = frames
        self.ring = ring
        self.formats = formats
        self.registered = registered
        self.ledger = Ledger(len(frames))
        self.tables = Tables()
        self.plans: dict[str, Plan] = {}
        self.learned: list[tuple[int, str, bytes]] = []
        self.leftovers: list[Leftover] = []

    def run(self, *, one_by_one: bool = False) -> Chunk:
        """The whole chunk.

        Args:
            one_by_one: Whether every frame goes to the scalar decoder.
        """
        compact = [] if one_by_one else self._full_frames()
        waiting = np.zeros(len(self.frames), np.bool_)
        for telegrams in compact:
            waiting[telegrams.rows] = True
        # Full frames among the remainder teach formats, too, so they go before the compact ones.
        left = self.ledger.open()
        self._remainder(left[~waiting[left]])
        self._compact_frames(compact)
        self._remainder(self.ledger.open())
        add_leftovers(self.leftovers, self.tables)
        return Chunk(self._outcomes(), self._readings(), self._records(), self.plans, self.formats, self.learned)

    def _full_frames(self) -> list[Telegrams]:
        """Decodes the full frames; returns the compact ones."""
        opener = Opener(self.ring, self.registered.codes if self.registered else None, self.ledger)
        compact: list[Telegrams] = []
        for slab in slabs(self.frames):
            for found in linked(slab):
                for telegrams in opener.open(found):
                    if telegrams.compact is None:
                        self._decode(telegrams, learn=True)
                    else:
                        compact.append(telegrams)
        self._close = opener.close
        return compact

    def _compact_frames(self, compact: list[Telegrams]) -> None:
        for telegrams in compact:
            for result in expanded(telegrams, self.formats):
                signature = f"{result.signature:04X}"
                self.ledger.note(result.telegrams.rows, signature=signature)
                if result.is_known:
                    self._decode(result.telegrams, learn=False)
                else:
                    self._close(result.telegrams, "unknown_format", f"format {signature} is not known")

    def _decode(self, telegrams: Telegrams, *, learn: bool) -> None:
        """Records of telegrams of one shape."""
        for same, records in by_layout(telegrams):
            for part in by_device(same):
                address = address_of_code(int(part.codes[0]))
                device = (address.manufacturer, f"{address.version:02x}", f"{address.device_type:02x}")
                if not has_records(*device):
                    continue
                digest = layout_id(address, records)
                found = self.plans.setdefault(digest, plan(*device, records))
                sure = part.pick(certain(part, records, found))
                if not len(sure):
                    continue
                self.tables.add(sure, records, found, digest)
                self.ledger.note(sure.rows, outcome="decoded", layout_id=digest)
                note_telegram_keys(sure, self.ledger)
                if learn:
                    self._learn(address.meter_id, format_of(sure.rest[0].tobytes()))

    def _learn(self, meter_id: str, found: tuple[int, bytes] | None) -> None:
        """Keeps a format unless it is known of this kind of meter already."""
        if found is None:
            return
        signature, headers = found
        same_kind = (meter_id[:3], meter_id[-5:])
        theirs = [
            known
            for other, formats in self.formats.learned.get(signature, {}).items()
            if (other[:3], other[-5:]) == same_kind
            for known in formats
        ]
        if headers in self.formats.known.get(signature, ()) or headers in theirs:
            return
        self.formats = self.formats.with_learned(signature, meter_id, headers)
        self.learned.append((signature, meter_id, headers))

    def _remainder(self, rows: Rows) -> None:
        if not len(rows):
            return
        ids = self.registered.ids if self.registered else None
        first = Single(self.ring, self.formats, ids).decode_all(rows, self.frames, self.ledger)
        for leftover in first:
            telegram = leftover.telegram
            if telegram.learned is not None and telegram.meter_id is not None:
                self._learn(telegram.meter_id, telegram.learned)
        again = [leftover.row for leftover in first if leftover.telegram.outcome == "unknown_format"]
        second = Single(self.ring, self.formats, ids).decode_all(np.array(again, np.int64), self.frames, self.ledger)
        retried = {leftover.row: leftover for leftover in second}
        found = [retried.get(leftover.row, leftover) for leftover in first]
        self.leftovers += found
        note_leftovers(found, self.ledger)
        for telegram in (leftover.telegram for leftover in found):
            if telegram.layout_id is not None and telegram.address is not None:
                address = telegram.address
                device = (address.manufacturer, f"{address.version:02x}", f"{address.device_type:02x}")
                self.plans.setdefault(telegram.layout_id, plan(*device, telegram.records))

    def _outcomes(self) -> pl.DataFrame:
        ledger = self.ledger
        return pl.DataFrame(
            {
                "row": np.arange(ledger.count),
                "outcome": ledger.column("outcome"),
                "reason": ledger.column("reason"),
                "meter_id": ledger.meter_ids(),
                "access_no": ledger.access_numbers(),
                "telegram_key": ledger.telegram_keys(),
                "signature": ledger.column("signature"),
                "link": ledger.column("link"),
                "security": ledger.column("security"),
                "layout_id": ledger.column("layout_id"),
            },
            schema=OUTCOME_SCHEMA,
        )

    def _readings(self) -> pl.DataFrame:
        return pl.concat([READING_SCHEMA.to_frame(), *self.tables.readings])

    def _records(self) -> pl.DataFrame:
        cells = pl.concat([CELL_SCHEMA.to_frame(), *self.tables.cells])
        kinds = pl.DataFrame(self.tables.kinds, schema=KIND_SCHEMA, orient="row")
        return cells.drop("kind").hstack(kinds[cells["kind"]])
