"""Device files in the batch decoder: all samples at once, and a reading that no 64 bits hold."""

from datetime import datetime
from decimal import Decimal

import polars as pl

from decoders.batch import Decoded, decode_batch
from decoders.compact import KNOWN
from decoders.families import families
from decoders.scalar import decode_telegram

KEYS = {"meter_id": pl.String, "key_no": pl.Int32, "key": pl.Binary, "verified": pl.Boolean}
IDENTITY = ("frame_no", "layout_id")


def decode(frames: list[bytes], keys: list[tuple[str, int, bytes, bool]]) -> Decoded:
    table = pl.DataFrame({"frame_id": [str(number) for number in range(len(frames))], "frame": frames})
    return decode_batch(table, pl.DataFrame(keys, schema=KEYS, orient="row"), KNOWN)


def test_all_samples_in_one_batch_give_what_the_files_say() -> None:
    # A key belongs to one meter; where two samples are of one meter, the other tests have the second.
    samples = {}
    for sample in (sample for family in families() for sample in family.samples if sample.outcome == "decoded"):
        meter_id = decode_telegram(sample.telegram, transport=sample.transport).meter_id
        samples.setdefault(meter_id, sample)
    keys = [(str(meter_id), 0, sample.key, False) for meter_id, sample in samples.items() if sample.key is not None]
    decoded = decode([sample.telegram for sample in samples.values()], keys)
    assert decoded.outcomes["outcome"].unique().to_list() == ["decoded"]
    readings = {row["frame_no"]: row for row in decoded.readings.to_dicts()}
    assert len(samples) > 140
    for number, sample in enumerate(samples.values()):
        row = readings.get(number, {})
        found = {name: value for name, value in row.items() if value is not None and name not in IDENTITY}
        expected = {
            name: Decimal(value)
            if isinstance(found.get(name), Decimal)
            else datetime.fromisoformat(value)
            if name == "device_time"
            else value
            for name, value in sample.fields.items()
        }
        assert found == expected, sample


def test_a_register_beyond_64_bits_beside_a_device_time() -> None:
    area = bytes.fromhex("0783FF09FFFFFFFFFFFFFF7F" + "046D2A0E5331")
    body = b"\x44" + bytes.fromhex("A34C341200001302") + b"\x7a\x01\x00\x00\x00" + area
    frame = bytes([len(body)]) + body
    scalar = decode_telegram(frame)
    decoded = decode([frame], [])
    assert decoded.outcomes["outcome"].to_list() == [scalar.outcome] == ["decoded"]
    assert decoded.readings["flags"].to_list() == [scalar.fields.get("flags")]
