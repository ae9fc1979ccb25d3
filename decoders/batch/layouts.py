"""Groups telegrams by record layout: one scalar parse per layout, one comparison of the header bytes for all others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from decoders.batch.columns import groups
from decoders.batch.telegrams import Telegrams
from decoders.record import DataRecord
from decoders.records import parse_records

_MOST_LAYOUTS = 48
"""Layouts of one shape that are read as columns; what differs from all of them is left to the scalar decoder."""

Records = tuple[DataRecord, ...]


def by_layout(telegrams: Telegrams) -> Iterator[tuple[Telegrams, Records]]:
    """Splits telegrams by the DIF/VIF bytes of their record area.

    Args:
        telegrams: ``rest`` is the record area of full frames.

    Yields:
        Telegrams with the records of one of them; offsets and headers are the same in all. Damaged areas are left out.
    """
    rest = telegrams
    for _ in range(_MOST_LAYOUTS):
        if not len(rest):
            return
        sample = rest.rest[0]
        records, damage = parse_records(sample.tobytes())
        fixed = header_positions(records, len(sample), whole=damage is None)
        same = np.ones(len(rest), np.bool_)
        for place in fixed:
            same &= rest.rest[:, place] == sample[place]
        if damage is None and records:
            yield rest.pick(same), tuple(records)
        rest = rest.pick(~same)


def header_positions(records: list[DataRecord], width: int, *, whole: bool) -> list[int]:
    """Positions of the bytes that make the layout: all but the data, and LVAR bytes.

    Args:
        records: Records of one telegram.
        width: Bytes of its record area.
        whole: Whether the records reach to the end; else the area counts up to the byte after the last record.

    Returns:
        Positions, rising.
    """
    header = np.ones(width, np.bool_)
    for record in records:
        start = record.data_offset + (1 if is_variable(record) else 0)
        header[start : record.data_offset + len(record.data)] = False
    if not whole:
        end = max((record.data_offset + len(record.data) for record in records), default=0)
        header[end + 1 :] = False
    return np.flatnonzero(header).tolist()


def is_variable(record: DataRecord) -> bool:
    """Whether the data start with a length byte (LVAR)."""
    return record.dib[0] & 0x0F == 0x0D


def by_device(telegrams: Telegrams) -> Iterator[Telegrams]:
    """Splits telegrams by manufacturer, version and device type."""
    device: NDArray[np.uint64] = telegrams.codes & np.uint64(0xFFFF_0000_0000_FFFF)
    for _, places in groups(device.view(np.int64)):
        yield telegrams.pick(places)
