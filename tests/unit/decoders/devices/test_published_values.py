"""Canonical columns against the values that were published with the captures, for every family that has some."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from decoders.compact import KNOWN
from decoders.families import of_device
from decoders.info_codes import BITS, names
from decoders.scalar import Key, Telegram, decode_telegram

pytestmark = pytest.mark.corpus

Case = dict[str, Any]

NAMES = {
    "volume_m3": "total_m3 total_volume_m3 volume_m3 total_water_m3 total_heating_m3",
    "energy_kwh": (
        "total_kwh total_energy_kwh heat_kwh total_heating_kwh total_heat_energy_kwh total_energy_consumption_kwh"
    ),
    "cooling_energy_kwh": (
        "total_cooling_kwh total_cooling_consumption_kwh total_energy_cooling_kwh total_cooling_energy_kwh"
    ),
    "energy_import_kwh": "total_active_positive_3phase_kwh",
    "energy_export_kwh": "total_energy_production_kwh total_active_partial_3phase_kwh",
    "volume_temp_flow_m3c": "forward_energy_m3c",
    "volume_temp_return_m3c": "return_energy_m3c",
    "input_a": "input1_volume_m3 c1_volume_m3 total_volume_subunit1_m3 total_subunit1_m3 subunit1_m3",
    "input_b": "input2_volume_m3 c2_volume_m3 total_volume_subunit2_m3 total_subunit2_m3",
    "flow_temp_c": "flow_temperature_c t1_temperature_c supply_temperature_c forward_c flow_c",
    "return_temp_c": "return_temperature_c t2_temperature_c return_c",
    "ambient_temp_c": "external_temperature_c temperature_c current_temperature_c current_room_temp_c",
    "flow_m3h": "volume_flow_m3h flow_m3h flow_water_m3h current_volume_flow_m3h",
    "power_kw": "power_kw current_power_kw current_power_consumption_kw",
    "power_import_kw": "active_power_overall_kw active_consumption_kw active_positive_3phase_kw",
    "power_export_kw": "current_power_production_kw active_negative_3phase_kw",
    "pressure_bar": "pressure_bar",
    "device_time": "meter_datetime device_datetime device_date_time",
}
COLUMNS = {name: column for column, names in NAMES.items() for name in names.split()}
"""Column by published name."""

OF_ELECTRICITY = {"energy_kwh": "energy_import_kwh", "power_kw": "power_import_kw"}

OTHERWISE = {
    ("aerius", "temperature_c"): "the temperature of the gas is in flow_temp_c",
    ("apator162", "total_m3"): "the manufacturer's own structure, kept as bytes",
    ("eltako", "total_kwh"): "the first of two tariffs, not their sum",
    ("hydrocalm4", "power_kw"): "published as kJ/h, coded as J/h",
    ("iem3000", "meter_datetime"): "the meter marks its time as invalid",
    ("kamheat", "t1_temperature_c"): "0 degC of a broken sensor",
    ("kamheat", "t2_temperature_c"): "0 degC of a broken sensor",
    ("kamheat", "volume_flow_m3h"): "no flow for want of a sensor",
    ("kamwater", "flow_temperature_c"): "the minimum of the month before, not the current temperature",
    ("q400", "total_m3"): "published of a damaged telegram",
    ("qheat", "total_energy_consumption_kwh"): "the manufacturer's own structure, kept as bytes",
    ("qheatv2", "total_kwh"): "the manufacturer's own structure, kept as bytes",
    ("relhca", "meter_datetime"): "the meter marks its time as invalid",
    ("uiws", "meter_datetime"): "the century, published without",
    ("waterstarm", "meter_datetime"): "the meter marks its time as invalid",
    ("zenner0b", "total_m3"): "the manufacturer's own structure, kept as bytes",
}
"""Where this decoder and the published values part, and why. Each must happen, or leave the list."""

OF_OTHER_SOURCES = {
    # The status byte of the header is no column.
    "sensostar": {"POWER_LOW", "TEMPORARY_ERROR", "ALARM", "UNKNOWN_20"},
    "water_star": {"POWER_LOW"},
    # Which of two bits means which is not public.
    "ultrimis": {"DRY", "HIGH_TEMPERATURE"},
    # A bit without a published meaning.
    "water_32bit": {"ERROR_FLAGS_800"},
}
"""Parts of published states that no bit table tells, by kind. Each must happen, or leave the list."""


def cases_of(corpus: Path, file: str) -> dict[str, Case]:
    with (corpus / f"{file}.jsonl").open(encoding="utf-8") as lines:
        return {case["case_id"]: case for case in map(json.loads, lines)}


def decode(case: Case, cases: dict[str, Case]) -> Telegram:
    secret = bytes.fromhex(case["key_hex"] or "")
    keys, formats = [Key(secret)] if secret else [], KNOWN
    if case.get("needs_case"):
        full = decode(cases[case["needs_case"]], cases)
        assert full.learned is not None
        formats = KNOWN.with_learned(full.learned[0], str(full.meter_id), full.learned[1])
    return decode_telegram(bytes.fromhex(case["telegram_hex"]), keys, formats, transport=case["transport"])


def same(column: str, ours: object, published: object) -> bool:
    if published is None or ours is None:
        return published is ours
    if isinstance(published, str):
        return str(ours).replace("T", " ").startswith(published[:16])
    number, expected = float(str(ours)), float(str(published))
    # Published values have six decimals; E8 and E9 are published as counts, in whatever step the volume has.
    steps = (0.1, 1.0, 10.0, 100.0) if column.startswith("volume_temp") else (1.0,)
    return any(abs(number - expected * step) <= max(1.1e-6, 1e-9 * abs(expected)) for step in steps)


@pytest.fixture(scope="module")
def comparison(corpus: Path) -> tuple[dict[str, Counter[str]], dict[tuple[str, str], list[str]]]:
    """By file, how many values of each family are alike; by family and name, those that are not."""
    alike: dict[str, Counter[str]] = {}
    apart: dict[tuple[str, str], list[str]] = {}
    for file in ("wmbus", "mbus"):
        alike[file] = Counter()
        cases = cases_of(corpus, file)
        for case in cases.values():
            published = {name: value for name, value in (case.get("expected") or {}).items() if name in COLUMNS}
            telegram = decode(case, cases) if published else None
            if telegram is None or telegram.address is None or telegram.outcome not in ("decoded", "partial"):
                continue  # which outcomes are right is another test's question
            electric = telegram.address.device_type == 0x02
            for name, value in published.items():
                column = OF_ELECTRICITY.get(COLUMNS[name], COLUMNS[name]) if electric else COLUMNS[name]
                ours = telegram.fields.get(column)
                if not same(column, ours, value):
                    difference = f"{case['case_id']} {name} {value}, {column} {ours}"
                    apart.setdefault((case["driver"], name), []).append(difference)
                elif value is not None:
                    alike[file][case["driver"]] += 1
    return alike, apart


def test_columns_have_the_published_values(comparison, capsys: pytest.CaptureFixture[str]) -> None:
    alike, apart = comparison
    with capsys.disabled():
        for file, counts in alike.items():
            print(f"\n{file}.jsonl: {counts.total()} published values of {len(counts)} families are alike")
    assert [apart[key] for key in apart if key not in OTHERWISE] == []
    assert alike["wmbus"].total() >= 420
    assert alike["mbus"].total() >= 105


def test_every_reason_to_part_still_holds(comparison) -> None:
    _, apart = comparison
    assert set(OTHERWISE) - set(apart) == set()


def test_info_codes_have_the_published_names(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    met: Counter[str] = Counter()
    others: dict[str, set[str]] = {}
    for file in ("wmbus", "mbus"):
        cases = cases_of(corpus, file)
        for case in cases.values():
            published = case.get("expected") or {}
            fields = decode(case, cases).fields if "status" in published else {}
            kind, word = fields.get("info_code_kind"), fields.get("info_code")
            if kind not in set(BITS["kind"]):
                continue
            assert isinstance(kind, str)
            assert isinstance(word, int)
            told = set(f"{published['status']} {published.get('info', '')}".split()) - {"OK"}
            if kind == "sensostar":
                told = {name.removeprefix("ERROR_") for name in told}
            other = told & OF_OTHER_SOURCES.get(kind, set())
            others.setdefault(kind, set()).update(other)
            assert told - other == set(names(kind, word)), case["case_id"]
            met[kind] += 1
    with capsys.disabled():
        print(f"\n{met.total()} published states of {len(met)} kinds of info codes are alike")
    assert {kind: found for kind, found in others.items() if found} == OF_OTHER_SOURCES
    assert met.total() >= 30


def test_every_family_of_the_corpus_has_a_file(corpus: Path) -> None:
    families: set[str] = set()
    for file in ("wmbus", "mbus"):
        cases = cases_of(corpus, file)
        for case in (case for case in cases.values() if case["driver"]):
            address = decode(case, cases).address
            assert address is not None, case["case_id"]
            assert of_device(*address.device)[0].file != "generic.toml", case["case_id"]
            families.add(case["driver"])
    assert len(families) >= 80
