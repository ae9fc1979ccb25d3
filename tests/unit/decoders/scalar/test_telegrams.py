"""Telegrams made here: links, security, compact frames, canonical fields, and bytes that mean nothing."""

from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from decoders.canonical import apply_plan, plan
from decoders.compact import KNOWN, format_of
from decoders.crc import crc16
from decoders.info_codes import BITS, CLASSES, names
from decoders.link import LinkDamage, read_link
from decoders.records import parse_records
from decoders.scalar import Key, decode_telegram

ADDRESS = bytes.fromhex("2D2C785634121B16")
KEY = bytes(range(16))
AREA = bytes.fromhex("02FF2000000413153100004413103000006167")[:-2] + bytes.fromhex("0259E803")


def plain(area: bytes = AREA, address: bytes = ADDRESS) -> bytes:
    body = b"\x44" + address + b"\x78" + area
    return bytes([len(body)]) + body


def sealed(area: bytes = AREA, key: bytes = KEY, ci: bytes = b"\x78") -> bytes:
    session = (1 << 29 | 77 << 4).to_bytes(4, "little")
    cipher = Cipher(algorithms.AES(key), modes.CTR(ADDRESS + b"\x20" + session + bytes(3))).encryptor()
    content = ci + area
    body = b"\x44" + ADDRESS + b"\x8d\x20\x07" + session
    body += cipher.update(crc16(content).to_bytes(2, "little") + content)
    return bytes([len(body)]) + body


def format_a(frame: bytes) -> bytes:
    blocks = [frame[:10], *(frame[start : start + 16] for start in range(10, len(frame), 16))]
    return b"".join(block + crc16(block).to_bytes(2, "big") for block in blocks)


def format_b(frame: bytes) -> bytes:
    body = bytes([frame[0] + 2]) + frame[1:]
    return body + crc16(body).to_bytes(2, "big")


@pytest.mark.parametrize("wrap", [bytes, format_a, format_b], ids=["no_crc", "A", "B"])
def test_all_link_formats_say_the_same(wrap) -> None:
    telegram = decode_telegram(wrap(sealed()), [Key(KEY)])
    assert (telegram.outcome, telegram.meter_id) == ("decoded", "KAM-12345678-1b-16")
    assert telegram.fields["volume_m3"] == Decimal("12.565000")
    assert telegram.telegram_key == decode_telegram(sealed(), [Key(KEY)]).telegram_key


def test_sync_words_and_trailing_bytes_are_left_out() -> None:
    assert decode_telegram(b"\x54\xcd" + format_a(plain()) + b"\xaa\x55\x13").link == "A"
    assert decode_telegram(b"\x54\x3d" + format_b(plain()) + b"\xaa\x55\x13").link == "B"


def test_a_flipped_bit_is_corrupt_and_gives_nothing() -> None:
    frame = bytearray(format_a(sealed()))
    frame[20] ^= 1
    telegram = decode_telegram(bytes(frame), [Key(KEY)])
    assert (telegram.outcome, telegram.records, telegram.fields) == ("corrupt", (), {})


def test_a_truncated_frame_is_corrupt() -> None:
    assert decode_telegram(plain()[:-3]).outcome == "corrupt"
    with pytest.raises(LinkDamage):
        read_link(plain()[:6])


def test_what_failing_keys_mean() -> None:
    assert decode_telegram(sealed()).outcome == "no_key"
    assert decode_telegram(sealed(), [Key(bytes(16))]).outcome == "wrong_key"
    assert decode_telegram(sealed(), [Key(bytes(16), verified=True)]).outcome == "corrupt"
    assert decode_telegram(sealed(), registered=frozenset()).outcome == "foreign"
    assert KEY.hex() not in repr(Key(KEY))


def test_logged_plain_payload_is_taken_as_it_is() -> None:
    content = b"\x78" + AREA
    session = (1 << 29 | 5 << 4).to_bytes(4, "little")
    body = b"\x44" + ADDRESS + b"\x8d\x20\x07" + session + crc16(content).to_bytes(2, "little") + content
    telegram = decode_telegram(bytes([len(body)]) + body)
    assert (telegram.outcome, telegram.security) == ("decoded", "ell_ctr logged_plain")


