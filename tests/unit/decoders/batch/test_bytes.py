"""Byte matrices, checksums, digests and identities against one-at-a-time references."""

import os

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from decoders.batch.checks import crc16
from decoders.batch.columns import groups, int_le, slabs, uint_le
from decoders.batch.identity import digests
from decoders.batch.keys import key_ring
from decoders.batch.meters import CodeIndex, codes_of_address, codes_of_ids, ids_of_codes
from decoders.batch.texts import hex_column
from decoders.identity import digest


def matrix(*rows: bytes) -> np.ndarray:
    return np.array([list(row) for row in rows], np.uint8)


def test_slabs_hold_every_frame_once_with_its_bytes() -> None:
    frames = [b"ab", b"", b"xyz", b"cd", None, b"q"]
    found = {
        int(row): slab.data[place].tobytes()
        for slab in slabs(pl.Series(frames, dtype=pl.Binary))
        for place, row in enumerate(slab.rows)
    }
    assert found == dict(enumerate(frame or b"" for frame in frames))


def test_slabs_of_a_sliced_column_start_at_the_slice() -> None:
    frames = pl.Series([b"skipped", b"ab", b"cd"], dtype=pl.Binary)[1:]
    (slab,) = slabs(frames)
    assert [row.tobytes() for row in slab.data] == [b"ab", b"cd"]


def test_no_frames_make_no_slabs() -> None:
    assert list(slabs(pl.Series([], dtype=pl.Binary))) == []


def test_groups_keep_the_order_inside_a_group() -> None:
    assert [(value, places.tolist()) for value, places in groups(np.array([2, 1, 2, 1, 7]))] == [
        (1, [1, 3]),
        (2, [0, 2]),
        (7, [4]),
    ]


def test_integers_of_odd_widths() -> None:
    data = matrix(b"\x01\xff\xff\xff", b"\x02\x01\x00\x00")
    assert uint_le(data, 1, 3).tolist() == [0xFFFFFF, 1]
    assert int_le(data, 1, 3).tolist() == [-1, 1]


def test_crc_has_the_published_check_value_at_even_and_odd_lengths() -> None:
    assert crc16(matrix(b"123456789")).tolist() == [0xC2B7]
    assert crc16(matrix(b"\x00123456789")).tolist() == [0xC2B7], "leading zeros leave a register that starts at zero"
    assert crc16(matrix(b"123456780")).tolist() != [0xC2B7]


@pytest.mark.parametrize("width", [0, 1, 55, 56, 63, 64, 65, 119, 120, 260])
def test_digests_equal_those_of_one_message(width: int) -> None:
    rows = [os.urandom(width) for _ in range(3)]
    messages = np.frombuffer(b"".join(rows), np.uint8).reshape(3, width)
    assert [row.tobytes() for row in digests(messages)] == [digest(row) for row in rows]


def test_digests_tell_messages_apart() -> None:
    """Each bit and the length count, so that neither padding nor a change in two blocks goes unseen."""
    message = bytes(range(40))
    flipped = [
        bytes(byte ^ (1 << bit if at == place else 0) for at, byte in enumerate(message))
        for place in range(40)
        for bit in range(8)
    ]
    others = [message + bytes(1), message[:-1], b"", bytes(1), bytes(16), bytes(17), bytes(32)]
    assert len({digest(text) for text in (message, *flipped, *others)}) == 1 + 320 + 7
    assert digest(b"").hex() == "0" * 32
    rows = np.random.default_rng(5).integers(0, 2, (70_000, 40), dtype=np.uint8)
    assert len(np.unique(digests(rows), axis=0)) == len(np.unique(rows, axis=0))


def test_hex_column() -> None:
    assert hex_column(matrix(b"\x00\xab", b"\x10\xff")).to_list() == ["00ab", "10ff"]
    assert hex_column(np.zeros((0, 3), np.uint8)).to_list() == []


def test_meter_codes_come_from_addresses_and_ids_alike() -> None:
    address = matrix(bytes.fromhex("2d2c674523911b16"), bytes.fromhex("2dac674523911b16"))
    codes, known = codes_of_ids(pl.Series(["KAM-91234567-1b-16", "KAM-91234567-1b", "KAM-9123456x-1b-16"]))
    assert known.tolist() == [True, False, False]
    assert codes_of_address(address).tolist() == [int(codes[0])] * 2, "the address type bit is no part of the identity"
    assert ids_of_codes(codes[:1]).to_list() == ["KAM-91234567-1b-16"]


@pytest.mark.parametrize("count", [0, 1, 3, 5000])
def test_meters_are_found_whether_or_not_they_share_a_slot(count: int) -> None:
    codes = np.unique(np.random.default_rng(count).integers(0, 2**63, count, dtype=np.uint64))
    asked = np.concatenate([codes[::-1], codes[:1] + np.uint64(1), np.array([0, 2**64 - 1], np.uint64)])
    places, found = CodeIndex(codes).find(asked)
    assert found.tolist() == np.isin(asked, codes).tolist()
    assert np.array_equal(codes[places[found]], asked[found])


def test_each_row_is_encrypted_with_its_own_key() -> None:
    secrets = [os.urandom(16) for _ in range(3)]
    ids = ["KAM-00000003-1b-16", "KAM-00000001-1b-16", "KAM-00000002-1b-16"]
    ring = key_ring(
        pl.DataFrame(
            {"meter_id": ids, "key_no": [0, 0, 0], "key": secrets, "verified": [False, False, True]},
            schema_overrides={"key_no": pl.Int32},
        )
    )
    blocks = np.frombuffer(os.urandom(5 * 32), np.uint8).reshape(5, 32)
    wanted = np.array([2, 0, 1, 0, 2])
    found = ring.encrypt(wanted, blocks)
    for row, key in enumerate(wanted):
        single = Cipher(algorithms.AES(secrets[[1, 2, 0][key]]), modes.ECB()).encryptor().update(blocks[row].tobytes())
        assert found[row].tobytes() == single
    assert np.array_equal(ring.decrypt(wanted, found), blocks)
    codes, _ = codes_of_ids(pl.Series([*ids, "KAM-00000009-1b-16"]))
    rows = np.arange(len(codes))
    assert ring.spans(codes, rows)[1].tolist() == [1, 1, 1, 0]
    assert ring.trusts(codes, rows).tolist() == [False, False, True, False]


def test_keys_of_a_wrong_length_are_left_out() -> None:
    keys = pl.DataFrame({"meter_id": ["KAM-00000003-1b-16"], "key_no": [0], "key": [b"short"], "verified": [True]})
    assert key_ring(keys).secrets.shape == (0, 16)
