"""Link layer of whole slabs: frame format, checks, and the application bytes after the address.

Frames whose link layer does not hold are left to the scalar decoder, which names the damage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from decoders.batch.checks import crc16, uint16_be
from decoders.batch.columns import Bytes, Rows, Slab
from decoders.batch.meters import Codes, codes_of_address

_CRC = 2
_FIRST_A, _NEXT_A = 10, 16
_FIRST_B = 126
_ADDRESS = slice(2, 10)
_HEADER = 10
_WIRED_HEAD, _WIRED_TAIL = 6, 2
_TO_DEVICE = (0x53, 0x73, 0x40)


@dataclass(frozen=True, slots=True)
class Linked:
    """Frames of one length and link format whose link layer holds.

    Attributes:
        rows: Positions in the batch, shape (n,).
        link: ``A``, ``B``, ``no_crc`` or ``mbus_long``.
        content: Frame without checksums (wired: from C on), shape (n, width).
        start: Where the first CI field stands in ``content``.
    """

    rows: Rows
    link: str
    content: Bytes
    start: int

    @property
    def codes(self) -> Codes:
        """Meter codes of the link address, shape (n,); zero for wired frames, whose header has no meter."""
        if self.is_wired:
            return np.zeros(len(self.rows), np.uint64)
        return codes_of_address(self.content[:, _ADDRESS])

    @property
    def is_wired(self) -> bool:
        """Whether there is no link header with an address."""
        return self.link == "mbus_long"


def linked(slab: Slab) -> Iterator[Linked]:
    """Splits a slab by link format; frames that fit none are not among the results."""
    # One name for what is left: frames that are linked are not kept a second time while they are decoded.
    slab = slab.where(~_begins_with_sync(slab.data))
    for link, holds, strip in (
        ("mbus_long", _wired_holds, _strip_wired),
        ("A", _a_holds, _strip_a),
        ("B", _b_holds, _strip_b),
        ("no_crc", _length_holds, _strip_nothing),
    ):
        if not len(slab.rows):
            return
        mask = holds(slab.data)
        if mask.any():
            found = strip(link, slab.where(mask))
            slab = slab.where(~mask)
            yield found
        if link == "mbus_long":
            slab = slab.where(~_begins_as_wired(slab.data))


def _begins_with_sync(data: Bytes) -> NDArray[np.bool_]:
    """Whether a receiver has left the end of the sync word before the frame."""
    if data.shape[1] < 2:
        return np.zeros(len(data), np.bool_)
    mask: NDArray[np.bool_] = (data[:, 0] == 0x54) & ((data[:, 1] == 0xCD) | (data[:, 1] == 0x3D))
    return mask


def _begins_as_wired(data: Bytes) -> NDArray[np.bool_]:
    if data.shape[1] < 4:
        return np.zeros(len(data), np.bool_)
    mask: NDArray[np.bool_] = (data[:, 0] == 0x68) & (data[:, 3] == 0x68) & (data[:, 1] == data[:, 2])
    return mask


def _wired_holds(data: Bytes) -> NDArray[np.bool_]:
    """Start, both lengths, check sum and stop of a long frame (EN 13757-2)."""
    count, width = data.shape
    length = width - _WIRED_HEAD
    if not 3 <= length <= 255:
        return np.zeros(count, np.bool_)
    mask: NDArray[np.bool_] = _begins_as_wired(data) & (data[:, 1] == length) & (data[:, -1] == 0x16)
    if mask.any():
        mask &= ~np.isin(data[:, 4], _TO_DEVICE)
        mask[mask] = data[mask, 4:-2].sum(axis=1, dtype=np.uint32) % 256 == data[mask, -2]
    return mask


def _strip_wired(link: str, slab: Slab) -> Linked:
    return Linked(slab.rows, link, slab.data[:, 4:-_WIRED_TAIL], _WIRED_HEAD - 4)


@cache
def _blocks_a(width: int) -> tuple[tuple[int, int], ...]:
    """Data spans of a format A frame of ``width`` bytes; empty where no frame has that width."""
    spans = [(0, _FIRST_A)]
    start = _FIRST_A + _CRC
    while start < width:
        stop = min(start + _NEXT_A, width - _CRC)
        spans.append((start, stop))
        start = stop + _CRC
    complete = all(a < b for a, b in spans) and spans[-1][1] + _CRC == width
    return tuple(spans) if complete else ()


def _a_holds(data: Bytes) -> NDArray[np.bool_]:
    """Length and all block checksums of format A (EN 13757-4)."""
    count, width = data.shape
    spans = _blocks_a(width)
    if len(spans) < 2:
        return np.zeros(count, np.bool_)
    length = sum(stop - start for start, stop in spans) - 1
    mask: NDArray[np.bool_] = data[:, 0] == length
    return _checked(data, mask, spans)


def _checked(data: Bytes, mask: NDArray[np.bool_], spans: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    """Which of the masked frames carry the right checksum after every span."""
    candidates = np.flatnonzero(mask)
    for start, stop in spans:
        if not len(candidates):
            break
        part = data if len(candidates) == len(data) else data[candidates]
        holds = crc16(part[:, start:stop]) == uint16_be(part, stop)
        mask[candidates[~holds]] = False
        candidates = candidates[holds]
    return mask


def _strip_a(link: str, slab: Slab) -> Linked:
    spans = _blocks_a(slab.data.shape[1])
    content = np.concatenate([slab.data[:, start:stop] for start, stop in spans], axis=1)
    return Linked(slab.rows, link, content, _HEADER)


def _spans_b(width: int) -> tuple[tuple[int, int], ...]:
    """Spans that one checksum each covers in a format B frame of ``width`` bytes."""
    if width <= _FIRST_B + _CRC:
        return ((0, width - _CRC),)
    return ((0, _FIRST_B), (_FIRST_B + _CRC, width - _CRC))


def _b_holds(data: Bytes) -> NDArray[np.bool_]:
    """Length and both checksums of format B (EN 13757-4)."""
    count, width = data.shape
    spans = _spans_b(width)
    if not _HEADER + 1 + _CRC <= width <= 256 or any(stop <= start for start, stop in spans):
        return np.zeros(count, np.bool_)
    mask: NDArray[np.bool_] = data[:, 0] == width - 1
    return _checked(data, mask, spans)


def _strip_b(link: str, slab: Slab) -> Linked:
    spans = _spans_b(slab.data.shape[1])
    body = np.concatenate([slab.data[:, start:stop] for start, stop in spans], axis=1)
    return Linked(slab.rows, link, body, _HEADER)


def _length_holds(data: Bytes) -> NDArray[np.bool_]:
    """Length of a frame whose checksums the receiver has removed."""
    count, width = data.shape
    if not _HEADER + 1 <= width <= 256:
        return np.zeros(count, np.bool_)
    mask: NDArray[np.bool_] = data[:, 0] == width - 1
    return mask


def _strip_nothing(link: str, slab: Slab) -> Linked:
    return Linked(slab.rows, link, slab.data, _HEADER)
