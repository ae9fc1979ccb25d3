"""Data of one record to its value (EN 13757-3, annex A: types A to M)."""

import math
import struct
from datetime import datetime

INVALID = "invalid"


def bcd(data: bytes) -> tuple[int | None, str | None]:
    """Packed BCD, least significant byte first (type A).

    Args:
        data: 1 to 9 bytes.

    Returns:
        The integer and a note. A top nibble of F means minus; any other digit above 9 makes the value missing.
    """
    digits = data[::-1].hex()
    negative = digits[:1] == "f"
    if negative:
        digits = "0" + digits[1:]
    if not digits.isdecimal():
        return None, "bcd_invalid"
    return (-int(digits), "bcd_negative") if negative else (int(digits or "0"), None)


def real32(data: bytes) -> tuple[float | None, str | None]:
    """IEEE 754 single (type H); not-a-number and infinity are missing."""
    value: float = struct.unpack("<f", data)[0]
    return (value, None) if math.isfinite(value) else (None, "not_finite")


def _year(two_digits: int, hundreds: int = 0) -> int:
    """The year; 1981 to 2080 unless the hundreds since 1900 are sent. Above 99 the field is a wildcard."""
    if two_digits > 99:
        raise ValueError("wildcard")
    if hundreds:
        return 1900 + 100 * hundreds + two_digits
    return 1900 + two_digits if two_digits >= 81 else 2000 + two_digits


def date_g(data: bytes) -> tuple[str | None, str | None]:
    """Date of two bytes (type G): day 0-4, year 5-7 and 12-15, month 8-11."""
    raw = int.from_bytes(data, "little")
    day, month, year = raw & 31, raw >> 8 & 15, raw >> 5 & 7 | (raw >> 12 & 15) << 3
    if raw in (0, 0xFFFF):
        return None, INVALID
    return _valid((year, 0), (month, day, 0, 0, 0), "%Y-%m-%d")


def datetime_f(data: bytes) -> tuple[str | None, str | None]:
    """Date and time of four bytes (type F).

    Minute in bits 0-5, invalid flag 7, hour 8-12, hundreds of years 13-14, summer time 15; then as type G.
    """
    raw = int.from_bytes(data, "little")
    minute, hour = raw & 63, raw >> 8 & 31
    if raw == 0:
        return None, INVALID
    if raw & 0x80:
        return None, "invalid_flag"
    day, month, year = raw >> 16 & 31, raw >> 24 & 15, raw >> 21 & 7 | (raw >> 28 & 15) << 3
    value, note = _valid((year, raw >> 13 & 3), (month, day, hour, minute, 0), "%Y-%m-%dT%H:%M")
    return value, note or ("summer_time" if raw & 0x8000 else None)


def datetime_i(data: bytes) -> tuple[str | None, str | None]:
    """Date and time of six bytes (type I): second, minute, hour, then day, month and year as in type G."""
    second, minute, hour = data[0] & 63, data[1] & 63, data[2] & 31
    day, month, year = data[3] & 31, data[4] & 15, data[3] >> 5 | (data[4] >> 4) << 3
    if not any(data):
        return None, INVALID
    if data[1] & 0x80:
        return None, "invalid_flag"
    return _valid((year, 0), (month, day, hour, minute, second), "%Y-%m-%dT%H:%M:%S")


def time_j(data: bytes) -> tuple[str | None, str | None]:
    """Time of three bytes (type J): second, minute, hour."""
    second, minute, hour = data[0] & 63, data[1] & 63, data[2] & 31
    if second > 59 or minute > 59 or hour > 23:
        return None, "wildcard_or_invalid"
    return f"{hour:02}:{minute:02}:{second:02}", None


def _valid(year: tuple[int, int], rest: tuple[int, int, int, int, int], form: str) -> tuple[str | None, str | None]:
    try:
        return datetime(_year(*year), *rest).strftime(form), None  # noqa: DTZ001  the meter's own time
    except ValueError:
        return None, "wildcard_or_invalid"


def text(data: bytes) -> str:
    """8-bit text, transmitted last character first."""
    return data[::-1].decode("latin-1")
