"""CRC-16/EN-13757 of whole byte matrices."""

import numpy as np
from numpy.typing import NDArray

from decoders.batch.columns import Bytes

_POLYNOMIAL = 0x3D65


def _two_byte_table() -> NDArray[np.uint16]:
    """The register after 16 zero bits, for every register: feeds two bytes at a time."""
    register = np.arange(0x10000, dtype=np.int64)
    for _ in range(16):
        register = ((register << 1) ^ np.where(register & 0x8000, _POLYNOMIAL, 0)) & 0xFFFF
    return register.astype(np.uint16)


_TABLE = _two_byte_table()
_SWAPPED = _TABLE.byteswap()[np.arange(0x10000, dtype=np.uint16).byteswap()]  # for words read low byte first
_AT_ONCE = 16384  # rows whose look-ups stay in the processor's cache


def crc16(data: Bytes) -> NDArray[np.uint16]:
    """CRC of each row (EN 13757-4: polynomial 3D65, start 0, result inverted, no reflection).

    Args:
        data: Bytes, shape (n, width).

    Returns:
        Checksums, shape (n,).
    """
    swapped = np.empty(len(data), np.uint16)
    for start in range(0, len(data), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        swapped[part] = _registers(data[part])
    return ~swapped.byteswap(inplace=True)


def _registers(data: Bytes) -> NDArray[np.uint16]:
    """The register of each row with its bytes swapped, so that words are taken as they lie in memory."""
    count, width = data.shape
    # The register starts at zero, so a single byte is a word whose first byte is zero.
    register = _TABLE.take(data[:, 0]).byteswap() if width % 2 else np.zeros(count, np.uint16)
    if width > 1:
        for word in np.ascontiguousarray(data[:, width % 2 :].view("<u2").T):
            register = _SWAPPED.take(register ^ word)
    return register


def uint16_be(data: Bytes, start: int) -> NDArray[np.uint16]:
    """Two columns as a number, high byte first."""
    high, low = data[:, start], data[:, start + 1]
    return high.astype(np.uint16) << np.uint16(8) | low


def uint16_le(data: Bytes, start: int) -> NDArray[np.uint16]:
    """Two columns as a number, low byte first."""
    low, high = data[:, start], data[:, start + 1]
    return high.astype(np.uint16) << np.uint16(8) | low
