"""Byte matrices as string columns."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from decoders.batch.columns import Bytes

_AT_ONCE = 8192  # rows whose look-ups stay in the processor's cache
_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)], "S2").view(np.uint16)


def ascii_column(text: Bytes) -> pl.Series:
    """Strings of equal length from their ASCII codes, shape (n, length)."""
    count, length = text.shape
    offsets = np.arange(count + 1, dtype=np.int64) * length
    letters = pa.py_buffer(np.ascontiguousarray(text))
    return pl.Series(pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), letters))


def hex_digits(data: Bytes) -> Bytes:
    """ASCII of the lower-case hex digits of a byte matrix, shape (n, 2 width)."""
    digits = np.empty(data.shape, np.uint16)
    for start in range(0, len(data), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        digits[part] = _HEX.take(data[part])
    return digits.view(np.uint8)


def hex_column(data: Bytes) -> pl.Series:
    """Rows of a byte matrix, shape (n, width), as lower-case hex."""
    return ascii_column(hex_digits(data))


def hex_columns(matrices: Sequence[Bytes]) -> pl.Series:
    """Rows of byte matrices of different widths, one after the other, as lower-case hex."""
    lengths = np.concatenate([np.full(len(data), 2 * data.shape[1]) for data in matrices])
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    letters = np.empty(offsets[-1], np.uint8)
    start = 0
    for data in matrices:
        stop = start + 2 * data.size
        letters[start:stop] = hex_digits(data).ravel()
        start = stop
    return pl.Series(pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(letters)))
