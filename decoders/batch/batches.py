"""The interface of the batch decoder."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from decoders.batch.assemble import CELL_SCHEMA, KIND_COLUMNS, KIND_SCHEMA, READING_COLUMNS, READING_SCHEMA
from decoders.batch.chunk import OUTCOME_SCHEMA, Chunk, ChunkDecoder, Registered
from decoders.batch.keys import KeyRing, key_ring
from decoders.batch.meters import codes_of_ids, ids_of_codes
from decoders.canonical import Plan
from decoders.compact import FormatBook
from warehouse.schemas import FORMATS, LAYOUTS, RECORDS

CHUNK = 250_000
"""Frames decoded at a time; bounds the memory."""

_OUTCOME_COLUMNS = (
    *("frame_id", "outcome", "reason", "meter_id", "access_no", "telegram_key", "signature"),
    *("link", "security", "layout_id"),
)
_READING_COLUMNS = ("frame_id", "meter_id", "telegram_key", *READING_COLUMNS)
_OWN_COLUMNS = ("frame_id", "meter_id", "value", "value_text", "raw_value", "data_hex")
_RECORD_COLUMNS = tuple(name for name in RECORDS.schema if name in (*KIND_COLUMNS, *_OWN_COLUMNS))
_LAYOUT_COLUMNS = ("layout_id", "register", "resolution_numerator", "resolution_denominator", "digits")
_FORMAT_COLUMNS = ("signature", "meter_id", "format_hex")
_PROVEN_SUFFIX = ", though the key has verified other frames"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch of frames says.

    Attributes:
        outcomes: One row per frame, in input order: frame_id, outcome, reason, meter_id, access_no, telegram_key,
            signature (hex, of compact frames), link, security, layout_id.
        readings: One row per frame with at least one canonical column: frame_id, meter_id, telegram_key, layout_id,
            device_time (the meter's local time), the registers in base units, info_code, info_code_kind, flags.
        records: One row per data record that no column tells: the columns of ``records`` that come from the frame.
        layouts: Resolution and digits of the cumulative registers of the layouts seen.
        formats: Compact formats learned: signature, meter_id of one meter of the kind, format_hex.
        verified: meter_id and key_no of keys that verified a frame of this batch.
        failed: meter_id and key_no of keys that failed and have never verified a frame.

    The order of readings and records is that of layouts, not of the input.
    """

    outcomes: pl.DataFrame
    readings: pl.DataFrame
    records: pl.DataFrame
    layouts: pl.DataFrame
    formats: pl.DataFrame
    verified: pl.DataFrame
    failed: pl.DataFrame


def decode_batch(
    frames: pl.DataFrame, keys: pl.DataFrame, formats: FormatBook, registered: pl.Series | None = None
) -> Decoded:
    """Decodes frames.

    Args:
        frames: ``frame_id`` and ``frame`` (binary; null counts as empty); other columns are ignored.
        keys: ``meter_id``, ``key_no``, ``key`` (16 bytes) and ``verified``; keys of a meter are tried in their order.
        formats: Formats of compact frames.
        registered: Meter ids that are registered; ``None`` takes every meter.

    Returns:
        One outcome per frame, whatever the bytes are, and what the frames say. Full frames teach formats to the compact
        frames of the whole batch, and a key that verifies any frame of it counts as proven for all.
    """
    ring = key_ring(keys)
    meters = None
    if registered is not None:
        codes, known = codes_of_ids(registered)
        meters = Registered(np.unique(codes[known]), frozenset(registered.to_list()))
    chunks: list[Chunk] = []
    for start in range(0, frames.height, CHUNK):
        chunk = ChunkDecoder(frames["frame"].slice(start, CHUNK), ring, formats, meters).run()
        formats = chunk.formats
        chunks.append(chunk.moved(np.arange(start, start + len(chunk.outcomes))))
    chunks += _second_look(chunks, frames["frame"], ring, formats, meters)
    chunks += _without_crc(chunks, frames["frame"], ring, formats, meters)
    return _decoded(frames["frame_id"].cast(pl.String), chunks, ring)


