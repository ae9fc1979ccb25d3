"""Compact frames: data without record headers; a format signature names the headers (EN 13757-3, annex G)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

from decoders.crc import crc16
from decoders.families import families
from decoders.record import DataRecord
from decoders.records import RecordDamage, data_length, parse_records, read_header


@dataclass(frozen=True)
class FormatBook:
    """Formats by signature: the well-known ones, and those that full frames have taught.

    Attributes:
        known: Formats of public knowledge.
        learned: Formats by signature and meter.
    """

    known: Mapping[int, tuple[bytes, ...]]
    learned: Mapping[int, Mapping[str, tuple[bytes, ...]]] = field(default_factory=lambda: MappingProxyType({}))

    def with_learned(self, signature: int, meter_id: str, format_bytes: bytes) -> "FormatBook":
        """A book that knows one format more."""
        meters = dict(self.learned.get(signature, {}))
        formats = meters.get(meter_id, ())
        if format_bytes in formats:
            return self
        meters[meter_id] = (*formats, format_bytes)
        return FormatBook(self.known, {**self.learned, signature: meters})

    def with_all_learned(self, formats: pl.DataFrame) -> "FormatBook":
        """A book with all rows of ``signature`` (hex), ``meter_id``, ``format_hex``."""
        learned: dict[int, dict[str, tuple[bytes, ...]]] = {code: dict(meters) for code, meters in self.learned.items()}
        for signature, meter_id, format_hex in formats.select("signature", "meter_id", "format_hex").unique().rows():
            meters = learned.setdefault(int(signature, 16), {})
            meters[meter_id] = (*meters.get(meter_id, ()), bytes.fromhex(format_hex))
        return FormatBook(self.known, learned)

    def signatures(self) -> list[str]:
        """Signatures of all formats, hex."""
        return sorted(f"{signature:04X}" for signature in {*self.known, *self.learned})

    def candidates(self, signature: int, meter_id: str) -> list[bytes]:
        """Formats with a signature, the likeliest first.

        Args:
            signature: The signature.
            meter_id: The meter that sent it.

        Returns:
            The meter's own, those of meters of the same manufacturer, version and type, the well-known ones, the rest.
        """
        meters = self.learned.get(signature, {})
        family = _family(meter_id)
        ranked = sorted(meters, key=lambda other: (other != meter_id, _family(other) != family, other))
        near = [code for other in ranked if _family(other) == family for code in meters[other]]
        far = [code for other in ranked if _family(other) != family for code in meters[other]]
        return list(dict.fromkeys([*near, *self.known.get(signature, ()), *far]))


def _family(meter_id: str) -> tuple[str, str]:
    return meter_id[:3], meter_id[-5:]


def _known() -> FormatBook:
    known: dict[int, tuple[bytes, ...]] = {}
    for headers in (headers for family in families() for headers in family.compact_formats):
        signature = crc16(headers)
        known[signature] = (*known.get(signature, ()), headers)
    return FormatBook(known)


KNOWN = _known()


def format_of(payload: bytes) -> tuple[int, bytes] | None:
    """The format that a full frame teaches.

    Args:
        payload: Its record area.

    Returns:
        Signature and record headers; ``None`` where the area is damaged or has manufacturer data.
    """
    records, damage = parse_records(payload)
    return None if damage else format_of_records(records)


def format_of_records(records: Sequence[DataRecord]) -> tuple[int, bytes] | None:
    """The format of a whole record area's records; see :func:`format_of`."""
    if not records or not all(record.vib for record in records):
        return None
    headers = b"".join(record.dib + record.vib for record in records)
    return crc16(headers), headers


def read_format_frame(payload: bytes) -> tuple[int, bytes] | None:
    """The format that a format frame states (EN 13757-3, annex G).

    Args:
        payload: Behind the header: the length of what follows, the signature and the record headers.

    Returns:
        Signature and record headers; ``None`` where the signature is not that of the headers.
    """
    size = payload[0] if payload else 0
    signature, headers = int.from_bytes(payload[1:3], "little"), payload[3 : 1 + size]
    return (signature, headers) if headers and size < len(payload) and crc16(headers) == signature else None


def expand(format_bytes: bytes, data: bytes) -> bytes | None:
    """The record area of the full frame.

    Args:
        format_bytes: Record headers.
        data: Data of the compact frame, behind signature and CRC.

    Returns:
        Headers and data in turn; ``None`` where the data does not fit.
    """
    area, position, at = b"", 0, 0
    while position < len(format_bytes):
        try:
            _, end = read_header(format_bytes, position)
            size = data_length(data, at, format_bytes[position] & 0x0F)
        except RecordDamage:
            return None
        if at + size > len(data):
            return None
        area += format_bytes[position:end] + data[at : at + size]
        position, at = end, at + size
    return area if at == len(data) or not data[at:].strip(b"\x2f") else None
