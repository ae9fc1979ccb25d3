"""Link layer: where a frame begins and ends, and whether its bytes arrived whole.

Wireless frames come in format A or B with CRCs over blocks, or without CRCs when a receiver has checked and removed
them (EN 13757-4). Wired frames are long frames with a checksum (EN 13757-2).
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from decoders.crc import crc16
from decoders.transport import AFL, ELL_SIZES, NETWORK, TPL

Format = Literal["A", "B", "no_crc", "no_crc_bad_length", "mbus_long", "mbus_short"]

SYNC_A = b"\x54\xcd"
SYNC_B = b"\x54\x3d"
FIRST_BLOCK = 10
CI_AT = 10
"""Position of the CI field in the content of a wireless frame."""
BLOCK = 16
B_BLOCKS = 126
"""Bytes under the first CRC of format B: blocks 1 and 2 (EN 13757-4, 7.3)."""
HEADER = 11
"""L, C, manufacturer, address and CI."""
WIRED_HEADER = 3
"""C, A and CI."""


class LinkDamage(Exception):  # noqa: N818  not an error of the program: data to be reported
    """The frame did not arrive whole; the text says how it shows."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame without what only the link needs.

    Attributes:
        format: How it came.
        content: Wireless: from L on, without CRCs. Wired: C, A, CI and what follows, without checksum and stop.
        damage: Why the content cannot be trusted, if so; the header may still be named.
    """

    format: Format
    content: bytes
    damage: str | None = None


READABLE_CI = frozenset({*ELL_SIZES, AFL, NETWORK, *TPL})
"""CI fields that the layers above can read."""


def has_block_crc(frame: bytes) -> bool:
    """Whether any block of the bytes ends with its CRC, as in format A."""
    starts = [0, *range(FIRST_BLOCK + 2, len(frame) - 2, BLOCK + 2)]
    ends = [min(start + (BLOCK if start else FIRST_BLOCK), len(frame) - 2) for start in starts]
    return any(
        crc16(frame[start:end]) == int.from_bytes(frame[end : end + 2]) for start, end in zip(starts, ends, strict=True)
    )


def size_with_crcs(length: int) -> int:
    """Bytes of a format A frame with a given L."""
    rest = max(0, length + 1 - FIRST_BLOCK)
    return length + 1 + 2 * (1 + -(-rest // BLOCK))


def read_link(frame: bytes, transport: str = "auto", *, crc_removed: bool = False) -> Frame:
    """Finds the frame and checks it.

    Args:
        frame: Bytes as received; sync words before and a receiver's bytes behind are left out.
        transport: ``wmbus``, ``mbus`` or ``auto``.
        crc_removed: Whether a frame that looks like format B is to be read as one without CRCs. Of 65536 frames without
            CRCs one ends with what could be a CRC.

    Returns:
        The frame, with the damage where there is one.

    Raises:
        LinkDamage: There is not even a header.
    """
    if transport != "wmbus" and is_wired_short(frame):
        return Frame("mbus_short", frame)
    if transport == "mbus" or (transport == "auto" and is_wired(frame)):
        return _wired(frame)
    if frame[:2] == SYNC_A:
        return _format_a(frame[2:], certain=True)
    if frame[:2] == SYNC_B:
        return _format_b(frame[2:])
    if len(frame) < HEADER:
        raise LinkDamage("shorter than a link layer header")
    size = frame[0] + 1
    if len(frame) == size and not crc_removed:
        found = b_content(frame)
        if found is not None:
            return Frame("B", found)
    if len(frame) >= size_with_crcs(frame[0]) > HEADER:
        found_a = _format_a(frame, certain=len(frame) == size_with_crcs(frame[0]))
        if found_a.damage is None or len(frame) == size_with_crcs(frame[0]):
            return found_a
    if frame[CI_AT] not in READABLE_CI and has_block_crc(frame):
        return Frame("A", frame, "a format A frame whose length does not hold")
    if len(frame) == size:
        return Frame("no_crc", frame)
    if len(frame) < size:
        damage = f"L says {size} bytes, {len(frame)} are there"
        return Frame("no_crc_bad_length", frame, damage)
    return Frame("no_crc_bad_length", frame)


def is_wired(frame: bytes) -> bool:
    """Whether the bytes begin as a wired frame does."""
    return frame[:1] == b"\x68" and frame[3:4] == b"\x68" and frame[1:2] == frame[2:3]


def begins_as_wired(frame: pl.Expr) -> pl.Expr:
    """As :func:`is_wired`, of a binary column."""
    byte = [frame.bin.slice(at, 1) for at in range(4)]
    start = pl.lit(b"\x68")
    return (byte[0] == start) & (byte[3] == start) & (byte[1] == byte[2])


def is_wired_short(frame: bytes) -> bool:
    """Whether the bytes are the acknowledgement E5, or a whole short frame ``10 C A checksum 16``."""
    if frame == b"\xe5":
        return True
    return len(frame) == 5 and frame[0] == 0x10 and frame[4] == 0x16 and sum(frame[1:3]) & 0xFF == frame[3]


def _wired(frame: bytes) -> Frame:
    if len(frame) < 9 or frame[0] != 0x68 or frame[3] != 0x68:
        raise LinkDamage("not a wired long frame")
    if frame[1] != frame[2]:
        raise LinkDamage("the length bytes differ")
    if frame[1] < WIRED_HEADER:
        raise LinkDamage("shorter than a link layer header")
    end = 4 + frame[1]
    if len(frame) < end + 2:
        raise LinkDamage(f"L says {end + 2} bytes, {len(frame)} are there")
    content = frame[4:end]
    if sum(content) & 0xFF != frame[end]:
        return Frame("mbus_long", content, "the checksum does not match")
    if frame[end + 1] != 0x16:
        return Frame("mbus_long", content, "the stop byte is missing")
    return Frame("mbus_long", content)


def _format_a(frame: bytes, *, certain: bool) -> Frame:
    if len(frame) < HEADER + 2 or frame[0] < FIRST_BLOCK:
        raise LinkDamage("shorter than a link layer header")
    size = frame[0] + 1
    if len(frame) < size_with_crcs(frame[0]):
        return Frame("A", frame[:FIRST_BLOCK] + frame[FIRST_BLOCK + 2 :], "premature end of a format A frame")
    content, position, damage = b"", 0, None
    while len(content) < size:
        length = min(BLOCK if content else FIRST_BLOCK, size - len(content))
        block = frame[position : position + length]
        if crc16(block) != int.from_bytes(frame[position + length : position + length + 2]):
            damage = "a link layer CRC does not match"
            if not certain:
                break
        content, position = content + block, position + length + 2
    return Frame("A", content, damage)


def b_content(frame: bytes) -> bytes | None:
    """Content of a format B frame; ``None`` where its CRCs do not hold."""
    size = frame[0] + 1
    if size < HEADER + 2 or len(frame) < size:
        return None
    first = frame[: min(size, B_BLOCKS + 2)]
    second = frame[len(first) : size]
    for block in (first, second) if second else (first,):
        if len(block) < 3 or crc16(block[:-2]) != int.from_bytes(block[-2:]):
            return None
    return first[:-2] + second[:-2]


def _format_b(frame: bytes) -> Frame:
    if len(frame) < HEADER or frame[0] < FIRST_BLOCK:
        raise LinkDamage("shorter than a link layer header")
    content = b_content(frame)
    if content is None:
        return Frame("B", frame[: frame[0] + 1], "a link layer CRC does not match")
    return Frame("B", content)
