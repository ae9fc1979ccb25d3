"""Telegrams of old and of peculiar meters, made here."""

from decimal import Decimal

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from decoders.fixed import UNITS
from decoders.outcomes import Outcome
from decoders.scalar import Key, decode_telegram

AREA = bytes.fromhex("2F2F0413D20400000259E803") + 4 * b"\x2f"
DES_KEY = bytes.fromhex("0123456789ABCDEF")
DIEHL_LINK = bytes.fromhex("44 2423 8B07 21436587")
"""C, HYD, version 8b, type 07, serial 87654321."""


def framed(body: bytes) -> bytes:
    return bytes([len(body)]) + body


def wired(payload: bytes) -> bytes:
    size = bytes([len(payload)])
    return b"\x68" + size + size + b"\x68" + payload + bytes([sum(payload) & 0xFF, 0x16])


def des(plain_tail: bytes = b"") -> bytes:
    cipher = Cipher(TripleDES(3 * DES_KEY), modes.CBC(bytes(8))).encryptor()
    word = bytes([len(AREA), 2])
    header = bytes.fromhex("44 8304 21436587 0107 7A2A00") + word
    return framed(header + cipher.update(AREA) + plain_tail)


def test_des_opens_what_it_covers_and_leaves_the_rest() -> None:
    telegram = decode_telegram(des(bytes.fromhex("01FD1700")), [Key(DES_KEY)])
    assert (telegram.outcome, telegram.security) == ("decoded", "mode2")
    assert telegram.fields["volume_m3"] == Decimal("1.234")
    assert telegram.records[-1].quantity == "error_flags"


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        ([], "no_key"),
        ([Key(bytes(8))], "wrong_key"),
        ([Key(bytes(8), verified=True)], "corrupt"),
        ([Key(bytes(16))], "unsupported"),
        ([Key(bytes(16)), Key(DES_KEY)], "decoded"),
    ],
    ids=["none", "another", "another, proven", "too long", "second"],
)
def test_keys_of_des(keys: list[Key], outcome: Outcome) -> None:
    telegram = decode_telegram(des(), keys)
    assert (telegram.outcome, telegram.security) == (outcome, "mode2")
    assert outcome != "unsupported" or telegram.reason == "the key has not 8 bytes"


@pytest.mark.parametrize("mode", [1, 3, 4, 8, 9, 10, 13, 16])
def test_modes_that_are_not_read_are_named(mode: int) -> None:
    frame = bytearray(des())
    frame[14] = mode
    telegram = decode_telegram(bytes(frame), [Key(bytes(16))])
    assert telegram.outcome == "unsupported"
    assert f"mode {mode}" in (telegram.reason or "")
    assert telegram.records == ()


@pytest.mark.parametrize("mode", [2, 3, 8, 9, 10, 13])
def test_what_a_wire_seals_is_not_taken_for_plain_records(mode: int) -> None:
    head = bytes.fromhex("080172 21436587 2D2C 1B16 2A00 08") + bytes([mode])
    telegram = decode_telegram(wired(head + PAYLOAD))
    assert telegram.outcome == ("no_key" if mode == 2 else "unsupported")
    assert f"mode {mode}" in (telegram.reason or "") or telegram.security == "mode2"
    assert (telegram.records, telegram.fields) == ((), {})


def test_a_signature_of_an_old_wired_meter_names_no_mode() -> None:
    assert decode_telegram(wired(bytes.fromhex("080172 21436587 2D2C 1B16 2A00 FFFF") + PAYLOAD)).outcome == "decoded"


@pytest.mark.parametrize(
    ("ci", "words"), [("76", "high byte first"), ("77", "high byte first"), ("86", "variable length"), ("7C", "COSEM")]
)
def test_what_is_not_read_says_what_it_is(ci: str, words: str) -> None:
    telegram = decode_telegram(wired(bytes.fromhex(f"0801{ci}") + bytes(16)))
    assert telegram.outcome == "unsupported"
    assert f"CI {ci}, " in (telegram.reason or "")
    assert words in (telegram.reason or "")


def diehl(payload: bytes, high: int | None = None) -> bytes:
    word = bytes([0, sum(payload) & 0xFF | 0x10 if high is None else high])
    return framed(DIEHL_LINK + bytes.fromhex("7A2A00") + word + payload)


PAYLOAD = bytes.fromhex("0413D20400000259E803")
SCRAMBLED = bytes.fromhex("4FF7A38C1F2C3B4EA60D")


def test_the_serial_of_diehl_stands_behind_version_and_type() -> None:
    telegram = decode_telegram(diehl(PAYLOAD))
    assert telegram.outcome == "decoded"
    assert telegram.address is not None
    assert (telegram.address.manufacturer, telegram.address.serial) == ("HYD", "87654321")
    assert telegram.address.device == ("HYD", "8b", "07")
    assert telegram.medium == "water"
    assert decode_telegram(diehl(PAYLOAD), registered={telegram.address.meter_id}).outcome == "decoded"
    assert decode_telegram(diehl(PAYLOAD), registered={"HYD-87654321-8b-07"}).outcome == "foreign"
    assert telegram.fields["volume_m3"] == Decimal("1.234")


