"""Frames whose checksums hold around nonsense, or whose lengths lie: a telegram comes back, and nothing is invented."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decoders.compact import KNOWN, format_of
from decoders.crc import crc16
from decoders.scalar import Key, decode_telegram
from tests.unit.decoders.frames import KEY, LINKS, bare, format_a, format_b, link_sealed, mode_5, wired

METER = "KAM-12345678-1b-16"
READABLE = ("decoded", "partial")

CONTENTS = st.one_of(
    st.binary(min_size=1, max_size=100),
    st.builds(
        lambda ci, rest: bytes([ci]) + rest,
        st.sampled_from(
            [0x69, 0x6E, 0x70, 0x72, 0x73, 0x78, 0x79, 0x7A, 0x7B, 0x8A, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0xA1]
        ),
        st.binary(max_size=90),
    ),
    st.binary(max_size=80).map(lambda rest: link_sealed(b"\x79" + rest)),
    st.binary(max_size=80).map(mode_5),
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(LINKS), CONTENTS, st.booleans())
@example(wired, mode_5(b""), True)
@example(wired, b"\x7b\x01\x00\x00\x00", False)
def test_nonsense_in_sound_frames(link: Callable[[bytes], bytes], content: bytes, has_key: bool) -> None:
    telegram = decode_telegram(link(content), [Key(KEY)] if has_key else [])
    assert telegram.outcome in READABLE or (telegram.records == () and telegram.fields == {})
    assert (telegram.reason is None) == (telegram.outcome == "decoded")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([b"", b"\x54\xcd", b"\x54\x3d", b"\x68\x00\x00\x68", b"\x68\x05\x05\x68"]),
    st.binary(max_size=60),
    st.sampled_from(["auto", "wmbus", "mbus"]),
)
@example(b"\x54\x3d", b"\x04" + bytes(20), "auto")
@example(b"\x54\xcd", b"\x20" + bytes(10), "auto")
@example(b"\x68\x00\x00\x68", b"\x00\x16" + bytes(3), "auto")
def test_lengths_that_lie(start: bytes, rest: bytes, transport: str) -> None:
    telegram = decode_telegram(start + rest, [Key(KEY)], transport=transport)
    assert telegram.outcome in READABLE or telegram.records == ()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([(b"", format_a), (b"\x54\xcd", format_a), (b"\x54\x3d", format_b)]), st.data())
def test_no_damage_of_a_checked_frame_gives_records(
    start: tuple[bytes, Callable[[bytes], bytes]], data: st.DataObject
) -> None:
    """Format B is named by its sync word: without one, a damaged frame looks like a frame without CRCs."""
    sync, link = start
    frame = bytearray(link(mode_5(bytes.fromhex("0413153100000259E803"))))
    if data.draw(st.booleans()):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del frame[data.draw(st.integers(0, len(frame) - 1)) :]
    telegram = decode_telegram(sync + frame, [Key(KEY, verified=True)])
    assert telegram.outcome not in READABLE
    assert (telegram.records, telegram.fields) == ((), {})


def test_a_wire_without_an_address_cannot_be_decrypted() -> None:
    assert decode_telegram(wired(mode_5(b"")), [Key(KEY)]).outcome == "unsupported"


def compact_with_filler_signature() -> tuple[bytes, bytes]:
    """A record area whose format signature begins like a filler, and its compact content."""
    for storage in range(0x80, 0x100):
        for tariff in range(0x80):
            area = bytes([0x84, storage, tariff, 0x13, 1, 0, 0, 0])
            taught = format_of(area)
            if taught is not None and taught[0] & 0xFF == 0x2F:
                check = crc16(area).to_bytes(2, "little")
                return area, taught[0].to_bytes(2, "little") + check + area[4:]
    raise AssertionError("no such signature")


@pytest.mark.parametrize(
    "seal", [lambda compact: link_sealed(b"\x79" + compact), lambda compact: mode_5(compact, b"\x7b")]
)
def test_a_signature_may_begin_like_a_filler(seal: Callable[[bytes], bytes]) -> None:
    area, compact = compact_with_filler_signature()
    taught = format_of(area)
    assert taught is not None
    formats = KNOWN.with_learned(taught[0], METER, taught[1])
    telegram = decode_telegram(bare(seal(compact)), [Key(KEY)], formats)
    assert (telegram.outcome, telegram.signature) == ("decoded", taught[0])
    assert [record.raw_value for record in telegram.records] == [1]


def test_ciphertext_whose_crc_holds_by_chance_still_lacks_its_key() -> None:
    """One of 65536 ciphertexts looks like a logged plain payload."""
    noise = bytes.fromhex("F1E2D3C4B5A69788")
    session = (1 << 29 | 5 << 4).to_bytes(4, "little")
    frame = bare(b"\x8d\x20\x07" + session + crc16(noise).to_bytes(2, "little") + noise)
    assert decode_telegram(frame).outcome == "no_key"
    assert decode_telegram(frame, [Key(KEY)]).outcome == "wrong_key"


@pytest.mark.parametrize("keys", [[], [Key(KEY)], [Key(KEY, verified=True)]])
def test_mode_7_without_a_counter_is_unsupported_whatever_the_keys(keys: list[Key]) -> None:
    sealed = b"\x7a\x09\x00\x10\x07\x10" + bytes(range(16))
    assert decode_telegram(bare(sealed), keys).outcome == "unsupported"
    plain = b"\x7a\x09\x00\x10\x07\x10\x2f\x2f" + bytes.fromhex("041315310000") + b"\x2f" * 8
    assert decode_telegram(bare(plain), keys).security == "mode7 logged_plain"
