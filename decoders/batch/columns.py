"""Frames as byte matrices: rows of equal length side by side, so that a header field is a column."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]
Places = Rows | slice
"""Positions, or all of them."""

_SHORT = 1 << 16


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
        places = np.flatnonzero(mask)
        return self if len(places) == len(mask) else Slab(self.rows[places], taken(self.data, places))


class ByteColumn:
    """A binary column; nulls count as empty."""

    def __init__(self, column: pl.Series) -> None:
        self._column = (column.fill_null(b"") if column.null_count() else column).rechunk()
        self._lengths = self._column.bin.size().to_numpy()

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: int) -> bytes:
        return bytes(self._column[row])

    def slabs(self, rows: Rows) -> Iterator[Slab]:
        """Cuts some rows into one matrix per length.

        Args:
            rows: Positions, rising.

        Yields:
            Slabs by rising width; rows rise within each.
        """
        for width, places in groups(self._lengths[rows]):
            yield Slab(rows[places], self._matrix(rows[places], width))

    def _matrix(self, rows: Rows, width: int) -> Bytes:
        """Contents of one length, shape (n, width), copied once from wherever they lie."""
        part = self._column[pl.Series(rows)]
        array = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        if not width:
            return np.zeros((len(rows), 0), np.uint8)
        return np.frombuffer(array.buffers()[2], np.uint8, len(rows) * width).reshape(len(rows), width)


def slabs(column: pl.Series) -> Iterator[Slab]:
    """Cuts a whole binary column; see :class:`ByteColumn`."""
    return ByteColumn(column).slabs(np.arange(len(column)))


def groups(values: NDArray[np.integer]) -> Iterator[tuple[int, Places]]:
    """Positions of each distinct value of an integer array, shape (n,), by rising value; positions rise within each."""
    if not len(values):
        return
    if (values == values[0]).all():
        value = int(values[0])
        del values  # what is done with the group may take long, and memory
        yield value, slice(None)
        return
    order = order_of(values)
    ordered = values[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for part in np.split(order, edges):
        yield int(values[part[0]]), part


def order_of(values: NDArray[np.integer]) -> Rows:
    """Positions that sort an integer array, shape (n,); equal values keep their order."""
    low = values.min()
    if int(values.max()) - int(low) < _SHORT:
        values = (values - low).astype(np.uint16)  # numpy sorts 16 bits by counting, ten times as fast
    return np.argsort(values, kind="stable")


def taken(data: Bytes, places: Rows) -> Bytes:
    """Rows of a matrix at positions."""
    # Faster than indexing by far, but only where the matrix lies in one piece.
    return data.take(places, axis=0) if data.flags.c_contiguous else data[places]


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
