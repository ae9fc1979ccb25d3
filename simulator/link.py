"""The link layer: addresses, the length field, frame formats A and B."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.crc import crc16, high_first

FrameFormat = Literal["none", "A", "B"]

_HEADER = 10
_BLOCK = 16
_FIRST_BLOCKS_OF_B = 126
_CRC = 2


def address(manufacturer: str, serial: str, version: str, device_type: str) -> bytes:
    """A meter's address as transmitted: manufacturer, serial, version, type.

    Args:
        manufacturer: Three capital letters.
        serial: Eight decimal digits.
        version: Two hex digits.
        device_type: Two hex digits.

    Returns:
        Eight bytes.
    """
    letters = [ord(letter) - 64 for letter in manufacturer]
    code = letters[0] << 10 | letters[1] << 5 | letters[2]
    return code.to_bytes(2, "little") + bytes.fromhex(serial)[::-1] + bytes.fromhex(version + device_type)


def telegram(address_rows: NDArray[np.uint8], body: NDArray[np.uint8], control: int = 0x44) -> NDArray[np.uint8]:
    """Telegrams without link CRCs.

    Args:
        address_rows: Link addresses, shape (n, 8).
        body: Everything from the first CI field on, shape (n, width).
        control: C field; 44 is a spontaneous message of the meter.

    Returns:
        Telegrams that start with the length field, shape (n, 10 + width).
    """
    rows = np.empty((len(body), _HEADER + body.shape[1]), dtype=np.uint8)
    rows[:, 0] = rows.shape[1] - 1
    rows[:, 1] = control
    rows[:, 2:_HEADER] = address_rows
    rows[:, _HEADER:] = body
    return rows


def _with_crc(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.hstack([block, high_first(crc16(block))])


def format_a(telegrams: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frame format A: a CRC after the ten header bytes and after every 16 bytes; the length field leaves CRCs out."""
    starts = range(_HEADER, telegrams.shape[1], _BLOCK)
    blocks = [telegrams[:, :_HEADER], *(telegrams[:, start : start + _BLOCK] for start in starts)]
    return np.hstack([_with_crc(block) for block in blocks])


def format_b(telegrams: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frame format B: a CRC over up to 126 bytes and one over the rest; the length field counts CRCs."""
    width = telegrams.shape[1]
    parts = 1 if width <= _FIRST_BLOCKS_OF_B else 2
    counted = telegrams.copy()
    counted[:, 0] = width - 1 + _CRC * parts
    blocks = [counted[:, :_FIRST_BLOCKS_OF_B], counted[:, _FIRST_BLOCKS_OF_B:]][:parts]
    return np.hstack([_with_crc(block) for block in blocks])


def in_format(telegrams: NDArray[np.uint8], frame_format: FrameFormat) -> NDArray[np.uint8]:
    """Telegrams as a receiver with this frame format delivers them."""
    if frame_format == "none":
        return telegrams
    return format_a(telegrams) if frame_format == "A" else format_b(telegrams)