def _second_look(
    chunks: list[Chunk], frames: pl.Series, ring: KeyRing, formats: FormatBook, meters: Registered | None
) -> list[Chunk]:
    """Compact frames whose format only a later chunk taught."""
    if len(chunks) < 2:
        return []
    taught = [f"{signature:04X}" for chunk in chunks[1:] for signature, _, _ in chunk.learned]
    unknown = pl.col("outcome") == "unknown_format"
    waiting = pl.concat(chunk.outcomes.filter(unknown & pl.col("signature").is_in(taught)) for chunk in chunks[:-1])
    if waiting.is_empty():
        return []
    rows = waiting["row"].to_numpy()
    return [
        ChunkDecoder(frames.gather(rows[start : start + CHUNK]), ring, formats, meters).run().moved(rows[start:])
        for start in range(0, len(rows), CHUNK)
    ]


def _without_crc(
    chunks: list[Chunk], frames: pl.Series, ring: KeyRing, formats: FormatBook, meters: Registered | None
) -> list[Chunk]:
    """Frames that passed for format B and failed further in: the scalar decoder reads them again without CRCs."""
    if not chunks:
        return []
    failed = (pl.col("link") == "B") & pl.col("outcome").is_in(["corrupt", "wrong_key"])
    doubtful = _rejudged(pl.concat(chunk.outcomes.filter(failed) for chunk in chunks), ring)
    doubtful = doubtful.filter(pl.col("outcome") == "corrupt")
    if doubtful.is_empty():
        return []
    rows = doubtful["row"].to_numpy()
    return [ChunkDecoder(frames.gather(rows), ring, formats, meters).run(one_by_one=True).moved(rows)]


def _decoded(frame_ids: pl.Series, chunks: list[Chunk], ring: KeyRing) -> Decoded:
    outcomes = pl.concat([OUTCOME_SCHEMA.to_frame(), *(chunk.outcomes for chunk in chunks)])
    if len(outcomes) > len(frame_ids):
        outcomes = outcomes.unique("row", keep="last", maintain_order=True).sort("row")
    outcomes = _rejudged(outcomes, ring).with_columns(frame_ids.alias("frame_id"))
    readings = _identified(pl.concat([READING_SCHEMA.to_frame(), *(chunk.readings for chunk in chunks)]), outcomes)
    empty = CELL_SCHEMA.to_frame().drop("kind").hstack(KIND_SCHEMA.to_frame())
    records = _identified(pl.concat([empty, *(chunk.records for chunk in chunks)]), outcomes)
    plans = {layout_id: plan for chunk in chunks for layout_id, plan in chunk.plans.items()}
    learned = [
        (f"{signature:04X}", meter_id, code.hex()) for chunk in chunks for signature, meter_id, code in chunk.learned
    ]
    return Decoded(
        outcomes=outcomes.select(_OUTCOME_COLUMNS),
        readings=readings.select(_READING_COLUMNS),
        records=records.select(_RECORD_COLUMNS),
        layouts=_layouts(plans),
        formats=pl.DataFrame(learned, schema={name: FORMATS.schema[name] for name in _FORMAT_COLUMNS}, orient="row"),
        verified=ring.named(ring.worked),
        failed=ring.named(ring.failed & ~ring.proven),
    )


def _rejudged(outcomes: pl.DataFrame, ring: KeyRing) -> pl.DataFrame:
    """Failures of keys that verified other frames, whatever the order: those frames are damaged."""
    wrong = pl.col("outcome") == "wrong_key"
    if outcomes.filter(wrong).is_empty():
        return outcomes
    damaged = wrong & pl.col("meter_id").is_in(ids_of_codes(ring.trusted()).implode())
    return outcomes.with_columns(
        outcome=pl.when(damaged).then(pl.lit("corrupt")).otherwise("outcome"),
        reason=pl.when(damaged).then(pl.col("reason") + _PROVEN_SUFFIX).otherwise("reason"),
    )


def _identified(rows: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    return rows.hstack(outcomes.select("frame_id", "meter_id", "telegram_key")[rows["row"]])


def _layouts(plans: dict[str, Plan]) -> pl.DataFrame:
    """Resolutions beyond 64 bits are left out: no register counts in such steps."""
    rows = [
        (layout_id, item.name, item.numerator, item.denominator, item.digits)
        for layout_id, plan in plans.items()
        for item in plan.resolutions
        if max(abs(item.numerator), item.denominator) < 2**63
    ]
    return pl.DataFrame(rows, schema={name: LAYOUTS.schema[name] for name in _LAYOUT_COLUMNS}, orient="row")
