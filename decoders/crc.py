"""CRC-16/EN-13757: polynomial 3D65, not reflected, result inverted (EN 13757-4)."""

POLYNOMIAL = 0x3D65


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ POLYNOMIAL if value & 0x8000 else value << 1
        table.append(value & 0xFFFF)
    return tuple(table)


TABLE = _table()


def crc16(data: bytes) -> int:
    """Checksum of some bytes.

    Args:
        data: Any number of bytes.

    Returns:
        The CRC; ``C2B7`` for ``123456789``.
    """
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ TABLE[value >> 8 ^ byte]
    return value ^ 0xFFFF
