"""The interface: learning, proving and judging across a batch, and its chunks."""

import os
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from decoders.batch import Decoded, batches, decode_batch
from decoders.compact import KNOWN
from decoders.crc import crc16
from decoders.scalar import decode_telegram
from warehouse.schemas import INSTANT, READINGS, RECORDS

ADDRESS = bytes.fromhex("2d2c785634121b16")
METER = "KAM-12345678-1b-16"
HEADERS = (b"\x02\xff\x20", b"\x04\x13", b"\x84\x01\x13")  # a format that no list of known ones has
DATA = (b"\x00\x00", b"\x15\xcd\x5b\x07", b"\x01\x00\x00\x00")
AREA = b"".join(header + data for header, data in zip(HEADERS, DATA, strict=True))
FULL = b"\x78" + AREA
COMPACT = b"\x79" + crc16(b"".join(HEADERS)).to_bytes(2, "little") + crc16(AREA).to_bytes(2, "little") + b"".join(DATA)
KEY = bytes(range(16))
MICROSECOND = timedelta(microseconds=1)


def sealed(payload: bytes, key: bytes = KEY, access: int = 7, time: int = 5) -> bytes:
    """A link-encrypted frame without link checksums."""
    session = (1 << 29 | time << 4).to_bytes(4, "little")
    cipher = Cipher(algorithms.AES(key), modes.CTR(ADDRESS + b"\x20" + session + bytes(3))).encryptor()
    body = ADDRESS + b"\x8d\x20" + bytes([access]) + session
    body += cipher.update(crc16(payload).to_bytes(2, "little") + payload)
    return bytes([len(body) + 1, 0x44]) + body


def keys(*secrets: bytes, verified: bool = False) -> pl.DataFrame:
    return pl.DataFrame(
        [(METER, number, secret, verified) for number, secret in enumerate(secrets)],
        schema={"meter_id": pl.String, "key_no": pl.Int32, "key": pl.Binary, "verified": pl.Boolean},
        orient="row",
    )


def decode(*frames: bytes, ring: pl.DataFrame | None = None, registered: list[str] | None = None) -> Decoded:
    table = pl.DataFrame({"frame_id": [f"f{number}" for number in range(len(frames))], "frame": list(frames)})
    only = None if registered is None else pl.Series(registered, dtype=pl.String)
    return decode_batch(table, keys(KEY) if ring is None else ring, KNOWN, only)


def test_nothing_in_gives_typed_nothing() -> None:
    decoded = decode_batch(pl.DataFrame(schema={"frame_id": pl.String, "frame": pl.Binary}), keys(), KNOWN)
    assert decoded.outcomes.is_empty()
    for found, table in ((decoded.readings, READINGS), (decoded.records, RECORDS)):
        _, *names = found.columns
        texts = found.with_columns(cs.categorical().cast(pl.String))
        assert texts.schema == pl.Schema({"frame_no": pl.UInt32, **{name: table.schema[name] for name in names}})
    assert decoded.outcomes.schema["access_no"] == pl.Int32
    assert decoded.verified.schema == decoded.failed.schema == {"meter_id": pl.String, "key_no": pl.Int32}


def test_a_full_frame_becomes_a_reading_and_records() -> None:
    decoded = decode(sealed(FULL))
    reading = decoded.with_frames(decoded.readings, "meter_id").row(0, named=True)
    assert decoded.outcomes["outcome"].to_list() == ["decoded"]
    assert (reading["meter_id"], str(reading["volume_m3"]), reading["info_code"]) == (METER, "123456.789000", 0)
    assert reading["info_code_kind"] == "water_16bit"
    assert decoded.records.select("record_no", "storage", "value", "raw_value", "data_hex").rows() == [
        (2, 2, 0.001, 1, "01000000")
    ]
    layout = decoded.layouts.row(0, named=True)
    assert (layout["register"], layout["resolution_numerator"], layout["resolution_denominator"]) == (
        "volume_m3",
        1,
        1000,
    )


