"""The standard's code tables, row by row, against the facts."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from decoders.link import READABLE_CI
from decoders.records import FUNCTIONS, RecordDamage, data_length
from decoders.tables.device_types import MEDIA
from decoders.tables.vif import VIF
from decoders.tables.vife import VIFE, VIFE_EXTENDED

pytestmark = pytest.mark.corpus

PREFIXES = {"primary": (), "FB": (0x7B,), "FD": (0x7D,), "FDFD": (0x7D, 0x7D)}


def rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))


def test_value_information(corpus: Path) -> None:
    wrong = []
    seen: dict[tuple[int, ...], set[int]] = {prefix: set() for prefix in PREFIXES.values()}
    for row in rows(corpus / "facts" / "vif_codes.csv"):
        prefix, code = PREFIXES[row["table"]], int(row["code"], 16)
        seen[prefix].add(code)
        ours = VIF[prefix].get(code)
        wanted = (row["quantity"], row["unit"] or None, int(row["exponent"] or 0))
        if ours is None or (ours.quantity, ours.unit, ours.exponent) != wanted:
            wrong.append((row, ours))
    assert wrong == []
    extra = {(prefix, code) for prefix, codes in seen.items() for code in set(VIF[prefix]) - codes}
    assert extra == set(), "codes that no source names"
    assert sum(map(len, seen.values())) > 300


def test_combinable_extensions(corpus: Path) -> None:
    facts = list(rows(corpus / "facts" / "vife_codes.csv"))
    assert {int(row["code"], 16): row["name"] for row in facts if not row["prefix"]} == VIFE
    assert {int(row["code"], 16): row["name"] for row in facts if row["prefix"] == "7C"} == VIFE_EXTENDED


def test_data_fields(corpus: Path) -> None:
    compared = 0
    for row in rows(corpus / "facts" / "dif_codes.csv"):
        if row["item"] == "data_field" and row["bytes"].isdigit():
            assert data_length(b"", 0, int(row["code"], 16)) == int(row["bytes"]), row
            compared += 1
        elif row["item"] == "function":
            assert FUNCTIONS[int(row["code"])] == row["meaning"]
            compared += 1
    sizes = {0x00: 0, 0xBF: 0xBF, 0xC0: 0, 0xC9: 9, 0xD0: 0, 0xD9: 9, 0xE0: 0, 0xEF: 15, 0xF0: 16, 0xF4: 32, 0xF5: 48}
    for code, size in {**sizes, 0xF6: 64}.items():
        assert data_length(bytes([code]), 0, 0xD) == 1 + size, f"{code:02X}"
    for code in (0xCA, 0xDA, 0xF7, 0xFF):
        with pytest.raises(RecordDamage, match="reserved LVAR"):
            data_length(bytes([code]), 0, 0xD)
    assert compared >= 16


def test_ci_fields_that_carry_data_are_read(corpus: Path) -> None:
    facts = {row["ci"]: row["meaning"] for row in rows(corpus / "facts" / "ci_fields.csv")}
    read = {f"{ci:02X}" for ci in READABLE_CI}
    data = {ci for ci, meaning in facts.items() if "frame" in meaning or meaning.startswith(("ELL I", "AFL"))}
    assert data - read == set()
    assert data >= {"69", "72", "78", "79", "7A", "8C", "8F", "90"}


def test_device_types(corpus: Path) -> None:
    facts = {int(row["code"], 16): row["medium"] for row in rows(corpus / "facts" / "device_types.csv")}
    assert {code: MEDIA.get(code) for code in facts} == facts
