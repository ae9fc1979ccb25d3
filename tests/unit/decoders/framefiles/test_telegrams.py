"""Input for ``decode``: one row per line, good or bad, in order."""

import json
from pathlib import Path

import pytest

from decoders.framefiles import TELEGRAMS, read_telegrams

WIRED = "680808680805727856341224B416"
KEY = "000102030405060708090A0B0C0D0E0F"


def test_json_objects_carry_case_key_and_transport():
    lines = [
        {"case_id": "a", "telegram_hex": WIRED, "key_hex": KEY, "transport": "mbus", "payload_hex": "2F2F"},
        {"case_id": "b", "payload_hex": "000C06526761020C14978999", "fport": 2},
        {"frame": WIRED.lower(), "key_hex": None},
        {"frame": WIRED, "key_hex": "no key"},
    ]
    rows = read_telegrams("\n".join(map(json.dumps, lines)).encode(), "cases.jsonl")
    assert rows.schema == TELEGRAMS
    assert rows["case_id"].to_list() == ["a", "b", None, None]
    assert rows["key"].to_list() == [bytes.fromhex(KEY), None, None, None]
    assert rows["transport"].to_list() == ["mbus", "lorawan", None, None]
    assert rows["fport"].to_list() == [None, 2, None, None]
    assert rows["frame"].to_list() == [
        bytes.fromhex(WIRED),
        bytes.fromhex("000C06526761020C14978999"),
        bytes.fromhex(WIRED),
        bytes.fromhex(WIRED),
    ]
    assert rows["reason"].null_count() == 4


def test_bad_lines_stay_in_their_place():
    rows = read_telegrams(f"{WIRED}\n\n# comment\n{WIRED}F\n40\nwhat?\n{'44' * 1025}\n".encode(), "x")
    assert rows.select("source_line", "reason").rows() == [
        (1, None),
        (4, "odd number of hex digits"),
        (5, None),
        (6, "no hex"),
        (7, "more bytes than a frame can have"),
    ]
    assert rows["frame"].to_list() == [bytes.fromhex(WIRED), None, b"\x40", None, None]


def test_times_do_not_matter():
    rows = read_telegrams(f"received_at,frame\nsoon,{WIRED}\n,{WIRED}\n".encode(), "x.csv")
    assert rows["frame"].null_count() == 0


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["wmbus", "mbus", "constructed", "reencoded", "must_reject", "lorawan"])
def test_corpus_files_give_a_row_per_case(corpus: Path, name: str):
    path = corpus / f"{name}.jsonl"
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    rows = read_telegrams(path.read_bytes(), path.name)
    assert rows["case_id"].to_list() == [case["case_id"] for case in cases]
    assert rows["transport"].to_list() == [case["transport"] for case in cases]
    for case, frame, key in zip(cases, rows["frame"], rows["key"], strict=True):
        text = case.get("telegram_hex") or case["payload_hex"]
        assert frame == (None if len(text) % 2 else bytes.fromhex(text))
        assert key == (bytes.fromhex(case["key_hex"]) if case.get("key_hex") else None)
