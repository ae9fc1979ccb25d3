"""Exact registers: integers times a fraction, in millionths."""

from math import gcd

import numpy as np
from numpy.typing import NDArray

_SCALE = 10**6
_ROOM = 10**18  # what DECIMAL(18, 6) holds, as an integer of millionths
_EXACT = 2**53

Mask = NDArray[np.bool_]


def millionths(raw: NDArray[np.int64], numerator: int, denominator: int) -> tuple[NDArray[np.int64], Mask]:
    """``raw * numerator / denominator`` in millionths, rounded half up.

    Args:
        raw: Integers, shape (n,).
        numerator: Numerator of one count.
        denominator: Denominator of one count, positive.

    Returns:
        Millionths, and for which of them the reckoning stayed inside 64 bits and DECIMAL(18, 6), both shape (n,).
    """
    divisor = gcd(numerator * _SCALE, denominator)
    times, over = numerator * _SCALE // divisor, denominator // divisor
    limit = min(_ROOM * over, 2**62) // (2 * abs(times)) if times else 2**62
    fits = (raw < limit) & (raw > -limit)
    counts = np.where(fits, raw, 0)
    if over == 1:
        return counts * np.int64(times), fits
    return (2 * counts * np.int64(times) + np.int64(over)) // np.int64(2 * over), fits


def gauge(raw: NDArray[np.int64], numerator: int, denominator: int) -> tuple[NDArray[np.float64], Mask]:
    """``raw * numerator / denominator`` as doubles with one rounding, and for which of them that holds, shape (n,)."""
    limit = _EXACT // max(abs(numerator), 1) if denominator <= _EXACT else 0
    fits = (raw <= limit) & (raw >= -limit)
    return (np.where(fits, raw, 0) * np.int64(min(numerator, _EXACT))) / np.float64(denominator), fits
