"""Messages in fragments, format frames and answers that go on, made here."""

import json

import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from decoders.batch import decode_batch
from decoders.compact import KNOWN
from decoders.crc import crc16
from decoders.framefiles import read_telegrams
from decoders.report import Json, decode_lines
from decoders.scalar import decode_telegram

KEY = bytes(range(16))
LINK = bytes.fromhex("44 8304 21436587 0107")
AREA = bytes.fromhex("2F2F0413D2040000") + bytes.fromhex("04FD1700000000") * 8 + b"\x2f" * 16
COUNTER = bytes.fromhex("2A000000")


def cmac(key: bytes, data: bytes) -> bytes:
    code = CMAC(algorithms.AES(key))
    code.update(data)
    return code.finalize()


def message() -> tuple[bytes, bytes]:
    """A message of mode 7 and its authentication code."""
    area = AREA[: len(AREA) // 16 * 16]
    tail = COUNTER + LINK[3:7] + bytes([7] * 7)
    cipher = Cipher(algorithms.AES(cmac(KEY, b"\0" + tail)), modes.CBC(bytes(16))).encryptor()
    word = (7 << 8 | len(area) // 16 << 4).to_bytes(2, "little")
    body = bytes.fromhex("7A2A00") + word + b"\x10" + cipher.update(area)
    covered = b"\x25" + COUNTER + len(body).to_bytes(2, "little") + body
    return body, cmac(cmac(KEY, b"\1" + tail), covered)[:8]


def frame(number: int, part: bytes, *, more: bool, fields: bytes = b"", bits: int = 0) -> str:
    layer = (bits | more << 14 | number).to_bytes(2, "little") + fields
    body = LINK + b"\x90" + bytes([len(layer)]) + layer + part
    return (bytes([len(body)]) + body).hex()


def fragments() -> list[str]:
    body, code = message()
    cuts = [body[:30], body[30:60], body[60:]]
    opening = b"\x25" + COUNTER + len(body).to_bytes(2, "little")
    return [
        frame(1, cuts[0], more=True, fields=opening, bits=1 << 13 | 1 << 12 | 1 << 11),
        frame(2, cuts[1], more=True),
        frame(3, cuts[2], more=False, fields=code, bits=1 << 10),
    ]


def decode(*frames: str, key: bytes | None = KEY) -> list[Json]:
    key_hex = {"key_hex": key.hex()} if key else {}
    text = "\n".join(json.dumps({"telegram_hex": one, **key_hex}) for one in frames)
    return decode_lines(read_telegrams(text.encode(), "x.jsonl"), {})


def test_fragments_are_joined_into_the_first_of_them() -> None:
    first, second, third = decode(*fragments())
    assert first["outcome"] == "decoded", first["reason"]
    assert first["security"] == "mode7"
    assert first["fields"]["volume_m3"] == 1.234
    assert len(first["records"]) == 9
    for part in (second, third):
        assert (part["outcome"], part["reason"], part["records"]) == ("decoded", "a fragment of a message", [])


def test_order_and_copies_do_not_matter() -> None:
    one, two, three = fragments()
    assert [found["outcome"] for found in decode(three, one, one, two)] == ["decoded"] * 4
    assert len(decode(three, one, one, two)[0]["records"]) == 9
    twice = decode(one, two, three, *fragments())
    assert sum(bool(found["records"]) for found in twice) == 1, "the same message again is a copy"


def test_what_is_missing_or_wrong_is_named() -> None:
    one, two, three = fragments()
    for there, missing in (((one, two), "what follows 2"), ((one, three), "2"), ((two,), "1, what follows 2")):
        found = decode(*there)
        assert {part["outcome"] for part in found} == {"unsupported"}
        assert all(part["reason"].endswith(f" of a message; missing: {missing}") for part in found)
    (last,) = decode(frame(200, b"", more=False))
    assert last["reason"] == "fragment 200 of a message; missing: 1 to 199"
    assert {part["outcome"] for part in decode(one, two, three, key=None)} == {"no_key"}
    assert {part["outcome"] for part in decode(one, two, three, key=bytes(16))} == {"wrong_key"}
    forged = bytearray.fromhex(two)
    forged[-1] ^= 1
    assert {part["outcome"] for part in decode(one, forged.hex(), three)} <= {"corrupt", "wrong_key"}
    alone = decode_telegram(bytes.fromhex(two))
    assert (alone.outcome, alone.reason) == ("unsupported", "fragment 2 of a message")


def test_the_batch_decoder_joins_them_too() -> None:
    meter = "ADC-87654321-01-07"
    hexes = [*fragments(), compact_frame()]
    frames = pl.DataFrame({"frame_id": ["a", "b", "c", "d"], "frame": [bytes.fromhex(text) for text in hexes]})
    key = {"meter_id": [meter], "key_no": [1], "key": [KEY], "verified": [False]}
    keys = pl.DataFrame(key, schema_overrides={"key_no": pl.Int32})
    found = decode_batch(frames, keys, KNOWN)
    assert found.outcomes["outcome"].to_list() == ["decoded"] * 3 + ["unknown_format"]
    assert found.outcomes["telegram_key"].n_unique() == 2
    readings = found.with_frames(found.readings, "frame_id", "meter_id")
    assert readings.select("frame_id", "meter_id", pl.col("volume_m3").cast(float)).rows() == [("a", meter, 1.234)]
    assert set(found.records["frame_no"]) == {0}
    assert found.verified.rows() == [(meter, 1)]
    missing = decode_batch(frames[[0, 2]], keys, KNOWN)
    assert missing.outcomes["outcome"].to_list() == ["unsupported"] * 2
    assert missing.outcomes["reason"].to_list() == [f"fragment {number} of a message; missing: 2" for number in (1, 3)]
    stranger = decode_batch(frames, keys, KNOWN, pl.Series(["ADC-00000000-01-07"]))
    assert set(stranger.outcomes["outcome"]) == {"foreign"}


HEADERS = bytes.fromhex("0413 0259")


def format_frame(signature: int) -> str:
    body = LINK + b"\x69" + bytes([2 + len(HEADERS)]) + signature.to_bytes(2, "little") + HEADERS
    return (bytes([len(body)]) + body).hex()


def compact_frame() -> str:
    data = bytes.fromhex("D2040000 E803")
    full = HEADERS[:2] + data[:4] + HEADERS[2:] + data[4:]
    body = LINK + b"\x79" + crc16(HEADERS).to_bytes(2, "little") + crc16(full).to_bytes(2, "little") + data
    return (bytes([len(body)]) + body).hex()


def test_a_format_frame_teaches_the_format_of_compact_ones() -> None:
    assert decode(compact_frame())[0]["outcome"] == "unknown_format"
    compact, teacher = decode(compact_frame(), format_frame(crc16(HEADERS)))
    assert (teacher["outcome"], teacher["records"]) == ("decoded", [])
    assert compact["fields"]["volume_m3"] == 1.234
    compact, liar = decode(compact_frame(), format_frame(crc16(HEADERS) ^ 1))
    assert (compact["outcome"], liar["outcome"]) == ("unknown_format", "unsupported")


@pytest.mark.parametrize(("dif", "more"), [("0F", None), ("1F", True)])
def test_an_answer_says_when_more_records_follow(dif: str, more: bool | None) -> None:
    body = LINK + bytes.fromhex("78 0413D2040000" + dif + "A1B2")
    (found,) = decode((bytes([len(body)]) + body).hex())
    assert found.get("more_records_follow") is more
    assert found["records"][-1]["data_hex"] == "a1b2"
