"""Byte matrices as string columns."""

import numpy as np
import polars as pl
import pyarrow as pa

from decoders.batch.columns import Bytes

_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)], "S2").view(np.uint16)


def ascii_column(text: Bytes) -> pl.Series:
    """Strings of equal length from their ASCII codes, shape (n, length)."""
    count, length = text.shape
    offsets = np.arange(count + 1, dtype=np.int64) * length
    letters = pa.py_buffer(np.ascontiguousarray(text))
    return pl.Series(pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), letters))


def hex_column(data: Bytes) -> pl.Series:
    """Rows of a byte matrix, shape (n, width), as lower-case hex."""
    count, width = data.shape
    digits: Bytes = _HEX[data].view(np.uint8)
    return ascii_column(digits.reshape(count, 2 * width))
