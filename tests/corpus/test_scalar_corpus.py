"""The scalar decoder on every telegram of the corpus, record by record."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from decoders.compact import KNOWN, FormatBook
from decoders.framefiles import read_telegrams
from decoders.lorawan import decode_uplink
from decoders.profiles import expand_profile
from decoders.record import DataRecord
from decoders.records import parse_records
from decoders.report import read_lines
from decoders.scalar import Key, Telegram, decode_telegram
from tests.corpus.conftest import Counts

pytestmark = pytest.mark.corpus

Case = dict[str, Any]

OPAQUE = ("manufacturer_data", "global_readout", "compact_profile", "lvar_bytes", "lvar_binary")
OUTCOMES = {
    "manufacturer_ci": {"manufacturer_data", "corrupt"},
    "manufacturer_payload": {"manufacturer_data"},
    "encrypted_no_key": {"no_key"},
    "compact_unknown_format": {"unknown_format"},
    "unsupported_mode": {"unsupported"},
    "fixed": {"decoded"},
    "other_tpl": {"decoded"},
}


def read(file: Path) -> Iterator[Case]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.fixture(scope="module")
def cases(corpus: Path) -> dict[str, Case]:
    names = ("wmbus", "mbus", "constructed", "reencoded")
    return {case["case_id"]: case for name in names for case in read(corpus / f"{name}.jsonl")}


def decode(case: Case, formats: FormatBook = KNOWN) -> Telegram:
    secret = bytes.fromhex(case.get("key_hex") or "")
    keys = [Key(secret)] if secret else []
    return decode_telegram(bytes.fromhex(case["telegram_hex"]), keys, formats, transport=case["transport"])


def same_number(ours: Any, theirs: float, *, real: bool) -> bool:
    tolerance = 1e-5 if real else 1e-9
    return abs(float(ours) - theirs) <= max(1e-9, tolerance * max(abs(float(ours)), abs(theirs)))


def differences(expected: Case, record: DataRecord) -> list[str]:
    """What of a record is not as expected; numbers in the unit of the corpus."""
    if record.data.hex().upper() != expected["data_hex"].upper():
        return [f"data {record.data.hex()}"]
    if not record.vib and expected["vib"] == "":
        return []
    found = [
        f"{name} {getattr(record, name)} instead of {expected[name]}"
        for name in ("function", "storage", "tariff", "subunit", "quantity", "unit")
        if getattr(record, name) != expected[name]
    ]
    found += [name for name in ("dib", "vib") if getattr(record, name).hex().upper() != expected[name].upper()]
    if expected["data_type"].startswith(OPAQUE):
        return found
    ours, theirs = record.value, expected["value"]
    if (ours is None) != (theirs is None):
        found.append(f"value {ours} instead of {theirs}")
    elif isinstance(theirs, str):
        if str(ours).strip("\0 ") != theirs.strip("\0 "):
            found.append(f"value {ours} instead of {theirs}")
    elif theirs is not None and not same_number(ours, theirs, real=expected["data_type"] == "real32"):
        found.append(f"value {ours} instead of {theirs}")
    return found


def judge(case: Case, telegram: Telegram) -> list[str]:
    """What of a telegram is not as the corpus says."""
    found: list[str] = []
    address = telegram.address
    if case["manufacturer"]:
        ours = address and (
            address.manufacturer,
            address.serial.upper(),
            f"{address.version:02X}",
            f"{address.device_type:02X}",
        )
        if ours != (case["manufacturer"], case["meter_id"], case["version"], case["type"]):
            found.append(f"address {ours}")
    if telegram.link != case["frame_format"]:
        found.append(f"link {telegram.link}")
    if case["kind"] not in ("records", "compact"):
        return found if telegram.outcome in OUTCOMES[case["kind"]] else [*found, telegram.outcome]
    if telegram.outcome != ("partial" if case.get("records_error") else "decoded"):
        found.append(f"{telegram.outcome}: {telegram.reason}")
    if (telegram.payload or b"").hex().upper() != case["payload_hex"].upper():
        found.append("payload")
    if len(telegram.records) != len(case["records"]):
        found.append(f"{len(telegram.records)} records instead of {len(case['records'])}")
    for expected, record in zip(case["records"], telegram.records, strict=False):
        found += differences(expected, record)
    return found


@pytest.mark.parametrize(
    ("name", "least"),
    [("wmbus", 300), ("mbus", 90), ("constructed", 70), ("reencoded", 300)],
    ids=str,
)
def test_every_case_is_decoded_as_the_corpus_says(
    corpus: Path, cases: dict[str, Case], counts: Counts, name: str, least: int
) -> None:
    wrong: dict[str, list[str]] = {}
    of_file = list(read(corpus / f"{name}.jsonl"))
    for case in of_file:
        formats = KNOWN
        if case.get("needs_case"):
            teacher = decode(cases[case["needs_case"]])
            assert teacher.learned is not None
            assert teacher.meter_id is not None
            formats = KNOWN.with_learned(teacher.learned[0], teacher.meter_id, teacher.learned[1])
        if found := judge(case, decode(case, formats)):
            wrong[case["case_id"]] = found
    counts.note(f"{name}.jsonl", len(of_file), len(wrong))
    assert wrong == {}
    assert len(of_file) > least


def test_lorawan_uplinks(corpus: Path, counts: Counts) -> None:
    wrong: dict[str, list[str]] = {}
    of_file = list(read(corpus / "lorawan.jsonl"))
    for case in of_file:
        telegram = decode_uplink(bytes.fromhex(case["payload_hex"]))
        found = [] if telegram.outcome == "decoded" else [f"{telegram.outcome}: {telegram.reason}"]
        if len(telegram.records) != len(case["records"]):
            found.append(f"{len(telegram.records)} records instead of {len(case['records'])}")
        for expected, record in zip(case["records"], telegram.records, strict=False):
            found += differences(expected, record)
        for name, column in LORAWAN_FIELDS.items():
            theirs, ours = case["values"].get(name), telegram.fields.get(column)
            if theirs is not None and float(str(ours)) != pytest.approx(theirs):
                found.append(f"{column} {ours} instead of {theirs}")
        if (profile := case["values"].get("profile")) is not None:
            head = [item.value for item in expand_profile(telegram.records[-1], telegram.records)]
            wanted = profile["values_head"][1:]  # the first one is the base itself
            if len(head) != profile["count"] - 1 or [float(str((v and float(v)) or 0)) for v in head[:5]] != wanted:
                found.append(f"profile {head}")
        if found:
            wrong[case["case_id"]] = found
    counts.note("lorawan.jsonl", len(of_file), len(wrong))
    assert wrong == {}
    assert len(of_file) >= 7


LORAWAN_FIELDS = {
    "energy_kwh": "energy_kwh",
    "power_kw": "power_kw",
    "flow_m3h": "flow_m3h",
    "flow_temperature_c": "flow_temp_c",
    "return_temperature_c": "return_temp_c",
}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def test_compact_profiles(corpus: Path, counts: Counts) -> None:
    wrong: dict[str, list[object]] = {}
    of_file = list(read(corpus / "compact_profiles.jsonl"))
    for case in of_file:
        records, damage = parse_records(bytes.fromhex(case["records_hex"]))
        assert damage is None
        found = {item.storage: item for record in records for item in expand_profile(record, records)}
        bases = {record.storage for record in records}
        for expected in case["expected"]:
            item = found.get(expected["storage"])
            if item is None and expected["storage"] in bases:
                continue  # the base is a record of its own
            wanted = _instant(expected.get("time"))
            if item is None or item.raw_value != expected["raw"] or (wanted and _instant(item.time) != wanted):
                wrong.setdefault(case["profile_id"], []).append((expected, item))
    counts.note("compact_profiles.jsonl", len(of_file), len(wrong))
    assert wrong == {}
    assert len(of_file) == 3


def test_record_vectors(corpus: Path, counts: Counts) -> None:
    wrong: dict[str, list[str]] = {}
    vectors = list(read(corpus / "record_vectors.jsonl"))
    for vector in vectors:
        records, damage = parse_records(bytes.fromhex(vector["record_hex"]))
        found = [damage or f"{len(records)} records"] if damage or len(records) != 1 else []
        if found := found or differences(vector["expect"], records[0]):
            wrong[vector["vector_id"]] = found
    counts.note("record_vectors.jsonl", len(vectors), len(wrong))
    assert wrong == {}
    assert len(vectors) > 80


def refused(case: Case) -> list[str]:
    """What of a bad telegram is not refused as the corpus says."""
    expected = case["expect"]
    (item,) = read_lines(read_telegrams(json.dumps(case).encode(), "bad.jsonl"), {})[0]
    telegram = item.telegram
    found = [] if telegram.reason else ["no reason"]
    if expected["outcome"] == "partial_or_error":
        wanted = {"partial", "corrupt"}
        found += [f"{len(telegram.records)} records"] if len(telegram.records) > len(expected["records"]) else []
        for theirs, record in zip(expected["records"], telegram.records, strict=False):
            found += differences(theirs, record)
    else:
        reason = {"error_or_support": "unsupported", "encrypted": "no_key"}.get(expected["outcome"], expected["reason"])
        wanted = {reason}
        found += ["records"] if telegram.records or telegram.fields else []
    return found if telegram.outcome in wanted else [*found, telegram.outcome]


def test_what_must_be_rejected_is(corpus: Path, counts: Counts) -> None:
    bad = list(read(corpus / "must_reject.jsonl"))
    wrong = {case["case_id"]: found for case in bad if (found := refused(case))}
    counts.note("must_reject.jsonl", len(bad), len(wrong))
    assert wrong == {}
    assert len(bad) > 60


def test_keys_decide_between_wrong_and_corrupt(cases: dict[str, Case]) -> None:
    encrypted = [
        case
        for case in cases.values()
        if (case.get("security") or {}).get("encrypted") and case["source"] == "constructed"
    ]
    assert len(encrypted) > 50
    for case in encrypted:
        frame = bytes.fromhex(case["telegram_hex"])
        right, other = Key(bytes.fromhex(case["key_hex"])), bytes(16)
        assert decode_telegram(frame, transport=case["transport"]).outcome == "no_key"
        assert decode_telegram(frame, [Key(other)], transport=case["transport"]).outcome == "wrong_key"
        assert decode_telegram(frame, [Key(other, verified=True)], transport=case["transport"]).outcome == "corrupt"
        second = decode_telegram(frame, [Key(other), right], transport=case["transport"])
        assert second.verified_key == 1
        stranger = decode_telegram(frame, [right], registered=frozenset({"nobody"}), transport=case["transport"])
        assert stranger.outcome == "foreign"


FIELDS = {
    "total_m3": "volume_m3",
    "total_energy_consumption_kwh": "energy_kwh",
    "return_temperature_c": "return_temp_c",
}


def test_canonical_fields_equal_the_published_values(cases: dict[str, Case]) -> None:
    compared = 0
    for case in cases.values():
        if case.get("driver") not in ("kamwater", "kamheat") or case["kind"] != "records" or not case.get("expected"):
            continue
        telegram = decode(case)
        for name, column in FIELDS.items():
            theirs, ours = case["expected"].get(name), telegram.fields.get(column)
            if isinstance(theirs, int | float) and ours is not None:
                compared += 1
                assert float(ours) == pytest.approx(theirs, rel=1e-4), (case["case_id"], column)  # type: ignore[arg-type]
    assert compared >= 10
