"""The encoder makes the corpus's constructed telegrams, byte by byte, from their payload, header and key."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator import link
from simulator.crc import crc16, low_first
from simulator.link import FrameFormat
from simulator.telegrams import Senders, ell_telegrams, mode5_payloads, tpl_header

Case = dict[str, Any]
FORMATS: dict[str, FrameFormat] = {"no_crc": "none", "A": "A", "B": "B"}
ENCODED = (
    "plain_none",
    "plain_short",
    "plain_long",
    "mode5",
    "mode5_long",
    "mode5_partial",
    "ellctr",
    "ellctr_compact",
)


def row(content: bytes) -> np.ndarray:
    return np.frombuffer(content, dtype=np.uint8)[None, :]


def senders(address: np.ndarray, key_hex: str | None) -> Senders:
    return Senders(address, [bytes.fromhex(key_hex or "")], np.array([0, 1]))


def address(header: Case) -> np.ndarray:
    return row(link.address(header["manufacturer"], header["id"], header["version"], header["type"]))


def application(case: Case, cases: dict[str, Case]) -> bytes:
    """CI field and payload; a compact frame's checks come from the layout of the full frame it refers to."""
    payload = bytes.fromhex(case["payload_hex"])
    if case["kind"] != "compact":
        return b"\x78" + payload
    records = case["records"]
    headers = [bytes.fromhex(item["dib"] + item["vib"]) for item in cases[case["needs_case"]]["records"]]
    full = b"".join(head + bytes.fromhex(item["data_hex"]) for head, item in zip(headers, records, strict=True))
    return b"\x79" + b"".join(low_first(crc16(row(part))).tobytes() for part in (b"".join(headers), full)) + payload


def encode(case: Case, cases: dict[str, Case]) -> np.ndarray:
    header, payload = case["header"], bytes.fromhex(case["payload_hex"])
    dll, tpl = address(header["dll"]), header["tpl"]
    if "ell" in header:
        ell = header["ell"]
        session = row(bytes.fromhex(ell["sn"]))
        access_no = np.array([ell["acc"]], dtype=np.uint8)
        content = row(application(case, cases))
        return ell_telegrams(senders(dll, case["key_hex"]), content, access_no, session, int(ell["cc"], 16))
    if tpl["header"] == "none":
        return link.telegram(dll, row(b"\x78" + payload))
    access_no = np.array([tpl["acc"]], dtype=np.uint8)
    meter = address(tpl) if tpl["header"] == "long" else None
    body = row(payload)
    if tpl["mode"] == 5:
        width = 16 * tpl["enc_blocks"]
        own = dll if meter is None else meter
        sealed, configuration = mode5_payloads(senders(own, case["key_hex"]), row(payload[:width]), access_no)
        assert configuration == int(tpl["cfg"], 16) & 0x1FF0
        body = np.hstack([sealed, row(payload[width:])])
    start = tpl_header(access_no, int(tpl["cfg"], 16), meter, int(tpl["status"], 16))
    return link.telegram(dll, np.hstack([start, body]), int(header["dll"]["c"], 16))


@pytest.fixture(scope="module")
def cases(corpus: Path) -> dict[str, Case]:
    lines = (corpus / "constructed.jsonl").read_text(encoding="utf-8").splitlines()
    return {case["case_id"]: case for case in map(json.loads, lines)}


def encoded(cases: dict[str, Case]) -> Iterator[Case]:
    return (case for case in cases.values() if case["variant"] in ENCODED)


@pytest.mark.corpus
def test_constructed_telegrams_are_met(cases: dict[str, Case]) -> None:
    wrong = []
    for case in encoded(cases):
        frame = link.in_format(encode(case, cases), FORMATS[case["frame_format"]])
        if frame.tobytes().hex().upper() != case["telegram_hex"]:
            wrong.append(case["case_id"])
    assert wrong == []


@pytest.mark.corpus
def test_the_corpus_has_every_variant_in_question(cases: dict[str, Case]) -> None:
    variants = Counter(case["variant"] for case in encoded(cases))
    formats = Counter(case["frame_format"] for case in encoded(cases))
    assert set(variants) == set(ENCODED)
    assert set(formats) == set(FORMATS)
