"""LoRaWAN uplinks as frames: behind the header of their meter, the batch decoder reads them like any other."""

from typing import NamedTuple

import numpy as np
import polars as pl

from decoders.batch.meters import codes_of_ids
from decoders.batch.texts import hex_column
from decoders.link import CI_AT
from decoders.lorawan import FULL_CI, verdict
from decoders.outcomes import Outcome

_LONGEST = 255 - CI_AT


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
    outcome = (
        pl.when(pl.col("meter_id").is_null())
        .then(_settled("foreign", "the device EUI is not registered"))
        .when(pl.col("verdict").is_not_null())
        .then("verdict")
        .when(pl.col("frame").bin.size("b") > _LONGEST)
        .then(_settled("corrupt", "longer than an uplink can be"))
        .alias("settled")
    )
    first = pl.col("frame").bin.slice(0, 1)
    judged = uplinks.join(_VERDICTS, left_on=first, right_on="first", how="left", maintain_order="left")
    judged = judged.with_columns(outcome)
    return Framed(
        _frames(judged.filter(pl.col("settled").is_null())),
        judged.filter(pl.col("settled").is_not_null())
        .select("frame_id", "meter_id", "settled", security=pl.lit("none"))
        .unnest("settled"),
    )


def _settled(outcome: Outcome, reason: str) -> pl.Expr:
    return pl.struct(outcome=pl.lit(outcome), reason=pl.lit(reason))


_VERDICTS = pl.DataFrame(
    [
        (bytes([first]), {"outcome": settled[0], "reason": settled[1]})
        for first in range(256)
        if (settled := verdict(first)) is not None
    ],
    schema={"first": pl.Binary, "verdict": pl.Struct({"outcome": pl.String, "reason": pl.String})},
    orient="row",
)
"""What first bytes settle."""


def _frames(uplinks: pl.DataFrame) -> pl.DataFrame:
    """An Elvaco message byte gives way to the CI field of a full frame without header."""
    has_ci = pl.col("frame").bin.slice(0, 1).is_in([bytes([ci]) for ci in FULL_CI])
    body = pl.when(has_ci).then(pl.col("frame").bin.encode("hex")).otherwise(
        pl.lit("78") + pl.col("frame").bin.slice(1).bin.encode("hex")
    )  # fmt: skip
    codes, _ = codes_of_ids(uplinks["meter_id"])
    address = np.ascontiguousarray(codes.astype("<u8")).view(np.uint8).reshape(-1, 8)
    texts = uplinks.select("frame_id", body=body).with_columns(address=hex_column(address))
    sizes = (texts["body"].str.len_bytes().to_numpy() // 2 + CI_AT - 1).astype(np.uint8)
    head = pl.concat_str(hex_column(sizes[:, None]), pl.lit("44"), "address", "body")
    return texts.select("frame_id", frame=head.str.decode("hex"))
