"""Headers of every telegram of the corpus, layer by layer, and the feeds of receivers."""

import json
from pathlib import Path
from typing import Any

import pytest

from decoders import security
from decoders.link import read_link
from decoders.scalar import Key, decode_telegram
from decoders.transport import AFL, ELL_SIZES, NETWORK, Address, link_address, read_afl, read_ell, read_tpl
from tests.corpus.conftest import Counts

pytestmark = pytest.mark.corpus

Case = dict[str, Any]

OPEN = {
    "misc-kamwater-a7517a": "payload CRC does not hold: corrupt, where the corpus reads on",
}
"""Cases whose headers are not walked, and why."""


def read(file: Path) -> list[Case]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def cases(corpus: Path) -> dict[str, Case]:
    names = ("wmbus", "mbus", "constructed", "reencoded")
    return {case["case_id"]: case for name in names for case in read(corpus / f"{name}.jsonl")}


def names_of(address: Address) -> Case:
    return {
        "manufacturer": address.manufacturer,
        "id": address.serial.upper(),
        "version": f"{address.version:02X}",
        "type": f"{address.device_type:02X}",
    }


def headers_of(case: Case) -> Case:
    """The case's headers in the names of the corpus."""
    found: Case = {}
    content = read_link(bytes.fromhex(case["telegram_hex"]), case["transport"]).content
    position = 2
    if case["transport"] == "wmbus":
        outer = link_address(content[2:10])
        found["dll"] = {"c": f"{content[1]:02X}", **names_of(outer)}
        position = 10
        if content[position] in ELL_SIZES:
            ell = read_ell(content, position)
            found["ell"] = {"ci": f"{content[position]:02X}", "cc": f"{ell.control:02X}", "acc": ell.access_no}
            found["ell"] |= names_of(ell.address) if ell.address else {}
            position = ell.end
            if ell.session is not None:
                number = int.from_bytes(ell.session, "little")
                found["ell"] |= {
                    "sn": ell.session.hex().upper(),
                    "enc": ell.encryption,
                    "time": number >> 4 & 0x1FFFFFF,
                    "session": number & 15,
                }
                if case["security"]["encrypted"]:
                    if not case["key_hex"]:
                        return found
                    key, iv = bytes.fromhex(case["key_hex"]), security.ctr_iv(outer, ell)
                    content = content[:position] + security.decrypt_ctr(key, iv, content[position:])
                position += 2
        if content[position] == NETWORK:
            position += 2
        if content[position] == AFL:
            afl = read_afl(content, position)
            found["afl"] = {"len": content[position + 1], "fcl": f"{afl.control:04X}", "mac": afl.mac.hex().upper()}
            if afl.mac_control is not None:
                found["afl"]["mcl"] = f"{afl.mac_control:02X}"
            if afl.counter:
                found["afl"]["mcr"] = int.from_bytes(afl.counter, "little")
            position = afl.end
    tpl = read_tpl(content, position, wired=case["transport"] == "mbus")
    found["tpl"] = {"ci": f"{tpl.ci:02X}"} | (names_of(tpl.address) if tpl.address else {})
    if tpl.access_no is not None:
        found["tpl"] |= {"acc": tpl.access_no, "cfg": f"{tpl.configuration:04X}", "mode": tpl.mode}
        if tpl.mode in (5, 7):
            found["tpl"]["enc_blocks"] = tpl.blocks
        if tpl.extension:
            found["tpl"]["cfg_ext"] = tpl.extension.hex().upper()
    return found


NOT_READ = ("l", "header", "payload_offset", "status", "payload_crc", "payload_crc_calc", "ml", "enc_bytes")
"""Told by the other fields, or not needed for decoding."""


def test_headers(cases: dict[str, Case]) -> None:
    wrong = {}
    compared = 0
    for case in cases.values():
        if case["case_id"] in OPEN:
            continue
        found = headers_of(case)
        for layer, theirs in case["header"].items():
            if layer in ("link", "nwl") or (layer not in found and not case["key_hex"]):
                continue
            # Wired meters of old have a signature instead of a configuration word: it names no mode.
            for name in [name for name in theirs if name not in NOT_READ and theirs[name] is not None]:
                compared += 1
                ours = found.get(layer, {}).get(name)
                if ours != theirs[name]:
                    wrong[case["case_id"], layer, name] = (ours, theirs[name])
    assert wrong == {}
    assert compared > 8000


def test_headers_that_are_not_walked_are_judged(cases: dict[str, Case]) -> None:
    outcomes = {name: decode_telegram(bytes.fromhex(cases[name]["telegram_hex"])).outcome for name in OPEN}
    assert set(outcomes.values()) == {"corrupt"}


def told_otherwise(line: str, theirs: Case, case: Case) -> list[str]:
    """What a line of a receiver does not say as its telegram does."""
    digits = line.split("|")[1] if "|" in line else line.rsplit("0x", 1)[-1]
    keys = [Key(bytes.fromhex(case["key_hex"]))] if case["key_hex"] else []
    once = decode_telegram(bytes.fromhex(digits.replace("_", "")), keys)
    again = decode_telegram(bytes.fromhex(case["telegram_hex"]), keys)
    found = [] if once.link == theirs.get("frame_format", once.link) else [f"link {once.link}"]
    found += [name for name in ("outcome", "telegram_key", "records") if getattr(once, name) != getattr(again, name)]
    is_read = (once.outcome, bool(once.records)) == ("decoded", True)
    return found if is_read or once.outcome == "unknown_format" else [*found, once.outcome]


@pytest.mark.parametrize("feed", ["c_mode_fifo.hex", "logged_telegrams.txt", "rtl_wmbus.txt"])
def test_a_feed_says_what_the_telegram_says(corpus: Path, cases: dict[str, Case], counts: Counts, feed: str) -> None:
    lines = (corpus / "feeds" / feed).read_text(encoding="utf-8").splitlines()
    expected = json.loads((corpus / "feeds" / f"{Path(feed).stem}.expected.json").read_text(encoding="utf-8"))
    assert len(lines) == len(expected) > 5
    compared = [told_otherwise(line, item, cases[item["case_id"]]) for line, item in zip(lines, expected, strict=True)]
    wrong = {number: found for number, found in enumerate(compared, 1) if found}
    counts.note(f"feeds/{feed}", len(lines), len(wrong))
    assert wrong == {}
