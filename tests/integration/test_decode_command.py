"""``meterhouse decode``: frame files and keys in, JSON Lines out, without an installation."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from typer.testing import CliRunner

from cli.decode import decode
from cli.messages import messages
from decoders.crc import crc16
from registry.errors import RegistryError

Json = dict[str, Any]

KEY = bytes(range(16))
ADDRESS = bytes.fromhex("2D2C785634121B16")
AREA = bytes.fromhex("02FF20110004131531000044131030000061671A")
OBJECT = [
    "line", "meter_id", "manufacturer", "serial", "version", "device_type", "medium", "link", "security", "outcome",
    "reason", "payload_hex", "fields", "records",
]  # fmt: skip
SOMETIMES = {"more_records_follow", "device_eui"}
RECORD = ["function", "storage", "tariff", "subunit", "quantity", "unit", "value", "dib", "vib", "data_hex"]

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(decode)


def sealed(content: bytes, key: bytes = KEY, access_no: int = 7) -> str:
    session = (1 << 29 | 77 << 4).to_bytes(4, "little")
    cipher = Cipher(algorithms.AES(key), modes.CTR(ADDRESS + b"\x20" + session + bytes(3))).encryptor()
    body = b"\x44" + ADDRESS + bytes([0x8D, 0x20, access_no]) + session
    body += cipher.update(crc16(content).to_bytes(2, "little") + content)
    return (bytes([len(body)]) + body).hex()


def run(*arguments: object) -> list[Json]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_objects_have_the_keys_of_the_contract(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA) + "\n")
    keys = written(
        tmp_path / "keys.csv", f"manufacturer,serial,version,device_type,key\nKAM,12345678,1b,16,{KEY.hex()}\n"
    )
    (found,) = run(frames, "--keys", keys)
    assert list(found) == OBJECT
    assert [list(record) for record in found["records"]] == [RECORD] * 4
    assert (found["line"], found["meter_id"], found["outcome"]) == (1, "KAM-12345678-1b-16", "decoded")
    assert (found["medium"], found["link"], found["security"]) == ("cold water", "no_crc", "ell_ctr")
    assert found["fields"] == {
        "volume_m3": 12.565,
        "info_code": 17,
        "info_code_kind": "water_16bit",
        "info_codes": ["DRY"],
    }
    assert found["records"][1] == {
        "function": "instantaneous", "storage": 0, "tariff": 0, "subunit": 0, "quantity": "volume", "unit": "m3",
        "value": 12.565, "dib": "04", "vib": "13", "data_hex": "15310000",
    }  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        ["manufacturer,serial,key", f"KAM,12345678,{KEY.hex()}"],
        ["key,serial,model,manufacturer", f"{KEY.hex().upper()},12345678,flowIQ,kam"],
        ["manufacturer,serial,version,device_type,key", f"KAM,12345678,,,{KEY.hex()}"],
        ["manufacturer,serial,version,device_type,key", f"KAM,12345678,1B,16,{KEY.hex()}"],
        ["manufacturer,serial,key", f"KAM,12345678,{bytes(16).hex()}", f"KAM,12345678,{KEY.hex()}"],
    ],
    ids=["serial alone", "any order", "empty version", "upper case", "several keys"],
)
def test_a_key_finds_its_meter(tmp_path: Path, lines: list[str]) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    keys = written(tmp_path / "keys.csv", "\n".join(lines))
    assert [item["outcome"] for item in run(frames, "--keys", keys)] == ["decoded"]


@pytest.mark.parametrize(
    "line", [f"KAM,12345678,1b,07,{KEY.hex()}", f"KAM,12345679,1b,16,{KEY.hex()}", "KAM,12345678,1b,16,"]
)
def test_a_key_of_another_meter_is_no_key(tmp_path: Path, line: str) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    keys = written(tmp_path / "keys.csv", f"manufacturer,serial,version,device_type,key\n{line}\n")
    assert [item["outcome"] for item in run(frames, "--keys", keys)] == ["no_key"]


def test_a_bad_key_is_told_without_the_key(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    secret = KEY.hex()[:-1] + "x"
    keys = written(tmp_path / "keys.csv", f"manufacturer,serial,key\nKAM,12345678,{secret}\nKAM,12345678,{KEY.hex()}\n")
    with messages.capture() as told:
        assert [item["outcome"] for item in run(frames, "--keys", keys)] == ["decoded"]
    assert "keys.csv line 2" in told.get()
    assert secret not in told.get()


def test_a_line_with_a_field_too_few_is_told(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    keys = written(tmp_path / "keys.csv", "manufacturer,serial,key\nKAM,12345678\n")
    with messages.capture() as told:
        assert [item["outcome"] for item in run(frames, "--keys", keys)] == ["no_key"]
    assert "keys.csv line 2: 2 fields instead of 3" in told.get()


def test_a_key_file_without_a_column_is_refused(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    keys = written(tmp_path / "keys.csv", f"manufacturer,number,key\nKAM,12345678,{KEY.hex()}\n")
    with pytest.raises(RegistryError, match=r"keys\.csv lacks the columns serial"):
        run(frames, "--keys", keys)


def test_a_compact_frame_finds_its_format_in_any_file_and_order(tmp_path: Path) -> None:
    headers = bytes.fromhex("02FF20" + "0413" + "8C0113" + "0259")
    area = bytes.fromhex("02FF200000" + "041315310000" + "8C011310300000" + "02595A00")
    data = bytes.fromhex("0000" + "15310000" + "10300000" + "5A00")
    compact = b"\x79" + crc16(headers).to_bytes(2, "little") + crc16(area).to_bytes(2, "little") + data
    first = written(tmp_path / "a.hex", sealed(compact, access_no=8))
    second = written(tmp_path / "b.hex", sealed(b"\x78" + area))
    keys = written(tmp_path / "keys.csv", f"manufacturer,serial,key\nKAM,12345678,{KEY.hex()}\n")
    assert [item["outcome"] for item in run(first, "--keys", keys)] == ["unknown_format"]
    both = run(first, second, "--keys", keys)
    assert [item["outcome"] for item in both] == ["decoded", "decoded"]
    assert both[0]["fields"] == both[1]["fields"]
    assert [item["outcome"] for item in run(second, first, "--keys", keys)] == ["decoded", "decoded"]


def test_a_key_that_has_proved_itself_makes_a_failure_damage(tmp_path: Path) -> None:
    good = sealed(b"\x78" + AREA)
    bad = good[:-2] + f"{int(good[-2:], 16) ^ 1:02x}"
    keys = written(tmp_path / "keys.csv", f"manufacturer,serial,key\nKAM,12345678,{KEY.hex()}\n")
    alone = run(written(tmp_path / "bad.hex", bad), "--keys", keys)
    assert [item["outcome"] for item in alone] == ["wrong_key"]
    both = run(written(tmp_path / "both.hex", f"{bad}\n{good}\n"), "--keys", keys)
    assert [item["outcome"] for item in both] == ["corrupt", "decoded"]


def test_json_lines_carry_their_case_and_key(tmp_path: Path) -> None:
    rows = [
        {"case_id": "one", "telegram_hex": sealed(b"\x78" + AREA), "key_hex": KEY.hex(), "transport": "wmbus"},
        {"telegram_hex": sealed(b"\x78" + AREA)},
    ]
    frames = written(tmp_path / "frames.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    first, second = run(frames)
    assert (first["case_id"], first["outcome"], list(first)[1:]) == ("one", "decoded", OBJECT)
    assert (second["outcome"], "case_id" in second) == ("no_key", False)


def test_a_result_file_is_whole_or_not_there(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.hex", sealed(b"\x78" + AREA))
    out = written(tmp_path / "out.jsonl", "old")
    assert run(frames, "--out", out) == []
    assert json.loads(out.read_text(encoding="utf-8"))["outcome"] == "no_key"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.hex", "out.jsonl"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["constructed", "reencoded", "wmbus", "mbus", "must_reject"])
def test_every_line_of_the_corpus_has_its_object(corpus: Path, name: str) -> None:
    file = corpus / f"{name}.jsonl"
    cases = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = run(file)
    assert [item["case_id"] for item in found] == [case["case_id"] for case in cases]
    assert all([name for name in item if name not in SOMETIMES] == ["case_id", *OBJECT] for item in found)
    records = [record for item in found for record in item["records"]]
    assert all([name for name in record if name != "profile"] == RECORD for record in records)
    if name in ("constructed", "reencoded"):
        whole = {"records", "compact"}
        wrong = [
            (case["case_id"], item["outcome"])
            for case, item in zip(cases, found, strict=True)
            if case["kind"] in whole and item["outcome"] != ("partial" if case.get("records_error") else "decoded")
        ]
        assert wrong == []


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["rtl_wmbus.txt", "logged_telegrams.txt", "c_mode_fifo.hex"])
def test_receiver_files_say_what_the_cases_say(corpus: Path, tmp_path: Path, name: str) -> None:
    rows = (corpus / "constructed.jsonl").read_text(encoding="utf-8").splitlines()
    cases = {row["case_id"]: row for row in map(json.loads, rows)}
    feed = name.partition(".")[0]
    expected = json.loads((corpus / "feeds" / f"{feed}.expected.json").read_text(encoding="utf-8"))
    # Meters of the corpus have a key of their own each, so that one file serves all lines.
    secrets = {
        (row["manufacturer"], row["meter_id"], row["version"], row["type"], row["key_hex"])
        for row in (cases[item["case_id"]] for item in expected)
        if row["key_hex"]
    }
    table = "\n".join(
        ["manufacturer,serial,version,device_type,key", *(",".join(secret) for secret in sorted(secrets))]
    )
    found = {item["line"]: item for item in run(corpus / "feeds" / name, "--keys", written(tmp_path / "k.csv", table))}
    assert found.keys() == {item["line"] for item in expected}
    for item in expected:
        case, got = cases[item["case_id"]], found[item["line"]]
        if case["kind"] == "records" and not case.get("records_error"):
            assert got["outcome"] == "decoded", (item, got["reason"])
            assert got["serial"] == case["meter_id"].lower()
            assert got["link"] == item.get("frame_format", got["link"])
            assert [r["data_hex"] for r in got["records"]] == [r["data_hex"].lower() for r in case["records"]]
