"""Frames that the column way leaves: damaged, rare or doubtful ones, decoded one at a time by the scalar decoder."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from decoders.batch.assemble import CELL_SCHEMA, KIND_SCHEMA, READING_SCHEMA, kind_of
from decoders.batch.columns import ByteColumn, Rows
from decoders.batch.keys import KeyRing
from decoders.batch.ledger import Ledger
from decoders.batch.meters import codes_of_address, codes_of_ids, ids_of_codes
from decoders.batch.values import cells_of
from decoders.canonical import plan
from decoders.compact import FormatBook
from decoders.fragments import Message
from decoders.scalar import Key, Telegram, decode_telegram, of_message


@dataclass(frozen=True, slots=True)
class Leftover:
    """One frame and what the scalar decoder says of it."""

    row: int
    telegram: Telegram


@dataclass(frozen=True, slots=True)
class Single:
    """What the scalar decoder needs besides a frame.

    Attributes:
        ring: Keys; how they fare is noted.
        formats: Formats of compact frames.
        registered: Meters that are registered; ``None`` takes every meter.
    """

    ring: KeyRing
    formats: FormatBook
    registered: Collection[str] | None

    def decode_all(self, rows: Rows, frames: ByteColumn, ledger: Ledger) -> list[Leftover]:
        """Decodes the frames at some positions, in order."""
        outer = ids_of_codes(ledger.codes[rows]).to_list()
        named = ledger.named[rows].tolist()
        return [
            Leftover(row, self._decode(row, frames[row], meter_id if is_named else None))
            for row, meter_id, is_named in zip(rows.tolist(), outer, named, strict=True)
        ]

    def decode_message(self, message: Message) -> list[Leftover]:
        """Decodes the fragments of a message, at the positions of their frames."""
        telegrams: dict[int, Telegram] = {}

        def read(keys: Sequence[Key]) -> Telegram:
            telegrams.update(of_message(message, keys, self.formats, self.registered))
            return telegrams[message.places[0]]

        self._with_keys(read, message.places[0], None)
        return [Leftover(row, telegram) for row, telegram in telegrams.items()]

    def _decode(self, row: int, frame: bytes, outer: str | None) -> Telegram:
        return self._with_keys(lambda keys: decode_telegram(frame, keys, self.formats, self.registered), row, outer)

    def _with_keys(self, read: Callable[[Sequence[Key]], Telegram], row: int, outer: str | None) -> Telegram:
        """Reads with the keys of the meter that the unencrypted header names, then of the one inside.

        Ciphertext that passes the checksum by chance looks like a logged plain telegram of a meter that is not there.
        """
        bare = read(())
        if bare.security == "none":
            return bare
        meters = dict.fromkeys(meter for meter in (outer, bare.meter_id) if meter is not None)
        codes, _ = codes_of_ids(pl.Series(list(meters), dtype=pl.String))
        first, count = self.ring.spans(codes, np.full(len(codes), row))
        places = [
            place
            for start, size in zip(first, count, strict=True)
            for place in self.ring.order[start : start + size].tolist()
        ]
        if not places:
            return bare
        telegram = read([Key(self.ring.secrets[place].tobytes(), bool(self.ring.proven[place])) for place in places])
        self._mark(telegram, places)
        return telegram

    def _mark(self, telegram: Telegram, places: list[int]) -> None:
        if telegram.verified_key is not None:
            self.ring.worked[places[telegram.verified_key]] = True
            self.ring.proven[places[telegram.verified_key]] = True
            self.ring.failed[places[: telegram.verified_key]] = True
        elif telegram.outcome in ("wrong_key", "corrupt"):
            self.ring.failed[places] = True


def leftover_readings(leftovers: Iterable[Leftover]) -> tuple[Rows, pl.DataFrame]:
    """Frames and columns of the readings of leftovers."""
    found = [
        {"row": leftover.row, "layout_id": leftover.telegram.layout_id, **leftover.telegram.fields}
        for leftover in leftovers
        if leftover.telegram.fields
    ]
    frame = pl.DataFrame(found, schema={"row": pl.Int64(), **READING_SCHEMA, "device_time": pl.String()})
    minutes = pl.col("device_time").str.len_chars() == len("2026-01-31T10:00")
    seconds = pl.when(minutes).then(pl.col("device_time") + ":00").otherwise(pl.col("device_time"))
    frame = frame.with_columns(seconds.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").alias("device_time"))
    return frame["row"].to_numpy(), frame.drop("row")


def leftover_records(leftovers: Iterable[Leftover]) -> tuple[Rows, pl.DataFrame]:
    """Frames and columns of the records of leftovers that no column of their readings tells."""
    found: list[tuple[object, ...]] = []
    for leftover in leftovers:
        telegram = leftover.telegram
        if telegram.address is None or not telegram.records:
            continue
        address = telegram.address
        used = plan(*address.device, telegram.records).used()
        for number, record in enumerate(telegram.records):
            if number not in used:
                raw, value, text = cells_of(record)
                found.append((leftover.row, value, text, raw, record.data.hex(), *kind_of(number, record)))
    columns = {name: dtype for name, dtype in CELL_SCHEMA.items() if name != "kind"}
    frame = pl.DataFrame(found, schema={"row": pl.Int64(), **columns, **KIND_SCHEMA}, orient="row")
    return frame["row"].to_numpy(), frame.drop("row")


def note_leftovers(leftovers: list[Leftover], ledger: Ledger) -> None:
    """Writes the outcomes of leftovers into the ledger."""
    for leftover in leftovers:
        telegram, row = leftover.telegram, np.array([leftover.row])
        ledger.note(
            row,
            outcome=telegram.outcome,
            reason=telegram.reason,
            signature=None if telegram.signature is None else f"{telegram.signature:04X}",
            link=telegram.link or None,
            security=telegram.security,
            layout_id=telegram.layout_id,
        )
        ledger.named[row] = telegram.address is not None
        if telegram.address is not None:
            ledger.codes[row] = codes_of_address(np.frombuffer(telegram.address.link_bytes, np.uint8)[None])
        ledger.access[row] = -1 if telegram.access_no is None else telegram.access_no
        ledger.status[row] = -1 if telegram.status is None else telegram.status
        if telegram.telegram_key is not None:
            ledger.identify(row, np.frombuffer(bytes.fromhex(telegram.telegram_key), np.uint8)[None])