def test_a_sum_that_no_key_explains_gives_nothing() -> None:
    assert decode_telegram(diehl(SCRAMBLED, 0x37)).outcome == "no_key"
    assert decode_telegram(diehl(SCRAMBLED, 0x37), [Key(bytes(8))]).outcome == "wrong_key"
    assert decode_telegram(diehl(SCRAMBLED, 0x37), [Key(bytes(16))]).outcome == "no_key"


@pytest.mark.parametrize("key", [bytes.fromhex("39BC8A10E66D83F8"), bytes.fromhex("0011223344556677")])
def test_the_shift_register_opens_with_the_factory_key_or_the_meters_own(key: bytes) -> None:
    head = diehl(PAYLOAD)[:15]
    seeds = (
        int.from_bytes(key[:4]),
        int.from_bytes(key[4:]),
        *(int.from_bytes(head[at : at + 4]) for at in (2, 6, 10)),
    )
    state = 0
    for seed in seeds:
        state ^= seed
    bits = [state >> place & 1 for place in range(31, -1, -1)]  # oldest first
    for _ in range(8 * len(PAYLOAD)):
        bits.append(bits[-2] ^ bits[-3] ^ bits[-12] ^ bits[-32])
    stream = int("".join(map(str, bits[32:])), 2).to_bytes(len(PAYLOAD))
    frame = head + bytes(a ^ b for a, b in zip(PAYLOAD, stream, strict=True))
    own = not key.startswith(b"\x39")
    telegram = decode_telegram(frame, [Key(key)] if own else ())
    assert telegram.outcome == "decoded"
    assert telegram.payload == PAYLOAD
    assert telegram.verified_key == (0 if own else None)
    if own:
        assert decode_telegram(frame).outcome == "no_key"


FIXED = bytes.fromhex("0801 73 78563412 0A 00 E97E 01000000 35010000")


def test_fixed_data_structure() -> None:
    telegram = decode_telegram(wired(FIXED))
    assert telegram.outcome == "decoded"
    now, stored = telegram.records
    assert (now.quantity, now.unit, now.value, now.storage) == ("volume", "m3", pytest.approx(Decimal("0.001")), 0)
    assert (stored.quantity, float(stored.value or 0), stored.storage) == ("volume", 0.135, 1)
    assert stored.data.hex() == "35010000"


def test_a_frame_that_names_no_meter_is_nobodys() -> None:
    telegram = decode_telegram(wired(FIXED), registered={"ABC-12345678-01-07"})
    assert (telegram.outcome, telegram.reason) == ("foreign", "the frame names no meter")


def test_fixed_data_structure_in_binary_and_with_what_is_no_digit() -> None:
    binary = bytearray(FIXED)
    binary[8] = 1
    assert [record.raw_value for record in decode_telegram(wired(bytes(binary))).records] == [1, 0x135]
    broken = bytearray(FIXED)
    broken[11] = 0xAB
    assert [record.note for record in decode_telegram(wired(bytes(broken))).records] == ["bcd_invalid", None]
    assert decode_telegram(wired(FIXED[:-1])).outcome == "corrupt"
    assert {quantity for quantity, _, _ in UNITS.values()} >= {
        "energy",
        "volume",
        "power",
        "volume_flow",
        "temperature",
    }
    assert (UNITS[0x11], UNITS[0x28], UNITS[0x34]) == (
        ("energy", "J", 9),
        ("volume", "m3", -4),
        ("volume_flow", "m3/h", -1),
    )


@pytest.mark.parametrize("frame", ["E5", "1040014116", "105BFE5916"])
def test_frames_without_data_are_named(frame: str) -> None:
    telegram = decode_telegram(bytes.fromhex(frame))
    assert (telegram.link, telegram.outcome) == ("mbus_short", "unsupported")
    damaged = bytearray.fromhex(frame)
    damaged[-2 if len(damaged) > 1 else 0] ^= 1
    assert decode_telegram(bytes(damaged)).outcome == "corrupt"


def test_the_status_byte_is_told() -> None:
    body = bytes.fromhex("44 8304 21436587 0107 7A2A140000") + PAYLOAD
    assert decode_telegram(framed(body)).status == 0x14
    assert decode_telegram(framed(body[:9] + b"\x78" + PAYLOAD)).status is None


def test_the_network_layer_is_passed() -> None:
    body = bytes.fromhex("44 8304 21436587 0107 811D 78") + PAYLOAD
    assert decode_telegram(framed(body)).fields["volume_m3"] == Decimal("1.234")
