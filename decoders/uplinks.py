"""LoRaWAN uplinks as frames: behind the header of their meter, the batch decoder reads them like any other."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl

from decoders.batch.meters import codes_of_ids
from decoders.batch.texts import hex_column
from decoders.tables.elvaco import METER_UNREACHABLE, RECORDS, TEXTS

_FULL_CI = (0x72, 0x78, 0x7A)
_HEAD = 10
_LONGEST = 255 - _HEAD


class Framed(NamedTuple):
    """Uplinks of a batch.

    Attributes:
        frames: ``frame_id`` and ``frame``: those that carry data records, as wireless frames without CRCs.
        settled: ``frame_id``, ``meter_id``, ``outcome``, ``reason``, ``security`` of the others.
    """

    frames: pl.DataFrame
    settled: pl.DataFrame


def framed(uplinks: pl.DataFrame) -> Framed:
    """Puts the link header of their meter before uplinks.

    Args:
        uplinks: ``frame_id``, ``frame`` (the payload, at least one byte) and ``meter_id`` (null where the device is not
            known).

    Returns:
        The uplinks, each once.
    """
    first = pl.col("frame").bin.slice(0, 1)
    outcome = (
        pl.when(pl.col("meter_id").is_null())
        .then(_settled("foreign", "the device EUI is not registered"))
        .when(first.is_in(_bytes([METER_UNREACHABLE])))
        .then(_settled("application_error", "the module could not read its meter"))
        .when(first.is_in(_bytes(TEXTS)))
        .then(_settled("unsupported", "a LoRaWAN message of text"))
        .when(~first.is_in(_bytes([*_FULL_CI, *RECORDS])))
        .then(_settled("unsupported", "a LoRaWAN message that is not known"))
        .when(pl.col("frame").bin.size("b") > _LONGEST)
        .then(_settled("corrupt", "longer than an uplink can be"))
        .alias("settled")
    )
    judged = uplinks.with_columns(outcome)
    return Framed(
        _frames(judged.filter(pl.col("settled").is_null())),
        judged.filter(pl.col("settled").is_not_null())
        .select("frame_id", "meter_id", "settled", security=pl.lit("none"))
        .unnest("settled"),
    )


def _settled(outcome: str, reason: str) -> pl.Expr:
    return pl.struct(outcome=pl.lit(outcome), reason=pl.lit(reason))


def _bytes(codes: Iterable[int]) -> pl.Series:
    return pl.Series([bytes([code]) for code in sorted(codes)], dtype=pl.Binary).implode()


def _frames(uplinks: pl.DataFrame) -> pl.DataFrame:
    """An Elvaco message byte gives way to the CI field of a full frame without header."""
    has_ci = pl.col("frame").bin.slice(0, 1).is_in(_bytes(_FULL_CI))
    body = pl.when(has_ci).then(pl.col("frame").bin.encode("hex")).otherwise(
        pl.lit("78") + pl.col("frame").bin.slice(1).bin.encode("hex")
    )  # fmt: skip
    codes, _ = codes_of_ids(uplinks["meter_id"])
    address = np.ascontiguousarray(codes.astype("<u8")).view(np.uint8).reshape(-1, 8)
    texts = uplinks.select("frame_id", body=body).with_columns(address=hex_column(address))
    sizes = (texts["body"].str.len_bytes().to_numpy() // 2 + _HEAD - 1).astype(np.uint8)
    head = pl.concat_str(hex_column(sizes[:, None]), pl.lit("44"), "address", "body")
    return texts.select("frame_id", frame=head.str.decode("hex"))
