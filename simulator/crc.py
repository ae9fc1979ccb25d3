"""CRC-16/EN-13757 of many byte rows at once."""

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x3D65


def _table() -> NDArray[np.uint16]:
    register = np.arange(256, dtype=np.uint32) << 8
    for _ in range(8):
        register = np.where(register & 0x8000, (register << 1) ^ POLYNOMIAL, register << 1) & 0xFFFF
    return register.astype(np.uint16)


_TABLE = _table()


def crc16(rows: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Checks byte rows of equal width (EN 13757-4, clause on the link layer's CRC; check value of "123456789": C2B7).

    Args:
        rows: Bytes, shape (n, width).

    Returns:
        The complemented CRC of each row, shape (n,).
    """
    register = np.zeros(len(rows), dtype=np.uint16)
    for column in rows.T:
        register = (register << 8) ^ _TABLE[(register >> 8) ^ column]
    return ~register


def low_first(checks: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """CRCs as the extended link layer and compact frames carry them, shape (n, 2)."""
    return np.ascontiguousarray(checks.astype("<u2")).view(np.uint8).reshape(-1, 2)


def high_first(checks: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """CRCs as the link layer carries them, shape (n, 2)."""
    return np.ascontiguousarray(checks.astype(">u2")).view(np.uint8).reshape(-1, 2)