def test_a_compact_frame_learns_from_a_later_full_frame() -> None:
    assert decode(sealed(COMPACT)).outcomes["outcome"].to_list() == ["unknown_format"]
    decoded = decode(sealed(COMPACT), sealed(FULL, access=8))
    assert decoded.outcomes["outcome"].to_list() == ["decoded", "decoded"]
    assert decoded.readings["volume_m3"].n_unique() == 1
    assert decoded.formats.rows() == [
        (f"{crc16(b''.join(HEADERS)):04X}", METER, b"".join(HEADERS).hex()),
    ]
    assert decoded.outcomes["signature"].to_list() == [f"{crc16(b''.join(HEADERS)):04X}", None]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [sealed(COMPACT), sealed(FULL, os.urandom(16)), sealed(COMPACT, access=9), sealed(FULL, access=8)]
    whole = decode(*frames)
    monkeypatch.setattr(batches, "CHUNK", 1)
    parts = decode(*frames)
    assert whole.outcomes["outcome"].to_list() == ["decoded", "corrupt", "decoded", "decoded"]
    assert parts.outcomes.equals(whole.outcomes)
    assert parts.readings.sort("frame_no").equals(whole.readings.sort("frame_no"))
    assert parts.records.sort("frame_no").equals(whole.records.sort("frame_no"))


def test_a_failed_key_is_wrong_until_it_verifies_a_frame() -> None:
    foreign = sealed(FULL, os.urandom(16))
    alone = decode(foreign)
    assert alone.outcomes["outcome"].to_list() == ["wrong_key"]
    assert alone.failed.rows() == [(METER, 0)]
    assert alone.verified.is_empty()
    together = decode(foreign, sealed(FULL))
    assert together.outcomes["outcome"].to_list() == ["corrupt", "decoded"]
    assert together.verified.rows() == [(METER, 0)]
    assert together.failed.is_empty()
    before = decode(foreign, ring=keys(KEY, verified=True))
    assert before.outcomes["outcome"].to_list() == ["corrupt"]


def test_the_second_key_is_tried_where_the_first_fails() -> None:
    decoded = decode(sealed(FULL), ring=keys(bytes(16), KEY))
    assert decoded.outcomes["outcome"].to_list() == ["decoded"]
    assert decoded.verified.rows() == [(METER, 1)]
    assert decoded.failed.rows() == [(METER, 0)]


def test_without_a_key_and_without_a_registration() -> None:
    assert decode(sealed(FULL), ring=keys()).outcomes["outcome"].to_list() == ["no_key"]
    assert decode(sealed(FULL), registered=[]).outcomes["outcome"].to_list() == ["foreign"]
    assert decode(sealed(FULL), registered=[METER]).outcomes["outcome"].to_list() == ["decoded"]


def test_noise_is_an_outcome_not_an_error() -> None:
    random = np.random.default_rng(3)
    cis = (b"\x72", b"\x7a", b"\x8d")
    noise = [random.bytes(int(size)) for size in random.integers(0, 300, 400)]
    noise += [  # plausible headers reach deeper
        bytes([len(frame) - 1, 0x44]) + frame[2:10] + cis[number % 3] + frame[11:]
        for number, frame in enumerate(noise)
        if 12 < len(frame) <= 256
    ]
    decoded = decode(*noise)
    assert decoded.outcomes.height == len(noise)
    assert decoded.outcomes["outcome"].null_count() == 0


def test_ciphertext_that_passes_the_checksum_by_chance_is_still_decrypted() -> None:
    """One encrypted frame in 65,536 does; its bytes as they stand then name a meter that does not exist."""
    lucky = sealed(FULL, time=40546)  # found by search
    assert crc16(lucky[19:]).to_bytes(2, "little") == lucky[17:19]
    decoded = decode(lucky)
    assert decoded.outcomes.select("outcome", "meter_id", "security").rows() == [("decoded", METER, "ell_ctr")]
    assert decoded.readings["volume_m3"].is_not_null().all()


def test_frames_without_crcs_that_end_like_format_b_are_read_whole() -> None:
    """Of 65,536 frames without CRCs one ends with what could be a CRC of format B; here, a temperature does."""
    begin = b"\x44" + ADDRESS + b"\x78" + bytes.fromhex("0413102700000259")
    begin = bytes([len(begin) + 2]) + begin
    frame = begin + crc16(begin).to_bytes(2, "big")
    for outcome in (decode_telegram(frame), decode_telegram(frame, transport="wmbus")):
        assert (outcome.link, outcome.outcome, len(outcome.records)) == ("no_crc", "decoded", 2)
    decoded = decode(frame)
    assert decoded.outcomes.select("link", "outcome").row(0) == ("no_crc", "decoded")
    assert decoded.readings["flow_temp_c"].null_count() == 0


