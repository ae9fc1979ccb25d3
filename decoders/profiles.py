"""Compact profiles: series of equally spaced values in one data record (EN 13757-3, annex F)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from decoders import values
from decoders.record import DataRecord, RecordValue

_INVERSE = "inverse_compact_profile"
_ABSOLUTE, _RISING, _FALLING, _SIGNED = range(4)
_STEPS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
_DAYS, _MONTH, _LONGEST = 3, 254, 250
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 7: 8}
_BCD = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_HEADER = 2


@dataclass(frozen=True, slots=True)
class ProfileValue:
    """One value of a profile.

    Attributes:
        storage: Its storage number.
        time: When it held, ISO text in the meter's local time; ``None`` where the base has no time or the spacing names
            no day.
        raw_value: Count as the record's unit and exponent scale it; ``None`` from an invalid element on.
        value: Number in the record's unit.
    """

    storage: int
    time: str | None
    raw_value: int | None
    value: RecordValue


def expand_profile(record: DataRecord, records: Sequence[DataRecord]) -> list[ProfileValue]:
    """Expands a compact profile.

    The base value and its time are the records of the same storage number; differences are added to it one by one.

    Args:
        record: The profile.
        records: All records of the telegram.

    Returns:
        The values without the base, by rising storage number; nothing where the header is not whole or reserved.
    """
    body = record.data[1:]  # behind the LVAR byte
    if record.data_type != "compact_profile" or len(body) < _HEADER:
        return []
    control, spacing = body[0], body[1]
    mode, unit, field = control >> 6, control >> 4 & 3, control & 0x0F
    size = _INTEGERS.get(field) or _BCD.get(field)
    if size is None:
        return []
    backwards = any(name.startswith(_INVERSE) for name in record.modifiers)
    base, start = _base(record, records), _time(record, records)
    found: list[ProfileValue] = []
    count: int | None = base
    for number, at in enumerate(range(_HEADER, len(body) - size + 1, size), start=1):
        element = _element(body[at : at + size], field, signed=mode in (_ABSOLUTE, _SIGNED))
        if mode == _ABSOLUTE:
            count = element
        elif count is not None:
            count = None if element is None else count + (-element if backwards != (mode == _FALLING) else element)
        time = _moved(start, unit, spacing, -number if backwards else number)
        found.append(ProfileValue(record.storage + number, time, count, _scaled(count, record.exponent)))
    return found


def _base(record: DataRecord, records: Sequence[DataRecord]) -> int | None:
    for other in records:
        same = (other.storage, other.tariff, other.subunit, other.quantity, other.unit, other.exponent) == (
            *(record.storage, record.tariff, record.subunit, record.quantity, record.unit, record.exponent),
        )
        if same and other.data_type != "compact_profile" and isinstance(other.raw_value, int):
            return other.raw_value
    return None


def _time(record: DataRecord, records: Sequence[DataRecord]) -> datetime | None:
    """The time of the base: of its storage number, whatever the tariff."""
    for other in records:
        timed = other.storage == record.storage and other.data_type in ("date_G", "datetime_F", "datetime_I")
        if timed and isinstance(other.value, str):
            return datetime.fromisoformat(other.value)
    return None


def _element(data: bytes, field: int, *, signed: bool) -> int | None:
    if field in _BCD:
        return values.bcd(data)[0]
    bits = 8 * len(data)
    number = int.from_bytes(data, "little", signed=signed)
    missing = -(1 << (bits - 1)) if signed else (1 << bits) - 1
    return None if number == missing else number


def _moved(start: datetime | None, unit: int, spacing: int, steps: int) -> str | None:
    """``steps`` spacings after (before, if negative) the start, as ISO text."""
    if start is None or not spacing:
        return None
    try:
        if unit == _DAYS and spacing == _MONTH:
            months = start.year * 12 + start.month - 1 + steps
            return start.replace(year=months // 12, month=months % 12 + 1).isoformat()
        if spacing > _LONGEST:
            return None  # half months and reserved codes: no day is said
        return (start + steps * spacing * _STEPS[unit]).isoformat()
    except (ValueError, OverflowError):
        return None  # no such day, or out of the calendar


def _scaled(count: int | None, exponent: int) -> RecordValue:
    return None if count is None else Fraction(count) * Fraction(10) ** exponent