def test_compact_frames_need_their_format() -> None:
    area = bytes.fromhex("02FF200000" + "0413153100008401131030000002595A00")
    signature, headers = format_of(area)  # type: ignore[misc]
    data = bytes.fromhex("0000" + "15310000" + "10300000" + "5A00")
    content = signature.to_bytes(2, "little") + crc16(area).to_bytes(2, "little") + data
    frame = sealed(content, ci=b"\x79")
    assert decode_telegram(frame, [Key(KEY)]).outcome == "unknown_format"
    taught = KNOWN.with_learned(signature, "KAM-12345678-1b-16", headers)
    telegram = decode_telegram(frame, [Key(KEY)], taught)
    full = decode_telegram(sealed(area), [Key(KEY)])
    assert telegram.fields == full.fields
    assert telegram.layout_id == full.layout_id


@pytest.mark.parametrize(
    ("volume", "factor"), [("13", Decimal("0.1")), ("14", Decimal(1)), ("15", Decimal(10)), ("16", Decimal(100))]
)
def test_weighted_registers_follow_the_volumes_resolution(volume: str, factor: Decimal) -> None:
    records, _ = parse_records(bytes.fromhex(f"04{volume}01000000" + "04FF0739300000" + "04FF0801000000"))
    fields = apply_plan(plan("KAM", "34", "0c", records), records)
    assert fields["volume_temp_flow_m3c"] == 12345 * factor
    assert fields["volume_temp_return_m3c"] == factor


def test_a_register_in_joules_is_exact_in_counts() -> None:
    records, _ = parse_records(bytes.fromhex("040F07000000"))
    found = plan("KAM", "39", "04", records)
    (field,) = found.resolutions
    assert (field.numerator, field.denominator) == (25, 9)
    assert apply_plan(found, records)["energy_kwh"] == Decimal("19.444444")
    assert found.used() == frozenset()


def test_sentinels_are_missing_and_flagged() -> None:
    broken, _ = parse_records(bytes.fromhex("0414010000000259444802 5D0000".replace(" ", "") + "04FF2208000000"))
    fields = apply_plan(plan("KAM", "34", "0c", broken), broken)
    assert "flow_temp_c" not in fields
    assert "return_temp_c" not in fields
    assert fields["flags"] == "SENTINEL:flow_temp_c,SENTINEL:return_temp_c"
    assert "volume_m3" in fields, "water is counted without temperatures"
    cold, _ = parse_records(bytes.fromhex("0414010000000259E803025D000004FF2200000000"))
    assert apply_plan(plan("KAM", "34", "0c", cold), cold)["return_temp_c"] == 0.0


def test_multiplied_registers_feed_their_columns() -> None:
    records, _ = parse_records(bytes.fromhex("0493 7D D2040000".replace(" ", "") + "0486 73 D2040000".replace(" ", "")))
    fields = apply_plan(plan("ABC", "01", "04", records), records)
    assert (fields["volume_m3"], fields["energy_kwh"]) == (Decimal(1234), Decimal("1.234"))


def test_registers_without_their_sensor_stand_still() -> None:
    def flags(word: int) -> object:
        telegram = "040664000000" + "041410000000" + "04FF22" + word.to_bytes(4, "little").hex()
        records, _ = parse_records(bytes.fromhex(telegram))
        fields = apply_plan(plan("KAM", "34", "0c", records), records)
        assert {"volume_m3", "energy_kwh"} <= set(fields)
        return fields.get("flags")

    assert flags(0) is None
    assert flags(1 << 8) is None, "air in the flow sensor breaks no sensor"
    assert flags(1 << 4) == "FROZEN:energy_kwh"
    assert flags(1 << 16) == "FROZEN:energy_kwh,FROZEN:volume_m3"


def test_names_of_info_codes() -> None:
    assert names("water_16bit", 0x0011) == ["DRY"]
    assert names("water_16bit", 0x0070) == []
    assert names(None, 1) == []
    assert BITS.height > 60
    assert CLASSES["mask"].unique().to_list() == [7]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_give_a_telegram(frame: bytes) -> None:
    telegram = decode_telegram(frame, [Key(KEY)])
    assert telegram.outcome
    assert telegram.outcome in ("decoded", "partial") or telegram.records == ()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(format_a(sealed())) * 8 - 1), st.integers(0, 7))
def test_damage_never_gives_records(position: int, cut: int) -> None:
    frame = bytearray(format_a(sealed()))
    frame[position // 8] ^= 1 << position % 8
    telegram = decode_telegram(bytes(frame[: len(frame) - cut]), [Key(KEY, verified=True)])
    assert telegram.records == ()