def test_a_compact_frame_on_a_wire_names_no_meter() -> None:
    body = b"\x08\x05" + COMPACT
    frame = bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])
    telegram = decode_telegram(frame)
    outcome = decode(frame).outcomes.row(0, named=True)
    assert telegram.meter_id is None
    assert outcome["meter_id"] is None
    assert (outcome["outcome"], outcome["telegram_key"]) == (telegram.outcome, telegram.telegram_key)


def test_a_key_is_tried_for_frames_of_its_time_alone() -> None:
    old, new, always = bytes(16), bytes([1] * 16), bytes([2] * 16)
    turn = datetime(2026, 1, 10, tzinfo=UTC)
    ring = keys(old, new, always).with_columns(
        valid_from=pl.Series([None, turn, None], dtype=INSTANT), valid_to=pl.Series([turn, None, None], dtype=INSTANT)
    )
    frames = [sealed(FULL, key, access=number) for number, key in enumerate((old, new, always))]
    times = [turn - MICROSECOND, turn]
    table = pl.DataFrame(
        [(f"f{place}", frame, at) for place, (frame, at) in enumerate((f, at) for at in times for f in frames)],
        schema={"frame_id": pl.String, "frame": pl.Binary, "received_at": INSTANT},
        orient="row",
    )
    decoded = decode_batch(table, ring, KNOWN)
    wanted = ["decoded", "corrupt", "decoded", "corrupt", "decoded", "decoded"]
    assert decoded.outcomes["outcome"].to_list() == wanted
    singly = [decode_batch(table[[place]], ring, KNOWN).outcomes["outcome"].item() for place in range(len(table))]
    assert singly == ["wrong_key" if outcome == "corrupt" else outcome for outcome in wanted]
    assert sorted(decoded.verified["key_no"]) == [0, 1, 2]
    without_times = decode_batch(table.drop("received_at"), ring, KNOWN)
    assert set(without_times.outcomes["outcome"]) == {"decoded"}, "who does not say when may try all"


def test_a_frame_before_or_after_all_keys_has_none() -> None:
    first, last = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC)
    ring = keys(KEY).with_columns(valid_from=pl.lit(first, INSTANT), valid_to=pl.lit(last, INSTANT))
    stranger = ring.with_columns(meter_id=pl.lit("KAM-99999999-1b-16"), valid_from=pl.lit(None, INSTANT))
    times = [first - MICROSECOND, first, last - MICROSECOND, last]
    table = pl.DataFrame(
        {"frame_id": list("abcd"), "frame": [sealed(FULL, access=number) for number in range(4)], "received_at": times},
        schema_overrides={"received_at": INSTANT},
    )
    decoded = decode_batch(table, pl.concat([stranger, ring]), KNOWN)
    assert decoded.outcomes["outcome"].to_list() == ["no_key", "decoded", "decoded", "no_key"]


def test_dated_keys_give_what_each_stretch_of_time_gives_alone() -> None:
    chance = np.random.default_rng(7)
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def instants(count: int) -> list[datetime | None]:
        hours = chance.integers(-1, 24, count).tolist()
        return [None if hour < 0 else begin + timedelta(hours=hour) for hour in hours]

    secrets = [bytes([number] * 16) for number in range(8)]
    ring = keys(*secrets).with_columns(
        valid_from=pl.Series(instants(8), dtype=INSTANT), valid_to=pl.Series(instants(8), dtype=INSTANT)
    )
    times = [begin + timedelta(minutes=30 * step) for step in range(48) for _ in secrets]
    frames = [sealed(FULL, secret, access=step) for step in range(48) for secret in secrets]
    table = pl.DataFrame(
        {"frame_id": [str(n) for n in range(len(frames))], "frame": frames, "received_at": times},
        schema_overrides={"received_at": INSTANT},
    )
    at_once = decode_batch(table, ring, KNOWN).outcomes
    opened = {"decoded"}
    for at, part in table.group_by("received_at", maintain_order=True):
        valid = ring.filter(
            (pl.col("valid_from") <= at[0]).fill_null(value=True) & (pl.col("valid_to") > at[0]).fill_null(value=True)
        ).drop("valid_from", "valid_to")
        alone = decode_batch(part, valid, KNOWN).outcomes
        mine = at_once.filter(pl.col("frame_id").is_in(part["frame_id"].implode()))
        assert mine["outcome"].is_in(opened).to_list() == alone["outcome"].is_in(opened).to_list()
        assert mine.filter(outcome="no_key").height == alone.filter(outcome="no_key").height
    assert set(at_once["outcome"]) >= {"decoded", "corrupt"}
