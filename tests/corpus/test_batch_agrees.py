"""The batch decoder says what the scalar decoder says, of every telegram of the corpus and of damaged copies."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from decoders.batch import Decoded, decode_batch, keys, transport
from decoders.batch.values import cells_of
from decoders.canonical import plan
from decoders.compact import KNOWN
from decoders.fragments import fragment_of, messages
from decoders.records import data_length
from decoders.scalar import Key, Telegram, decode_telegram, of_parts
from decoders.tables.vif import VIF

pytestmark = pytest.mark.corpus

FILES = ("constructed", "reencoded", "wmbus", "mbus", "must_reject")
PROVEN = ", though the key has verified other frames"


@pytest.fixture(autouse=True)
def _columns_for_few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpus has few frames of a kind; columns are to decode them all the same."""
    monkeypatch.setattr(transport, "WORTH_COLUMNS", 1)
    monkeypatch.setattr(keys, "_COLUMNS_START", 0)


@dataclass(frozen=True)
class Case:
    frame: bytes
    key: bytes | None


def cases(corpus: Path) -> list[Case]:
    found: dict[bytes, Case] = {}
    for name in FILES:
        for line in (corpus / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = row["telegram_hex"]
            key = bytes.fromhex(row.get("key_hex") or "")
            if len(text) % 2 == 0 and row.get("transport") != "lorawan":
                frame = bytes.fromhex(text)
                found.setdefault(frame, Case(frame, key if len(key) == 16 else None))
    return list(found.values())


def key_table(all_cases: Iterable[Case]) -> pl.DataFrame:
    """Every key of the corpus under the meter that the frame names, with a useless key before it here and there."""
    keys: dict[str, dict[bytes, None]] = defaultdict(dict)
    for case in all_cases:
        meter_id = decode_telegram(case.frame).meter_id
        if case.key is not None and meter_id is not None:
            if len(keys) % 3 == 0:
                keys[meter_id][bytes(16)] = None
            keys[meter_id][case.key] = None
    rows = [(meter_id, number, key, False) for meter_id, theirs in keys.items() for number, key in enumerate(theirs)]
    return pl.DataFrame(
        rows, schema={"meter_id": pl.String, "key_no": pl.Int32, "key": pl.Binary, "verified": pl.Boolean}, orient="row"
    )


def scalar(frames: list[bytes], keys: pl.DataFrame, registered: set[str] | None = None) -> list[Telegram]:
    """One at a time: formats and proven keys of all frames first, then every frame with them."""
    theirs: dict[str, list[Key]] = defaultdict(list)
    for meter_id, _, key, verified in keys.rows():
        theirs[meter_id].append(Key(key, verified))
    bare = [decode_telegram(frame, (), KNOWN, registered) for frame in frames]
    formats = KNOWN
    telegrams = bare
    for _ in range(2):
        telegrams = [
            decode_telegram(frame, theirs.get(header.meter_id or "", ()), formats, registered)
            for frame, header in zip(frames, bare, strict=True)
        ]
        for telegram, header in zip(telegrams, bare, strict=True):
            if telegram.learned is not None and telegram.meter_id is not None:
                formats = formats.with_learned(telegram.learned[0], telegram.meter_id, telegram.learned[1])
            if telegram.verified_key is not None:
                known = theirs[header.meter_id or ""]
                known[telegram.verified_key] = Key(known[telegram.verified_key].value, verified=True)
    parts = ((row, fragment_of(frames[row])) for row, telegram in enumerate(telegrams) if telegram.is_fragment)
    for message in messages((row, part) for row, part in parts if part is not None):
        for row, telegram in of_parts(message, [telegrams[row] for row in message.places]):
            telegrams[row] = telegram
    return telegrams


def assert_agree(frames: list[bytes], keys: pl.DataFrame, registered: set[str] | None = None) -> Decoded:
    ids = [f"f{number}" for number in range(len(frames))]
    decoded = decode_batch(
        pl.DataFrame({"frame_id": ids, "frame": frames}, schema={"frame_id": pl.String, "frame": pl.Binary}),
        keys,
        KNOWN,
        None if registered is None else pl.Series(sorted(registered), dtype=pl.String),
    )
    telegrams = scalar(frames, keys, registered)
    assert decoded.outcomes["frame_id"].to_list() == ids
    readings = {
        row["frame_id"]: row
        for row in decoded.with_frames(decoded.readings, "frame_id", "meter_id", "telegram_key").to_dicts()
    }
    records: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in decoded.with_frames(decoded.records, "frame_id", "meter_id").sort("frame_id", "record_no").to_dicts():
        records[row["frame_id"]].append(row)
    assert len(readings) == decoded.readings.height
    for frame_id, frame, telegram, found in zip(ids, frames, telegrams, decoded.outcomes.to_dicts(), strict=True):
        expected = {
            "frame_id": frame_id,
            "outcome": telegram.outcome,
            "reason": telegram.reason,
            "meter_id": telegram.meter_id,
            "access_no": telegram.access_no,
            "status": telegram.status,
            "telegram_key": telegram.telegram_key,
            "signature": None if telegram.signature is None else f"{telegram.signature:04X}",
            "link": telegram.link or None,
            "security": telegram.security,
            "layout_id": telegram.layout_id,
        }
        assert found == expected, frame.hex()
        assert reading_of(readings.get(frame_id)) == fields_of(telegram), frame.hex()
        assert records[frame_id] == records_of(frame_id, telegram), frame.hex()
        if telegram.fields:
            assert readings[frame_id]["meter_id"] == telegram.meter_id
            assert readings[frame_id]["telegram_key"] == telegram.telegram_key
            assert readings[frame_id]["layout_id"] == telegram.layout_id
    assert_layouts(decoded, telegrams)
    return decoded


def reading_of(row: dict[str, object] | None) -> dict[str, object]:
    if row is None:
        return {}
    values = {
        name: value
        for name, value in row.items()
        if name not in ("frame_id", "meter_id", "telegram_key", "layout_id") and value is not None
    }
    if "device_time" in values:
        values["device_time"] = values["device_time"].isoformat()
    return values


def fields_of(telegram: Telegram) -> dict[str, object]:
    fields: dict[str, object] = {name: value for name, value in telegram.fields.items() if value is not None}
    if "device_time" in fields and len(str(fields["device_time"])) == len("2026-01-31T10:00"):
        fields["device_time"] = f"{fields['device_time']}:00"
    return fields


def records_of(frame_id: str, telegram: Telegram) -> list[dict[str, object]]:
    if telegram.address is None or not telegram.records:
        return []
    address = telegram.address
    used = plan(*address.device, telegram.records).used()
    rows = []
    for number, record in enumerate(telegram.records):
        if number in used:
            continue
        raw, value, text = cells_of(record)
        rows.append(
            {
                "meter_id": telegram.meter_id,
                "frame_id": frame_id,
                "record_no": number,
                "quantity": record.quantity,
                "unit": record.unit,
                "function": record.function,
                "storage": record.storage,
                "tariff": record.tariff,
                "subunit": record.subunit,
                "value": value,
                "value_text": text,
                "raw_value": raw,
                "exponent": record.exponent,
                "modifiers": ",".join(record.modifiers) or None,
                "dib": record.dib.hex(),
                "vib": record.vib.hex(),
                "data_hex": record.data.hex(),
            }
        )
    return rows


def assert_layouts(decoded: Decoded, telegrams: list[Telegram]) -> None:
    expected = set()
    for telegram in telegrams:
        if telegram.layout_id is None or telegram.address is None:
            continue
        address = telegram.address
        device = address.device
        for field in plan(*device, telegram.records).resolutions:
            expected.add((telegram.layout_id, field.name, field.numerator, field.denominator, field.digits))
    assert set(decoded.layouts.rows()) == expected


def test_the_corpus_in_one_shuffled_batch(corpus: Path) -> None:
    everything = cases(corpus)
    random.Random(7).shuffle(everything)
    decoded = assert_agree([case.frame for case in everything], key_table(everything))
    outcomes = dict(decoded.outcomes.group_by("outcome").len().rows())
    assert len(everything) > 700
    assert outcomes["decoded"] > 600
    assert {"corrupt", "wrong_key", "no_key", "unsupported", "application_error", "manufacturer_data"} <= set(outcomes)


def test_without_keys_and_with_half_of_the_meters_registered(corpus: Path) -> None:
    everything = cases(corpus)
    meters = sorted({decode_telegram(case.frame).meter_id or "" for case in everything})
    frames = [case.frame for case in everything]
    decoded = assert_agree(frames, key_table([]), set(meters[::2]))
    assert {"foreign", "no_key"} <= set(decoded.outcomes["outcome"])


@pytest.mark.parametrize("seed", range(3))
def test_flipped_truncated_and_repeated_telegrams(corpus: Path, seed: int) -> None:
    everything = cases(corpus)
    choice = random.Random(seed)
    frames = []
    for case in choice.choices(everything, k=700):
        frame = bytearray(case.frame)
        for _ in range(choice.choice((0, 1, 1, 2))):
            frame[choice.randrange(len(frame))] ^= 1 << choice.randrange(8)
        if choice.random() < 0.15:
            frame = frame[: choice.randrange(len(frame))]
        frames.append(bytes(frame))
    assert_agree(frames, key_table(everything))


def test_damaged_records_of_unprotected_telegrams(corpus: Path) -> None:
    """Without link checksums a flipped bit reaches the records, so layouts, values and damage come from noise."""
    choice = random.Random(11)
    plain = [case.frame for case in cases(corpus) if case.key is None and case.frame[0] == len(case.frame) - 1]
    frames = []
    for frame in choice.choices(plain, k=800):
        noisy = bytearray(frame)
        for _ in range(choice.randrange(3)):
            noisy[choice.randrange(10, len(noisy))] = choice.randrange(256)
        frames.append(bytes(noisy))
    assert_agree(frames, key_table([]))


@pytest.mark.parametrize("seed", range(2))
def test_any_record_of_the_standard(seed: int) -> None:
    """Every data field with every VIF, of meters with and without a device file, sometimes several of a layout."""
    choice = random.Random(seed)
    addresses = [bytes.fromhex(text) for text in ("2D2C785634121B16", "2D2C785634121C04", "93157856341201FE")]
    vibs = [
        bytes([*(0x80 | code for code in prefix), code])
        for prefix, meanings in VIF.items()
        for code in meanings
        for _ in range(8 if not prefix and code < 0x70 else 1)
    ]
    lengths = [*range(4), *range(0xC0, 0xCA), 0xD1, 0xD4, *range(0xE0, 0xEA), 0xF0]
    frames = []
    for _ in range(600):
        dif, vib, address = choice.choice((*range(15), 0x0D, 0x0D)), choice.choice(vibs), choice.choice(addresses)
        if choice.random() < 0.2:
            vib = bytes([*vib[:-1], 0x80 | vib[-1], *choice.choice((b"\x78", b"\xfc\x11", b"\x7d", b"\x3c", b"\x22"))])
        variable = bytes([choice.choice(lengths)]) if dif == 0x0D else b""
        size = data_length(variable, 0, dif) - len(variable)
        for _ in range(choice.choice((1, 1, 4))):
            data = bytes(choice.choice((0x00, 0x12, 0x99, 0xFF, choice.randrange(256))) for _ in range(size))
            body = b"\x44" + address + b"\x78" + bytes([dif]) + vib + variable + data
            frames.append(bytes([len(body)]) + body)
    decoded = assert_agree(frames, key_table([]))
    assert len(decoded.records) + len(decoded.readings) > 600
    assert decoded.readings["volume_m3"].count() > 5


def test_a_register_has_six_exact_decimals(corpus: Path) -> None:
    everything = cases(corpus)
    decoded = assert_agree([case.frame for case in everything[:100]], key_table(everything))
    volumes = decoded.readings["volume_m3"].drop_nulls()
    assert volumes.dtype == pl.Decimal(18, 6)
    assert all(isinstance(volume, Decimal) for volume in volumes)
