"""Bytes that mean harm, in uplinks, profiles, fragments and whole inputs: always an outcome, in bounded time."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoders.exact_json import to_json
from decoders.fragments import fragment_of, messages
from decoders.framefiles import read_telegrams
from decoders.lorawan import decode_uplink
from decoders.outcomes import OUTCOMES
from decoders.profiles import expand_profile
from decoders.records import parse_records
from decoders.report import decode_lines
from decoders.scalar import Key, Telegram, decode_telegram, of_message

KEY = bytes(range(16))
LINK = bytes.fromhex("44 8304 21436587 0107")
HEADS = ["", "72", "78", "7A", "15", "1E", "00", "02", "0E", "FA"]
BASES = ["", "84046D00204111 8B0415003012"]


def assert_sound(telegram: Telegram) -> None:
    assert telegram.outcome in OUTCOMES
    assert (telegram.reason is None) == (telegram.outcome == "decoded") or telegram.reason == "a fragment of a message"
    assert telegram.outcome in ("decoded", "partial") or (telegram.records, telegram.fields) == ((), {})


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["", "72", "78", "7A", "15", "1E", "00", "02", "0E", "FA"]), st.binary(max_size=60), st.booleans()
)
def test_uplinks(head: str, rest: bytes, has_key: bool) -> None:
    assert_sound(decode_uplink(bytes.fromhex(head) + rest, [Key(KEY)] if has_key else []))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["13", "1E", "1F"]), st.binary(max_size=70), st.sampled_from(["", "84046D00204111 8B0415003012"])
)
def test_profiles(modifier: str, data: bytes, base: str) -> None:
    records, _ = parse_records(bytes.fromhex(f"{base}8D0495{modifier}") + bytes([len(data)]) + data)
    for record in records:
        for item in expand_profile(record, records):
            assert (item.raw_value is None) == (item.value is None)


def fragment(number: int, more: bool, bits: int, rest: bytes) -> bytes:
    layer = (bits << 9 & 0x3E00 | more << 14 | number).to_bytes(2, "little") + rest[:12]
    body = LINK + b"\x90" + bytes([len(layer)]) + layer + rest[12:]
    return bytes([len(body)]) + body


FRAGMENTS = st.builds(fragment, st.integers(0, 3), st.booleans(), st.integers(0, 31), st.binary(max_size=60))


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, max_size=6))
def test_fragments(frames: list[bytes]) -> None:
    found = [(place, fragment_of(frame)) for place, frame in enumerate(frames)]
    joined = messages((place, one) for place, one in found if one is not None)
    for message in joined:
        assert message.is_whole == (not message.gap)
        for place, telegram in of_message(message, [Key(KEY)]) if message.is_whole else ():
            assert frames[place]
            assert_sound(telegram)
    for frame in frames:
        assert_sound(decode_telegram(frame, [Key(KEY)]))


VALUES = st.one_of(
    st.none(), st.integers(), st.text(max_size=20), st.binary(max_size=30).map(bytes.hex), st.lists(st.none())
)
NAMES = [
    "telegram_hex",
    "frame",
    "payload_hex",
    "fport",
    "data",
    "key_hex",
    "transport",
    "deviceInfo",
    "uplink_message",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5), min_size=1, max_size=5))
def test_inputs_of_objects(objects: list[dict[str, object]]) -> None:
    rows = read_telegrams("\n".join(map(json.dumps, objects)).encode(), "x.jsonl")
    reports = decode_lines(rows, {})
    assert len(reports) == len(objects)
    assert {report["outcome"] for report in reports} <= set(OUTCOMES)
    assert json.loads(to_json(reports)) is not None


@pytest.mark.parametrize(
    "area",
    [
        b"\x84" + b"\x80" * 200,
        b"\x04\x93" + b"\xff" * 200,
        b"\x04\xfc\xff" + b"a" * 100,
        b"\x0d\x13\xbf",
        b"\x0d\xfd\x3b\xf6" + bytes(10),
        b"\x2f" * 230,
        b"\x00\x13" * 110,
        b"\x7f" * 230,
    ],
    ids=["DIFEs", "VIFEs", "text", "length", "binary", "fillers", "nothing", "readouts"],
)
def test_chains_and_lengths_end(area: bytes) -> None:
    body = LINK + b"\x78" + area[:240]
    started = time.perf_counter()
    for _ in range(20):
        assert_sound(decode_telegram(bytes([len(body)]) + body))
    assert time.perf_counter() - started < 5


@pytest.mark.corpus
def test_every_telegram_cut_and_bent_has_an_outcome(corpus: Path) -> None:
    lines = (corpus / "constructed.jsonl").read_text(encoding="utf-8").splitlines()
    for case in map(json.loads, lines):
        frame = bytes.fromhex(case["telegram_hex"])
        keys = [Key(bytes.fromhex(case["key_hex"]))] if case["key_hex"] else []
        for cut in range(0, len(frame), 7):
            assert_sound(decode_telegram(frame[:cut], keys))
            bent = bytearray(frame)
            bent[cut] ^= 0xFF
            assert_sound(decode_telegram(bytes(bent), keys))
