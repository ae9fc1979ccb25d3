"""LoRaWAN uplinks decoded with the batch of radio frames."""

from decimal import Decimal

import polars as pl
import pytest

from decoders.batch import decode_batch
from decoders.compact import KNOWN
from decoders.outcomes import Outcome
from decoders.uplinks import framed

METER = "KAM-87654321-34-04"
STANDARD = "15 0406E8030000 041410270000 02590A1E"


def uplinks(*payloads: str, meter_id: str | None = METER) -> pl.DataFrame:
    rows = [(f"u-{number}", bytes.fromhex(payload), meter_id) for number, payload in enumerate(payloads)]
    schema = {"frame_id": pl.String, "frame": pl.Binary, "meter_id": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_uplinks_are_read_like_frames_of_their_meter() -> None:
    payloads = (
        STANDARD,
        "780406E8030000",
        "7A2A0000000406E8030000",
        "72" + "21436587" + "2D2C" + "3404" + "2A0000000406E8030000",
    )
    parts = framed(uplinks(*payloads))
    assert parts.settled.is_empty()
    keys = pl.DataFrame(schema={"meter_id": pl.String, "key_no": pl.Int32, "key": pl.Binary, "verified": pl.Boolean})
    decoded = decode_batch(parts.frames, keys, KNOWN, pl.Series([METER]))
    assert decoded.outcomes.select("outcome", "meter_id").rows() == [("decoded", METER)] * 4
    assert decoded.readings["energy_kwh"].to_list() == [Decimal(1000)] * 4


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        ("0E00", "application_error"),
        ("027B7D", "unsupported"),
        ("A1", "unsupported"),
        ("15" + "2F" * 245, "corrupt"),
    ],
)
def test_uplinks_without_records_are_settled(payload: str, outcome: Outcome) -> None:
    parts = framed(uplinks(payload, STANDARD))
    assert parts.frames["frame_id"].to_list() == ["u-1"]
    assert parts.settled.select("frame_id", "meter_id", "outcome").rows() == [("u-0", METER, outcome)]
    assert all(parts.settled["reason"])


def test_uplinks_of_strangers_are_foreign() -> None:
    parts = framed(uplinks(STANDARD, "0E", meter_id=None))
    assert parts.frames.is_empty()
    assert parts.settled["outcome"].to_list() == ["foreign"] * 2
    assert framed(uplinks()).frames.is_empty()
