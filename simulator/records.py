"""The application layer: data records, full frames and compact frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.crc import crc16, low_first

Values = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Field:
    """One data record of a layout.

    Attributes:
        header: DIF, DIFE, VIF and VIFE bytes, hex.
        width: Data bytes.
        value: Name of the value it carries.
        coding: ``int`` (two's complement, low byte first) or ``bcd`` (low byte first, no sign).
    """

    header: str
    width: int
    value: str
    coding: Literal["int", "bcd"] = "int"

    def data(self, values: Values) -> NDArray[np.uint8]:
        """Data bytes, shape (n, width)."""
        raw = values[self.value]
        if self.coding == "bcd":
            raw = sum((raw // 10**digit % 10 << 4 * digit for digit in range(2 * self.width)), np.zeros_like(raw))
        return np.ascontiguousarray(raw.astype("<i8")).view(np.uint8).reshape(-1, 8)[:, : self.width]


def full_records(layout: tuple[Field, ...], values: Values) -> NDArray[np.uint8]:
    """Record area of full frames, shape (n, width)."""
    count = len(values[layout[0].value])
    columns: list[NDArray[np.uint8]] = []
    for field in layout:
        header = np.frombuffer(bytes.fromhex(field.header), dtype=np.uint8)
        columns += [np.broadcast_to(header, (count, len(header))), field.data(values)]
    return np.hstack(columns)


def signature(layout: tuple[Field, ...]) -> int:
    """Format signature: the CRC of all record headers (EN 13757-3, annex on compact frames)."""
    headers = b"".join(bytes.fromhex(field.header) for field in layout)
    return int(crc16(np.frombuffer(headers, dtype=np.uint8)[None, :])[0])


def compact_records(layout: tuple[Field, ...], values: Values) -> NDArray[np.uint8]:
    """Compact frames after the CI field: format signature, CRC of the full frame's records, data; shape (n, width)."""
    full = full_records(layout, values)
    signatures = np.full(len(full), signature(layout), dtype=np.uint16)
    return np.hstack([low_first(signatures), low_first(crc16(full)), *(field.data(values) for field in layout)])


def date_g(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Dates as 16 bits of type G (EN 13757-3): day, month, and the year in two parts.

    Args:
        days: Calendar dates, shape (n,).

    Returns:
        The bits as integers, shape (n,).
    """
    months = days.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) - 30
    month = months.astype(np.int64) % 12 + 1
    day = (days.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    bits: NDArray[np.int64] = day | (year & 7) << 5 | month << 8 | year >> 3 << 12
    return bits


def datetime_f(moments: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Times of day and dates as 32 bits of type F (EN 13757-3), minutes at the finest, no summer time bit.

    Args:
        moments: Times as the meter's clock shows them, shape (n,).

    Returns:
        The bits as integers, shape (n,).
    """
    days = moments.astype("datetime64[D]")
    minutes = (moments - days).astype("timedelta64[m]").astype(np.int64)
    bits: NDArray[np.int64] = minutes % 60 | minutes // 60 << 8 | date_g(days) << 16
    return bits
