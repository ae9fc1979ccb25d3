"""Messages of Elvaco's LoRaWAN modules: the first byte of an uplink (Elvaco's manuals, as public codecs restate them).

All of them but the texts and the error are followed by data records.
"""

RECORDS = frozenset(
    {0x00, 0x01, *range(0x03, 0x07), *range(0x08, 0x0E), 0x0F, 0x10, *range(0x12, 0x17), *range(0x18, 0x20)}
    | {*range(0x21, 0x26), *range(0x27, 0x2A), 0x2C, 0x2D, *range(0x30, 0x40), 0x40, 0x41, *range(0x46, 0x4B)}
    | {*range(0x4D, 0x51), 0xFA}
)
"""Data records follow; 30 to 3A, which no public list names, include those of the CMi4180."""

TEXTS = frozenset({0x02, 0x07, 0x11, 0x17, 0x20, 0x26})
"""A JSON object follows."""

METER_UNREACHABLE = 0x0E
"""The module could not read its meter."""
