"""The interface of the batch decoder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from decoders.batch.assemble import CELL_COLUMNS, KIND_COLUMNS, READING_COLUMNS
from decoders.batch.columns import ByteColumn, Rows
from decoders.batch.decoder import BatchDecoder, Registered
from decoders.batch.keys import key_ring
from decoders.batch.meters import CodeIndex, codes_of_ids
from decoders.canonical import Plan
from decoders.compact import FormatBook
from warehouse.schemas import FORMATS, LAYOUTS, RECORDS

CHUNK = 1_000_000
"""Frames decoded at a time; bounds the memory of what is between frames and tables."""

_RECORD_COLUMNS = tuple(name for name in RECORDS.schema if name in (*KIND_COLUMNS, *CELL_COLUMNS))
_LAYOUT_COLUMNS = ("layout_id", "register", "resolution_numerator", "resolution_denominator", "digits")
_FORMAT_COLUMNS = ("signature", "meter_id", "format_hex")
_PROVEN_SUFFIX = ", though the key has verified other frames"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch of frames says.

    Attributes:
        outcomes: One row per frame, in input order: frame_id, outcome, reason, meter_id, access_no, telegram_key,
            signature (hex, of compact frames), link, security, layout_id, status (byte of the transport layer).
        readings: One row per frame with at least one canonical column: frame_no, layout_id, device_time (the meter's
            local time), the registers in base units, info_code, info_code_kind, flags.
        records: One row per data record that no column tells: frame_no and the columns of ``records`` that come from
            the record.
        layouts: Resolution and digits of the cumulative registers of the layouts seen.
        formats: Compact formats learned: signature, meter_id of one meter of the kind, format_hex.
        verified: meter_id and key_no of keys that verified a frame of this batch.
        failed: meter_id and key_no of keys that failed and have never verified a frame.

    ``frame_no`` is the position of the frame in ``outcomes``, where :meth:`with_frames` looks up more. The order of
    readings and records is that of layouts, not of the input. Texts that many rows share are Categorical.
    """

    outcomes: pl.DataFrame
    readings: pl.DataFrame
    records: pl.DataFrame
    layouts: pl.DataFrame
    formats: pl.DataFrame
    verified: pl.DataFrame
    failed: pl.DataFrame

    def with_frames(self, table: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """``readings`` or ``records`` with columns of ``outcomes``, such as ``frame_id``, before the others."""
        return self.outcomes.select(columns)[table["frame_no"]].hstack(table.drop("frame_no"))


def decode_batch(
    frames: pl.DataFrame, keys: pl.DataFrame, formats: FormatBook, registered: pl.Series | None = None
) -> Decoded:
    """Decodes frames.

    Args:
        frames: ``frame_id`` and ``frame`` (binary; null counts as empty), and maybe ``received_at``; other columns are
            ignored.
        keys: ``meter_id``, ``key_no``, ``key`` (16 bytes) and ``verified``; keys of a meter are tried in their order.
            With ``valid_from`` and ``valid_to`` (half open, null: no bound) a key is tried for frames received in
            between alone, if ``received_at`` tells.
        formats: Formats of compact frames.
        registered: Meter ids that are registered; ``None`` takes every meter.

    Returns:
        One outcome per frame, whatever the bytes are, and what the frames say. Full frames teach formats to the compact
        frames of the whole batch, and a key that verifies any frame of it counts as proven for all.
    """
    meters = None
    if registered is not None:
        codes, known = codes_of_ids(registered)
        meters = Registered(CodeIndex(np.unique(codes[known])), frozenset(registered.to_list()))
    column = ByteColumn(frames["frame"])
    received_at = frames["received_at"] if "received_at" in frames.columns else None
    decoder = BatchDecoder(column, key_ring(keys, received_at), formats, meters)
    for start in range(0, len(column), CHUNK):
        decoder.run(np.arange(start, min(start + CHUNK, len(column))))
    if len(column) > CHUNK:
        _second_look(decoder)
    _without_crc(decoder)
    decoder.join_fragments()
    _rejudge(decoder)
    return _decoded(frames["frame_id"].cast(pl.String), decoder)


def _second_look(decoder: BatchDecoder) -> None:
    """Compact frames whose format only a later portion may have taught."""
    taught = [f"{signature:04X}" for signature, _, _ in decoder.learned]
    ledger = decoder.ledger
    waiting = ledger.where("outcome", "unknown_format")
    waiting = ledger.where("signature", *taught, among=waiting)
    for start in range(0, len(waiting), CHUNK):
        rows = waiting[start : start + CHUNK]
        ledger.reopen(rows)
        decoder.run(rows)


def _without_crc(decoder: BatchDecoder) -> None:
    """Frames that passed for format B and failed further in: the scalar decoder reads them again without CRCs."""
    ledger = decoder.ledger
    failed = np.union1d(ledger.where("outcome", "corrupt"), _damaged(decoder))
    rows = ledger.where("link", "B", among=failed)
    ledger.reopen(rows)
    decoder.run_one_by_one(rows)


def _damaged(decoder: BatchDecoder) -> Rows:
    """Failures of keys that verified other frames, whatever the order."""
    ledger = decoder.ledger
    wrong = ledger.where("outcome", "wrong_key")
    return wrong[decoder.ring.trusts(ledger.codes[wrong], wrong)] if len(wrong) else wrong


def _rejudge(decoder: BatchDecoder) -> None:
    """Where a key is proven, a frame on which it fails is damaged."""
    ledger, rows = decoder.ledger, _damaged(decoder)
    ledger.note(rows, outcome="corrupt")
    ledger.replace(rows, "reason", lambda reason: reason + _PROVEN_SUFFIX)


def _decoded(frame_ids: pl.Series, decoder: BatchDecoder) -> Decoded:
    verified, failed = decoder.take_key_results()
    outcomes = decoder.take_outcomes().insert_column(0, frame_ids.alias("frame_id"))
    learned = [(f"{signature:04X}", meter_id, code.hex()) for signature, meter_id, code in decoder.learned]
    return Decoded(
        outcomes=outcomes,
        readings=_numbered(decoder.take_readings(), READING_COLUMNS),
        records=_numbered(decoder.take_records(), _RECORD_COLUMNS),
        layouts=_layouts(decoder.plans),
        formats=_table(learned, {name: FORMATS.schema[name] for name in _FORMAT_COLUMNS}),
        verified=verified,
        failed=failed,
    )


def _numbered(tables: Iterable[tuple[Rows, pl.DataFrame]], columns: tuple[str, ...]) -> pl.DataFrame:
    """The tables, one below the other, with the frame of each row."""
    found = [
        table[list(columns)].insert_column(0, pl.Series("frame_no", rows, pl.Int64).cast(pl.UInt32))
        for rows, table in tables
    ]
    return pl.concat(found) if len(found) > 1 else found[0]


def _layouts(plans: dict[str, Plan]) -> pl.DataFrame:
    """Resolutions beyond 64 bits are left out: no register counts in such steps."""
    rows = [
        (layout_id, item.name, item.numerator, item.denominator, item.digits)
        for layout_id, plan in plans.items()
        for item in plan.resolutions
        if max(abs(item.numerator), item.denominator) < 2**63
    ]
    return _table(rows, {name: LAYOUTS.schema[name] for name in _LAYOUT_COLUMNS})


def _table(rows: Sequence[tuple[object, ...]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    # Column by column: a tenth of the time that Polars takes for rows.
    return pl.DataFrame([pl.Series(name, [row[at] for row in rows], schema[name]) for at, name in enumerate(schema)])
