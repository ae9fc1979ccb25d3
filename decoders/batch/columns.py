"""Frames as byte matrices: rows of equal length side by side, so that a header field is a column."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slab:
    """Frames of one length.

    Attributes:
        rows: Positions in the batch, shape (n,).
        data: Bytes, shape (n, width).
    """

    rows: Rows
    data: Bytes

    def where(self, mask: NDArray[np.bool_]) -> "Slab":
        """The frames for which ``mask``, shape (n,), holds."""
        return self if mask.all() else Slab(self.rows[mask], self.data[mask])


def slabs(frames: pl.Series) -> Iterator[Slab]:
    """Cuts a binary column into one matrix per length; nulls count as empty.

    Args:
        frames: Binary column.

    Yields:
        Slabs by rising width; rows rise within each.
    """
    array = frames.fill_null(b"").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    lengths = np.diff(offsets)
    for length, rows in groups(lengths):
        width = int(length)
        if width == 0:
            yield Slab(rows, np.zeros((len(rows), 0), np.uint8))
            continue
        windows = np.lib.stride_tricks.sliding_window_view(data, width)
        yield Slab(rows, windows[offsets[:-1][rows]])


def groups(values: NDArray[np.integer]) -> Iterator[tuple[int, Rows]]:
    """Positions of each distinct value of an integer array, shape (n,), by rising value; positions rise within each."""
    if not len(values):
        return
    if (values == values[0]).all():
        yield int(values[0]), np.arange(len(values))
        return
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for part in np.split(order, edges):
        yield int(values[part[0]]), part


def uint_le(data: Bytes, start: int, width: int) -> NDArray[np.uint64]:
    """Unsigned little-endian integers of up to 8 bytes, taken from the columns ``start`` to ``start + width``."""
    total = np.zeros(len(data), np.uint64)
    at = 0
    for size in (8, 4, 2, 1):  # a field of 7 bytes is read as 4, 2 and 1
        if width - at >= size:
            part = data[:, start + at : start + at + size]
            words = np.ascontiguousarray(part) if part.strides[1] != 1 else part
            total |= words.view(f"<u{size}")[:, 0].astype(np.uint64) << np.uint64(8 * at)
            at += size
    return total


def int_le(data: Bytes, start: int, width: int) -> NDArray[np.int64]:
    """Two's complement little-endian integers of up to 8 bytes; see :func:`uint_le`."""
    shift = 64 - 8 * width
    return (uint_le(data, start, width) << np.uint64(shift)).view(np.int64) >> np.int64(shift)
