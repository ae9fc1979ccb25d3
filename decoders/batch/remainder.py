"""Frames that the column way leaves: damaged, rare or doubtful ones, decoded one at a time by the scalar decoder."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from decoders.batch.assemble import CELL_SCHEMA, READING_SCHEMA, Tables
from decoders.batch.keys import KeyRing
from decoders.batch.meters import codes_of_ids
from decoders.batch.values import cells_of
from decoders.canonical import plan
from decoders.compact import FormatBook
from decoders.scalar import Key, Telegram, decode_telegram


@dataclass(frozen=True, slots=True)
class Leftover:
    """One frame and what the scalar decoder says of it."""

    row: int
    telegram: Telegram


def decode_remainder(
    rows: Iterable[int], frames: pl.Series, ring: KeyRing, formats: FormatBook, registered: Collection[str] | None
) -> list[Leftover]:
    """Decodes frames one at a time.

    Args:
        rows: Their positions.
        frames: All frames of the batch; null counts as empty.
        ring: Keys; how they fare is noted.
        formats: Formats of compact frames.
        registered: Meters that are registered.

    Returns:
        One telegram per frame, in order.
    """
    places = list(rows)
    return [
        Leftover(row, _decode(frame or b"", ring, formats, registered))
        for row, frame in zip(places, frames.gather(places).to_list(), strict=True)
    ]


def _decode(frame: bytes, ring: KeyRing, formats: FormatBook, registered: Collection[str] | None) -> Telegram:
    bare = decode_telegram(frame, (), formats, registered)
    if bare.meter_id is None or bare.security == "none":
        return bare
    codes, _ = codes_of_ids(pl.Series([bare.meter_id]))
    first, count = (int(found[0]) for found in ring.spans(codes))
    if not count:
        return bare
    keys = [Key(ring.secrets[place], bool(ring.proven[place])) for place in range(first, first + count)]
    telegram = decode_telegram(frame, keys, formats, registered)
    if telegram.verified_key is not None:
        proven = first + telegram.verified_key
        ring.worked[proven] = ring.proven[proven] = True
        ring.failed[first:proven] = True
    elif telegram.outcome in ("wrong_key", "corrupt") and telegram.security in ("ell_ctr", "mode5", "mode7"):
        ring.failed[first : first + count] = True
    return telegram


def add_leftovers(leftovers: list[Leftover], tables: Tables) -> None:
    """Adds the readings and records of leftovers to the tables."""
    readings: list[dict[str, Any]] = []
    cells: list[tuple[object, ...]] = []
    for leftover in leftovers:
        telegram = leftover.telegram
        if telegram.address is None or not telegram.records:
            continue
        address = telegram.address
        device = (address.manufacturer, f"{address.version:02x}", f"{address.device_type:02x}")
        used = plan(*device, telegram.records).used()
        if telegram.fields:
            readings.append({"row": leftover.row, "layout_id": telegram.layout_id, **telegram.fields})
        for number, record in enumerate(telegram.records):
            if number not in used:
                raw, value, text = cells_of(record)
                cells.append((leftover.row, tables.kind(number, record), value, text, raw, record.data.hex()))
    if readings:
        schema = pl.Schema({**READING_SCHEMA, "device_time": pl.String})
        frame = pl.DataFrame(readings, schema=schema)
        minutes = pl.col("device_time").str.len_chars() == len("2026-01-31T10:00")
        seconds = pl.when(minutes).then(pl.col("device_time") + ":00").otherwise(pl.col("device_time"))
        frame = frame.with_columns(seconds.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").alias("device_time"))
        tables.readings.append(frame)
    if cells:
        tables.cells.append(pl.DataFrame(cells, schema=CELL_SCHEMA, orient="row"))


def outcomes_of(leftovers: list[Leftover]) -> pl.DataFrame:
    """Outcome columns of leftovers, with ``row``."""
    return pl.DataFrame(
        [
            (
                *(leftover.row, telegram.outcome, telegram.reason, telegram.meter_id, telegram.access_no),
                *(telegram.telegram_key, _hex(telegram.signature), telegram.link or None, telegram.security),
                telegram.layout_id,
            )
            for leftover in leftovers
            for telegram in (leftover.telegram,)
        ],
        schema=OUTCOME_SCHEMA,
        orient="row",
    )


OUTCOME_SCHEMA = pl.Schema(
    {
        "row": pl.Int64,
        "outcome": pl.String,
        "reason": pl.String,
        "meter_id": pl.String,
        "access_no": pl.Int32,
        "telegram_key": pl.String,
        "signature": pl.String,
        "link": pl.String,
        "security": pl.String,
        "layout_id": pl.String,
    }
)


def _hex(signature: int | None) -> str | None:
    return None if signature is None else f"{signature:04X}"
