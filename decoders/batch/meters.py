"""Meter identities as numbers: the eight address bytes of the link layer, M(2) ID(4) VERSION TYPE, in one word.

The top bit of the manufacturer field marks a wireless address type and is no part of the name (EN 13757-7), so it is
cleared.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows, slabs
from decoders.batch.texts import ascii_column, hex_digits
from decoders.transport import Address, link_address

Codes = NDArray[np.uint64]

_FLAG = np.uint64(0xFFFF_FFFF_FFFF_7FFF)
_ROOM = 8  # slots per meter
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: the upper bits of the product depend on all of the code
_WIDTH = len("KAM-91234567-1b-16")
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_NIBBLES = np.full(256, 0xFF, np.uint8)
_NIBBLES[_DIGITS] = np.arange(16)
_NIBBLES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def codes_of_address(address: Bytes) -> Codes:
    """Codes of addresses in link layer order (M, ID, VERSION, TYPE), shape (n, 8)."""
    return np.ascontiguousarray(address).view("<u8").ravel().astype(np.uint64) & _FLAG


def bytes_of_codes(codes: Codes) -> Bytes:
    """Addresses in link layer order of codes, shape (n, 8)."""
    return np.ascontiguousarray(codes.astype("<u8", copy=False)).view(np.uint8).reshape(-1, 8)


class CodeIndex:
    """Finds meters in a list.

    A binary search among many meters waits for memory at every step, so it is left to those that a hash table of a
    single probe does not find.
    """

    def __init__(self, codes: Codes) -> None:
        """Takes the list: distinct codes, rising, shape (m,)."""
        self.codes = codes
        self._shift = np.uint64(64 - (_ROOM * len(codes)).bit_length())
        self._slots = np.zeros(1 << (64 - int(self._shift)), np.int32)
        self._slots[self._slot(codes)] = np.arange(len(codes))

    def find(self, codes: Codes) -> tuple[Rows, NDArray[np.bool_]]:
        """Positions in the list, and which of the codes, shape (n,), are in it; positions of others mean nothing."""
        if not len(self.codes):
            return np.zeros(len(codes), np.int64), np.zeros(len(codes), np.bool_)
        places = self._slots[self._slot(codes)].astype(np.int64)
        found: NDArray[np.bool_] = self.codes[places] == codes
        missed = np.flatnonzero(~found)
        if len(missed):
            places[missed] = np.searchsorted(self.codes, codes[missed]).clip(max=len(self.codes) - 1)
            found[missed] = self.codes[places[missed]] == codes[missed]
        return places, found

    def _slot(self, codes: Codes) -> Rows:
        return ((codes * _GOLDEN) >> self._shift).astype(np.int64)


def codes_of_ids(ids: pl.Series) -> tuple[Codes, NDArray[np.bool_]]:
    """Codes of meter ids such as ``KAM-91234567-1b-16``, and which of the ids have that shape, both shape (n,)."""
    codes, known = np.zeros(len(ids), np.uint64), np.zeros(len(ids), np.bool_)
    for slab in slabs(ids.cast(pl.Binary)):
        if slab.data.shape[1] != _WIDTH:
            continue
        text = slab.data
        letters = (text[:, :3] - np.uint8(64)).astype(np.uint64)
        nibbles = _NIBBLES[text[:, [4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 17]]]
        word = (letters[:, 0] << np.uint64(10)) | (letters[:, 1] << np.uint64(5)) | letters[:, 2]
        for position, shift in zip(range(12), (44, 40, 36, 32, 28, 24, 20, 16, 52, 48, 60, 56), strict=True):
            word |= (nibbles[:, position] & 0x0F).astype(np.uint64) << np.uint64(shift)
        codes[slab.rows] = word
        known[slab.rows] = (letters < 32).all(axis=1) & (nibbles < 16).all(axis=1)
    return codes, known


def text_of_codes(codes: Codes) -> Bytes:
    """ASCII of the meter ids of codes, shape (n, 18)."""
    text = np.full((len(codes), _WIDTH), ord("-"), np.uint8)
    for position, shift in enumerate((10, 5, 0)):
        text[:, position] = ((codes >> np.uint64(shift)) & np.uint64(31)).astype(np.uint8) + 64
    digits = hex_digits(bytes_of_codes(codes)[:, [5, 4, 3, 2, 6, 7]])
    text[:, 4:12], text[:, 13:15], text[:, 16:18] = digits[:, :8], digits[:, 8:10], digits[:, 10:]
    return text


def ids_of_codes(codes: Codes) -> pl.Series:
    """Meter ids of codes, shape (n,), as strings."""
    return ascii_column(text_of_codes(codes)).alias("meter_id")


def address_of_code(code: int) -> Address:
    """The address of one meter."""
    return link_address(int(code).to_bytes(8, "little"))
