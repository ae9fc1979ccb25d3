"""The authentication and fragmentation layer of whole slabs, where a message is not in fragments (EN 13757-7)."""

from dataclasses import dataclass

import numpy as np

from decoders.batch.columns import Bytes
from decoders.transport import MAC_SIZES

_FRAGMENTED = 0x40FF
_CONTROL, _LENGTH, _COUNTER, _MAC, _KEY = 0x2000, 0x1000, 0x0800, 0x0400, 0x0200
_FIRST_FIELD = 4
"""Behind the CI field, the length byte and the two bytes that say which fields follow."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Fields of the layer in telegrams of one shape.

    Attributes:
        counter: Message counter, shape (n, 4).
        mac: Message authentication code, shape (n, size).
        covered: What the code covers: control field, counter, length where there is one, and the message, shape
            (n, width).
    """

    counter: Bytes
    mac: Bytes
    covered: Bytes


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the fields stand in a frame.

    Attributes:
        control: Control field, one byte.
        counter: Message counter.
        mac: Message authentication code.
        length: Message length; an empty span where there is none.
        message: Start of the message.
    """

    control: slice
    counter: slice
    mac: slice
    length: slice
    message: slice

    def of(self, frame: Bytes) -> Authentication:
        """The fields of frames of that shape, shape (n, width)."""
        covered = [frame[:, part] for part in (self.control, self.counter, self.length, self.message)]
        return Authentication(frame[:, self.counter], frame[:, self.mac], np.concatenate(covered, axis=1))


def fields_of(start: int, shape: int) -> Fields | None:
    """The fields of a layer whose CI field stands at ``start``.

    Args:
        start: Position in the frame.
        shape: The four bytes behind the CI field as a number: length, which fields there are (2), and control.

    Returns:
        The fields; ``None`` for fragments and where a field is missing that mode 7 needs.
    """
    fields, mac_size = shape >> 8 & 0xFFFF, MAC_SIZES.get(shape >> 24 & 0x0F, 0)
    if fields & _FRAGMENTED or ~fields & (_CONTROL | _COUNTER | _MAC) or not mac_size:
        return None
    at = start + _FIRST_FIELD
    spans = {}
    for field, width in ((_CONTROL, 1), (_KEY, 2), (_COUNTER, 4), (_MAC, mac_size), (_LENGTH, 2)):
        spans[field] = slice(at, at + (width if fields & field else 0))
        at = spans[field].stop
    end = start + 2 + (shape & 0xFF)
    if at > end:
        return None
    return Fields(spans[_CONTROL], spans[_COUNTER], spans[_MAC], spans[_LENGTH], slice(end, None))
