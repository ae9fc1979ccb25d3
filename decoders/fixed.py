"""The fixed data structure of old wired meters: serial, status and two counters (The M-Bus: a documentation, 6.2)."""

from fractions import Fraction

from decoders import values
from decoders.record import DataRecord, RecordValue

SIZE = 16
_COUNTERS_AT = (8, 12)
_COUNTER_BYTES = 4
_BINARY, _STORED = 0x01, 0x02
_SAME_BUT_STORED = 0x3E
# quantity, unit, exponent of the first of three codes that grow by ten
_TRIPLES = (
    (0x02, "energy", "Wh", 0),
    (0x05, "energy", "Wh", 3),
    (0x08, "energy", "Wh", 6),
    (0x0B, "energy", "J", 3),
    (0x0E, "energy", "J", 6),
    (0x11, "energy", "J", 9),
    (0x14, "power", "W", 0),
    (0x17, "power", "W", 3),
    (0x1A, "power", "W", 6),
    (0x1D, "power", "J/h", 3),
    (0x20, "power", "J/h", 6),
    (0x23, "power", "J/h", 9),
    (0x26, "volume", "m3", -6),
    (0x29, "volume", "m3", -3),
    (0x2C, "volume", "m3", 0),
    (0x2F, "volume_flow", "m3/h", -6),
    (0x32, "volume_flow", "m3/h", -3),
    (0x35, "volume_flow", "m3/h", 0),
)
UNITS: dict[int, tuple[str, str | None, int]] = {
    **{
        first + step: (quantity, unit, exponent + step)
        for first, quantity, unit, exponent in _TRIPLES
        for step in range(3)
    },
    0x38: ("temperature", "degC", -3),
    0x39: ("hca_units", "HCA", 0),
}
"""Quantity, unit and exponent by unit code."""


def read_fixed(payload: bytes) -> list[DataRecord]:
    """Reads the two counters.

    Args:
        payload: The 16 bytes behind the CI field.

    Returns:
        Two records whose ``vib`` is the unit code; one that says "the same, stored" has storage number 1.
    """
    status, codes = payload[5], [payload[6] & 0x3F, payload[7] & 0x3F]
    records = []
    for number, at in enumerate(_COUNTERS_AT):
        is_stored = codes[number] == _SAME_BUT_STORED or bool(status & _STORED)
        code = codes[0] if codes[number] == _SAME_BUT_STORED else codes[number]
        quantity, unit, exponent = UNITS.get(code, ("unknown", None, 0))
        data = payload[at : at + _COUNTER_BYTES]
        count, note = (int.from_bytes(data, "little"), None) if status & _BINARY else values.bcd(data)
        records.append(
            DataRecord(
                offset=6 + number,
                data_offset=at,
                dib=b"",
                vib=payload[6 + number : 7 + number],
                function="instantaneous",
                storage=int(is_stored),
                tariff=0,
                subunit=0,
                data=data,
                data_type="uint32" if status & _BINARY else "bcd8",
                quantity=quantity,
                unit=unit,
                exponent=exponent,
                modifiers=(),
                raw_value=count,
                value=_scaled(count, exponent),
                note=note,
            )
        )
    return records


def _scaled(count: int | None, exponent: int) -> RecordValue:
    return None if count is None else Fraction(count) * Fraction(10) ** exponent
