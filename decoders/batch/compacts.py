"""Compact frames to the record areas of their full frames, for whole slabs (EN 13757-3, annex G)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from decoders.batch.checks import crc16, uint16_le
from decoders.batch.columns import Bytes, groups
from decoders.batch.layouts import by_device
from decoders.batch.meters import address_of_code
from decoders.batch.telegrams import Telegrams
from decoders.compact import FormatBook
from decoders.records import RecordDamage, data_length, read_header

_FILLER = 0x2F
_VARIABLE_OR_SPECIAL = (0x0D, 0x0F)


@dataclass(frozen=True, slots=True)
class _Template:
    """A full record area with gaps.

    Attributes:
        area: The area, zero where data go.
        gaps: Positions of the data bytes, in the order of the compact frame.
    """

    area: Bytes
    gaps: list[int]


@cache
def _template(format_bytes: bytes) -> _Template | None:
    """The template of a format; ``None`` where the data lengths are not the format's alone."""
    area, position = b"", 0
    gaps: list[int] = []
    while position < len(format_bytes):
        kind = format_bytes[position] & 0x0F
        if kind in _VARIABLE_OR_SPECIAL:
            return None
        try:
            _, end = read_header(format_bytes, position)
        except RecordDamage:
            return None
        area += format_bytes[position:end]
        size = data_length(b"", 0, kind)
        gaps += range(len(area), len(area) + size)
        area += bytes(size)
        position = end
    return _Template(np.frombuffer(area, np.uint8), gaps)


@dataclass(frozen=True, slots=True)
class Expanded:
    """What became of compact frames.

    Attributes:
        signature: Their format signature.
        telegrams: Frames; ``rest`` is the record area of the full frame where the format is known, else the data.
        is_known: Whether it is.
    """

    signature: int
    telegrams: Telegrams
    is_known: bool


def expanded(telegrams: Telegrams, formats: FormatBook) -> Iterator[Expanded]:
    """Expands compact frames with the formats of their signatures.

    A format counts where the full frame has the checksum that was sent, and where it is the only one and the bytes are
    proven by the link's payload checksum. Frames that are in neither group of the results are for the scalar decoder.

    Args:
        telegrams: Compact frames.
        formats: Known and learned formats.

    Yields:
        Groups of frames.
    """
    # The scalar decoder takes leading fillers off, even from a signature that begins like one.
    telegrams = telegrams.pick(_signature(telegrams) & 0xFF != _FILLER)
    for signature, places in groups(_signature(telegrams)):
        for part in by_device(telegrams.pick(places)):
            meter_id = address_of_code(int(part.codes[0])).meter_id
            yield from _of_signature(signature, part, formats.candidates(signature, meter_id))


def _signature(telegrams: Telegrams) -> NDArray[np.uint16]:
    return uint16_le(telegrams.frame, telegrams.start - 4)


def _full_checksum(telegrams: Telegrams) -> NDArray[np.uint16]:
    return uint16_le(telegrams.frame, telegrams.start - 2)


def _of_signature(signature: int, part: Telegrams, candidates: list[bytes]) -> Iterator[Expanded]:
    templates = [_template(candidate) for candidate in candidates]
    if None in templates:
        return
    width = part.rest.shape[1]
    fitting = [template for template in templates if template is not None and len(template.gaps) <= width]
    if not fitting:
        yield Expanded(signature, part, is_known=False)
        return
    rest = part
    for template in fitting:
        if not len(rest):
            return
        size = len(template.gaps)
        fits = (rest.rest[:, size:] == _FILLER).all(axis=1)
        area = np.repeat(template.area[None], len(rest), axis=0)
        for at, gap in enumerate(template.gaps):
            area[:, gap] = rest.rest[:, at]
        holds = fits & (crc16(area) == _full_checksum(rest))
        if len(fitting) == 1 and rest.is_proven:
            holds = fits
        if holds.any():
            yield Expanded(signature, replace(rest, area=area).pick(holds), is_known=True)
        rest = rest.pick(~holds)
