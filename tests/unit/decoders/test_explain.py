"""Explanations: every byte once and in order, in the words of the decoder's own verdict."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decoders.compact import KNOWN, FormatBook
from decoders.crc import crc16
from decoders.explain import Line, explain
from decoders.scalar import Key, decode_telegram
from tests.unit.decoders.frames import KEY, LINKS, bare, format_a, format_b, link_sealed, mode_5, wired

AREA = bytes.fromhex("02FF20110004131531000044131030000061671A")


def compact(area: bytes, headers: bytes, data: bytes) -> bytes:
    return b"\x79" + crc16(headers).to_bytes(2, "little") + crc16(area).to_bytes(2, "little") + data


def account(lines: list[Line], frame: bytes) -> None:
    """Each byte of each stream stands in one line, in order."""
    depths = {line.depth for line in lines}
    assert depths in ({0}, {0, 1}, {0, 1, 2})
    for depth in depths:
        position = 0
        for line in (line for line in lines if line.depth == depth and line.layer != "outcome"):
            assert line.stop - line.start == len(line.raw)
            if line.raw:
                assert line.start == position
                position = line.stop
        if depth == 0:
            assert position == len(frame)
    assert b"".join(line.raw for line in lines if line.depth == 0) == frame


def stream(lines: list[Line], depth: int) -> bytes:
    return b"".join(line.raw for line in lines if line.depth == depth)


def said(lines: list[Line], field: str) -> list[tuple[str, str]]:
    return [(line.meaning, line.value) for line in lines if line.field == field]


def cases(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["constructed", "reencoded", "wmbus", "mbus", "must_reject"])
def test_every_byte_of_the_corpus_is_accounted_for(corpus: Path, name: str) -> None:
    found = 0
    for case in cases(corpus / f"{name}.jsonl"):
        try:
            frame = bytes.fromhex(case["telegram_hex"])
        except ValueError:
            continue
        secret = bytes.fromhex(case.get("key_hex") or "")
        keys, transport = [Key(secret)] if secret else [], case.get("transport", "auto")
        telegram = decode_telegram(frame, keys, transport=transport)
        lines = explain(frame, keys, transport=transport)
        account(lines, frame)
        assert said(lines, "outcome")[-1][1] == telegram.outcome
        if telegram.outcome == "decoded":
            assert not any(line.damaged for line in lines), case["case_id"]
            above = [line for line in lines if line.layer not in ("link layer", "remainder")]
            assert stream(above, max(line.depth for line in lines)).endswith(telegram.payload or b"")
            if telegram.security in ("mode5", "mode7") and telegram.verified_key is not None:
                assert stream(lines, 1) == telegram.payload or telegram.signature is not None
            told = {line.layer for line in lines if line.layer.startswith("record ")}
            assert len(told) == len(telegram.records), case["case_id"]
        elif telegram.outcome in ("corrupt", "wrong_key", "no_key"):
            assert any(line.damaged and line.layer != "outcome" for line in lines), case["case_id"]
        found += 1
    assert found > 50


CONTENTS = st.one_of(
    st.binary(max_size=120),
    st.builds(
        lambda ci, rest: bytes([ci]) + rest,
        st.sampled_from([0x69, 0x6E, 0x70, 0x72, 0x73, 0x78, 0x79, 0x7A, 0x7B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0xA1]),
        st.binary(max_size=90),
    ),
    st.binary(max_size=80).map(lambda rest: link_sealed(b"\x78" + rest)),
    st.binary(max_size=80).map(lambda rest: link_sealed(b"\x79" + rest)),
    st.binary(max_size=80).map(mode_5),
    st.binary(max_size=60).map(lambda rest: link_sealed(mode_5(rest, b"\x7b"))),
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(LINKS), CONTENTS, st.booleans(), st.sampled_from(["auto", "wmbus", "mbus", "lorawan"]))
@example(bare, link_sealed(mode_5(AREA)), True, "auto")
def test_nonsense_in_sound_frames_is_accounted_for(
    link: Callable[[bytes], bytes], content: bytes, has_key: bool, transport: str
) -> None:
    frame = link(content)
    account(explain(frame, [Key(KEY)] if has_key else [], transport=transport), frame)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=60).map(b"\x54\xcd".__add__),
        st.binary(max_size=60).map(b"\x54\x3d".__add__),
        st.binary(max_size=60).map(b"\x68\x10\x10\x68".__add__),
    ),
    st.sampled_from(["auto", "wmbus", "mbus", "lorawan"]),
)
@example(b"", "auto")
@example(b"\x54\xcd", "auto")
@example(b"\x54\x3d\x02", "wmbus")
@example(b"\x68\x00\x00\x68", "mbus")
def test_any_bytes_are_accounted_for(frame: bytes, transport: str) -> None:
    account(explain(frame, [Key(KEY)], transport=transport), frame)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([link(content) for link in LINKS for content in (b"\x78" + AREA, link_sealed(b"\x78" + AREA))]),
    st.integers(0, 400),
    st.integers(0, 255),
    st.integers(0, 60),
)
def test_mutations_and_truncations_are_accounted_for(frame: bytes, place: int, byte: int, cut: int) -> None:
    changed = bytearray(frame)
    changed[place % len(changed)] = byte
    damaged = bytes(changed[: max(1, len(changed) - cut)])
    account(explain(damaged, [Key(KEY)]), damaged)


def test_the_bits_of_headers_are_named() -> None:
    lines = explain(bare(link_sealed(b"\x7a" + bytes([33, 0b0001_0101, 0x0D, 0xA0]) + AREA)), [Key(KEY)])
    assert said(lines, "C") == [("SND-NR, sends, wants no answer", "")]
    assert said(lines, "M") == [("manufacturer", "KAM")]
    assert said(lines, "serial") == [("serial number", "12345678")]
    assert said(lines, "type") == [("device type: cold water", "16")]
    assert said(lines, "ACC") == [("access number", "7"), ("access number", "33")]
    assert said(lines, "bit 5") == [("synchronous", "")]
    assert ("encryption", "AES-128-CTR") in said(lines, "bits 29-31")
    assert said(lines, "bits 4-28") == [("time", "77")]
    assert said(lines, "bits 0-3") == [("session", "5")]
    assert said(lines, "payload CRC") == [("of all that follows", "ok")]
    assert said(lines, "status") == [("status: application busy", "")]
    assert said(lines, "bit 2") == [("power low", "")]
    assert said(lines, "bit 4") == [("temporary error", "")]
    assert said(lines, "configuration") == [("configuration word", "A00D")]
    assert said(lines, "bits 8-12") == [("security mode", "0: no encryption")]
    assert said(lines, "bit 15") == [("bidirectional", "")]
    assert said(lines, "bit 13") == [("synchronous", "")]
    assert said(lines, "bit 14") == []
    assert said(lines, "bits 2-3") == [("content", "3")]
    assert said(lines, "bits 0-1") == [("hops", "1")]


def test_records_say_what_feeds_which_column() -> None:
    lines = explain(bare(b"\x78" + AREA))
    assert [(line.field, line.value) for line in lines if line.layer == "record 2"] == [
        ("DIF", "storage bit 0"),
        ("VIF", ""),
        ("data", "12.565 m3"),
        ("", "→ volume_m3 = 12.565"),
    ]
    assert said(lines, "info code") == [("water_16bit", "DRY")]
    assert [(line.field, line.meaning, line.value) for line in lines if line.layer == "record 3"] == [
        ("DIF", "32-bit integer, instantaneous", "storage bit 1"),
        ("VIF", "volume, m3 × 10^-3", ""),
        ("data", "int32", "12.304 m3"),
    ]


def test_a_value_that_was_taken_out_says_so() -> None:
    sensor_error = bytes.fromhex("04FF2204000000" + "04060A000000" + "02594448" + "025D4448")
    frame = bytearray(bare(b"\x78" + sensor_error))
    frame[8:10] = b"\x30\x04"
    telegram = decode_telegram(bytes(frame))
    assert "SENTINEL:flow_temp_c" in str(telegram.fields["flags"])
    values = [line.value for line in explain(bytes(frame))]
    assert "→ flow_temp_c: no value (SENTINEL:flow_temp_c)" in values


def test_extensions_are_told_byte_by_byte() -> None:
    area = bytes.fromhex("C4904013 01000000" + "02FDFD02 0300" + "02FC0348522574 3200" + "0C8BFF05 78563412")
    area += bytes.fromhex("0DFD0F 03 434241")
    telegram = decode_telegram(bare(b"\x78" + area))
    assert telegram.outcome == "decoded"
    lines = explain(bare(b"\x78" + area))
    assert said(lines, "DIFE") == [
        ("storage 0, tariff 1, subunit 0", ""),
        ("storage 0, tariff 0, subunit 1", "storage 1, tariff 1, subunit 2"),
    ]
    assert [line.meaning for line in lines if line.layer == "record 2"][1:4] == [
        "extension table FD",
        "extension table FD",
        "remaining battery lifetime, month",
    ]
    assert said(lines, "VIF text") == [("unit, last character first", "%RH")]
    assert [meaning for meaning, _ in said(lines, "VIFE")] == ["multiply 1e-2", "table FF", "manufacturer's 05"]
    assert said(lines, "LVAR") == [("3 bytes follow", "")]
    assert said(lines, "data")[-1] == ("lvar text", "ABC")


def test_text_of_a_meter_cannot_steer_the_terminal() -> None:
    lines = explain(bare(b"\x78" + bytes.fromhex("0DFD0F 04 6D315B1B")))
    assert said(lines, "data") == [("lvar text", "\\x1b[1m")]
    assert all(text.isprintable() for line in lines for text in (line.meaning, line.value))


@pytest.mark.parametrize(
    ("formats", "origin"),
    [
        ("public", "format of public knowledge"),
        ("own", "learned from a full frame of the meter"),
        ("other", "learned from a full frame of KAM-99999999-1b-16"),
        ("none", "format {signature} is not known"),
    ],
)
def test_a_compact_frame_says_where_its_format_is_from(formats: str, origin: str) -> None:
    headers = bytes.fromhex("02FF200413")
    area, data = bytes.fromhex("02FF200000" + "041315310000"), bytes.fromhex("0000" + "15310000")
    frame = bare(link_sealed(compact(area, headers, data)))
    signature = crc16(headers)
    book = {
        "public": FormatBook({signature: (headers,)}),
        "own": FormatBook({}).with_learned(signature, "KAM-12345678-1b-16", headers),
        "other": FormatBook({}).with_learned(signature, "KAM-99999999-1b-16", headers),
        "none": FormatBook({}),
    }[formats]
    lines = explain(frame, [Key(KEY)], book)
    account(lines, frame)
    text = f"{signature:04X}"
    assert said(lines, "signature") == [(f"format signature; {origin.format(signature=text)}", text)]
    assert ("int32" in str(said(lines, "data"))) == (formats != "none")
    if formats != "none":
        assert said(lines, "full CRC") == [("CRC of the full frame", f"{crc16(area):04X}, ok")]
        assert "→ volume_m3 = 12.565" in [line.value for line in lines]
    wrong = bare(link_sealed(compact(area + b"\0", headers, data)))
    if formats == "own":
        assert "WRONG" in said(explain(wrong, [Key(KEY)], book), "full CRC")[0][1]


def test_damage_is_said_where_it_is() -> None:
    content = b"\x78" + AREA
    for link, place, field in (
        (format_a, 15, "block CRC"),
        (format_b, 15, "L"),
        (wired, 9, "checksum"),
    ):
        frame = bytearray(link(content))
        frame[place] ^= 1
        lines = explain(bytes(frame))
        account(lines, bytes(frame))
        if field != "L":
            wrong = [line for line in lines if "WRONG" in line.value]
            assert [line.field for line in wrong] == [field]
            assert wrong[0].damaged
            assert [line.field for line in lines if line.layer.startswith("record")] == []


def test_wired_stop_byte() -> None:
    frame = wired(b"\x78" + AREA)
    assert said(explain(frame), "stop") == [("end of the frame", "ok")]
    assert said(explain(frame[:-1] + b"\x17"), "stop") == [("end of the frame", "WRONG")]


def test_records_before_a_damage_stay() -> None:
    frame = bare(b"\x78" + AREA + bytes.fromhex("0413FF"))
    lines = explain(frame)
    account(lines, frame)
    rest = [line for line in lines if line.field == "not read"]
    assert [(line.raw.hex(), line.meaning, line.damaged) for line in rest] == [
        ("0413ff", "premature end of data", True)
    ]
    assert len({line.layer for line in lines if line.layer.startswith("record")}) == 4


@pytest.mark.parametrize("keys", [[], [Key(bytes(16))]], ids=["no key", "wrong key"])
def test_what_no_key_opens_stays_hex(keys: list[Key]) -> None:
    for content in (link_sealed(b"\x78" + AREA), mode_5(AREA)):
        lines = explain(bare(content), keys)
        sealed = [line for line in lines if line.field == "encrypted"]
        assert len(sealed) == 1
        assert sealed[0].damaged
        assert sealed[0].meaning == decode_telegram(bare(content), keys).reason
        assert {line.depth for line in lines} == {0}


def test_plain_bytes_behind_encrypted_blocks() -> None:
    frame = bare(mode_5(AREA, tail=bytes.fromhex("0415 2A000000")))
    lines = explain(frame, [Key(KEY)])
    account(lines, frame)
    assert [line.raw.hex() for line in lines if line.field == "plain"] == ["04152a000000"]
    assert stream(lines, 1) == decode_telegram(frame, [Key(KEY)]).payload


def test_encryption_inside_encryption() -> None:
    frame = bare(link_sealed(mode_5(AREA)))
    lines = explain(frame, [Key(KEY)])
    account(lines, frame)
    telegram = decode_telegram(frame, [Key(KEY)])
    assert telegram.outcome == "decoded"
    assert stream(lines, 2) == telegram.payload


def test_a_fragment_and_an_unknown_header_are_shown() -> None:
    fragment = bare(b"\x90\x03\x01\x40\x00" + AREA)
    lines = explain(fragment)
    account(lines, fragment)
    assert ("fragment control", "fragment 1") in said(lines, "FCL")
    assert [line.raw for line in lines if line.field == "fragment"] == [AREA]
    unknown = bare(b"\x44" + AREA)
    assert said(explain(unknown), "CI") == [("not in the standard", "")]


def test_a_fixed_data_structure() -> None:
    frame = wired(b"\x73" + bytes.fromhex("78563412 0A 00 E9 7E 01000000 35010000"))
    lines = explain(frame)
    account(lines, frame)
    assert said(lines, "CI") == [("fixed data structure", "")]
    assert said(lines, "serial") == [("serial number", "12345678")]
    assert [meaning for meaning, _ in said(lines, "unit")] == ["volume, m3 × 10^-3", "volume, m3 × 10^-3, storage 1"]
    assert said(lines, "data") == [("bcd8", "0.001 m3"), ("bcd8", "0.135 m3")]


@pytest.mark.corpus
def test_uplinks(corpus: Path) -> None:
    for case in cases(corpus / "lorawan.jsonl"):
        payload = bytes.fromhex(case["payload_hex"])
        lines = explain(payload, transport="lorawan")
        account(lines, payload)
        assert len({line.layer for line in lines if line.layer.startswith("record ")}) == len(case["records"])
        assert not any(line.damaged for line in lines)


def test_an_uplink_feeds_columns_without_an_address() -> None:
    payload = bytes.fromhex("00" + "0C0652676102" + "02FD170000")
    lines = explain(payload, transport="lorawan")
    account(lines, payload)
    assert said(lines, "message") == [("message byte of the module", "00")]
    assert "→ energy_kwh = 2616752" in [line.value for line in lines]
    assert [line.raw.hex() for line in explain(b"\x02{}", transport="lorawan") if line.field == "not read"] == ["7b7d"]


def test_a_profile_is_written_out() -> None:
    frame = bare(b"\x78" + bytes.fromhex("04130A000000" + "0D931F04" + "C1FE0103"))
    profile = [words for words in said(explain(frame), "profile") if words]
    telegram = decode_telegram(frame)
    assert profile == [("storage 1, without time", "0.011 m3"), ("storage 2, without time", "0.014 m3")], telegram


def test_a_format_frame_shows_the_headers_it_teaches() -> None:
    headers = bytes.fromhex("02FF20" + "0413")
    payload = bytes([2 + len(headers)]) + crc16(headers).to_bytes(2, "little") + headers
    frame = bare(b"\x69" + payload + b"\x2f")
    lines = explain(frame, telegram=replace(decode_telegram(frame), learned=(crc16(headers), headers)))
    account(lines, frame)
    assert said(lines, "signature") == [("format signature", f"{crc16(headers):04X}")]
    assert said(lines, "DIF, VIF") == [
        ("header of record: manufacturer specific", ""),
        ("header of record: volume", "m3"),
    ]


def test_a_format_frame_with_half_a_header() -> None:
    headers = bytes.fromhex("0413" + "04")
    frame = bare(b"\x69" + bytes([5]) + crc16(headers).to_bytes(2, "little") + headers)
    lines = explain(frame, telegram=replace(decode_telegram(frame), learned=(crc16(headers), headers)))
    account(lines, frame)
    assert [line.raw.hex() for line in lines if line.field == "not read" and line.damaged] == ["04"]


def test_wired_short_frames() -> None:
    for frame, field, meaning in (
        (b"\xe5", "acknowledgement", "received"),
        (bytes.fromhex("105B015C16"), "C", "REQ-UD2, asks for data, FCV"),
    ):
        lines = explain(frame)
        account(lines, frame)
        assert said(lines, field) == [(meaning, "")]
        assert said(lines, "outcome")[0][1] == "unsupported"


def test_a_network_layer_between_the_headers() -> None:
    frame = bare(b"\x8c\x20\x07" + b"\x81\x11" + b"\x78" + AREA)
    lines = explain(frame)
    account(lines, frame)
    assert [line.raw.hex() for line in lines if line.layer == "network layer"] == ["81", "11"]
    assert "→ volume_m3 = 12.565" in [line.value for line in lines]


def test_a_makers_own_order_of_the_address() -> None:
    address = bytes.fromhex("2423" + "0102" + "78563412")
    frame = bytes([len(address) + 6, 0x44]) + address + b"\xa1" + bytes(4)
    lines = explain(frame)
    account(lines, frame)
    assert said(lines, "serial") == [("serial number", "12345678")]
    assert (decode_telegram(frame).meter_id or "")[4:12] == "12345678"


@pytest.mark.parametrize("sealed", [link_sealed(b"\x78" + AREA, encryption=0), None], ids=["link", "transport"])
def test_what_was_logged_after_decryption_stays_in_place(sealed: bytes | None) -> None:
    if sealed is None:
        content = b"\x7a" + bytes([9, 0, 0x20, 0x05, 0x2F, 0x2F]) + AREA + bytes([0x2F]) * 10
    else:
        content = sealed[:6] + bytes([sealed[6] | 0x20]) + sealed[7:]
    frame = bare(content)
    lines = explain(frame)
    account(lines, frame)
    assert decode_telegram(frame).security.endswith("logged_plain")
    assert {line.depth for line in lines} == {0}
    assert said(lines, "plain") == [("named as encrypted, yet plain: logged after decryption", "")]
    assert "→ volume_m3 = 12.565" in [line.value for line in lines]


def test_no_explanation_holds_a_key() -> None:
    for link in LINKS:
        text = repr(explain(link(link_sealed(b"\x78" + AREA)), [Key(KEY)], KNOWN))
        assert KEY.hex() not in text.replace(" ", "")
        assert repr(KEY) not in text
