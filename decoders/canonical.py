"""Which record of a layout feeds which canonical column, and how exactly its counts become base units.

A plan depends on the record headers alone, never on values: the scalar decoder applies it to one telegram, the batch
decoder to all telegrams of a layout at once. Device files say what is particular to a meter family.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from math import floor

from decoders.families import of_device
from decoders.family import MULTIPLY, FieldRule
from decoders.record import DataRecord
from warehouse.schemas.registers import CUMULATIVE
from warehouse.schemas.units import TO_BASE

MICRO = 1_000_000
LARGEST = 10**18
"""Counts of a millionth that a DECIMAL(18,6) cannot hold."""


@dataclass(frozen=True, slots=True)
class Field:
    """A canonical column fed from one record.

    Attributes:
        name: Column of ``readings``: a register, ``info_code`` or ``device_time``.
        record_no: Position of the record.
        numerator: With ``denominator``: base units per count, exact.
        denominator: See ``numerator``.
        digits: Decimal digits of a register, after which it rolls over: the device file's, else those of its BCD.
        missing: Counts that mean "not available".
    """

    name: str
    record_no: int
    numerator: int = 1
    denominator: int = 1
    digits: int | None = None
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentinel:
    """Values of a gauge that stand for a sensor's failure (ALGORITHMS §1.4).

    Attributes:
        column: The gauge.
        low: Lowest such value.
        high: Highest such value.
        mask: Bits of the info code of which one must be set; 0 where none is needed.
    """

    column: str
    low: float
    high: float
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a layout's records become a reading.

    Attributes:
        fields: Fed columns.
        info_code_kind: Which bit table explains the info code.
        sentinels: Values to be taken out.
        frozen: Registers that stand still while their sensor is broken (ALGORITHMS §1.4), each with the bits of the
            info code of which one says so.
    """

    fields: tuple[Field, ...]
    info_code_kind: str | None = None
    sentinels: tuple[Sentinel, ...] = ()
    frozen: tuple[tuple[str, int], ...] = ()

    @property
    def resolutions(self) -> tuple[Field, ...]:
        """Fields of cumulative registers."""
        return tuple(field for field in self.fields if field.name in CUMULATIVE)

    def used(self) -> frozenset[int]:
        """Records that are wholly told by a column; one in joules keeps its row, for it has no exact decimal."""
        return frozenset(field.record_no for field in self.fields if MICRO * field.numerator % field.denominator == 0)


def has_records(manufacturer: str, version: str, device_type: str) -> bool:
    """Whether a device's payload has the standard's structure of records."""
    return all(family.has_records for family in of_device(manufacturer, version, device_type))


def plan(manufacturer: str, version: str, device_type: str, records: Sequence[DataRecord]) -> Plan:
    """Plans the canonical columns of a layout.

    Args:
        manufacturer: Three letters.
        version: Version byte, two lower-case hex digits.
        device_type: Device type byte, two lower-case hex digits.
        records: Records of any telegram of the layout; of them, only the headers count.

    Returns:
        The plan; of two rules that would feed a column the first does.
    """
    devices = of_device(manufacturer, version, device_type)
    all_ones_missing = any(family.all_ones_missing for family in devices)
    fields: dict[str, Field] = {}
    kind: str | None = None
    current = [(number, record) for number, record in enumerate(records) if _is_current(record)]
    exponent = _volume_exponent(records)
    for rule in (rule for family in devices for rule in family.fields):
        if rule.column in fields or not rule.is_for(device_type):
            continue
        fitting = (
            (number, factor)
            for number, record in current
            if _fits(rule, record) and (factor := _factor(rule, record, exponent)) is not None
        )
        meant = next(islice(fitting, rule.occurrence - 1, None), None)
        if meant is None:
            continue
        number, factor = meant
        record = records[number]
        digits = rule.digits
        is_field = record.data_type.startswith("bcd") and not record.is_variable
        if digits is None and is_field and rule.column in CUMULATIVE:
            digits = 2 * len(record.data)
        missing = _missing(record, all_ones_missing=all_ones_missing)
        fields[rule.column] = Field(rule.column, number, factor.numerator, factor.denominator, digits, missing)
        kind = kind if rule.kind is None else rule.kind
    sentinels = tuple(
        Sentinel(column, rule.low, rule.high, rule.only_with.get(kind or "", 0))
        for family in devices
        for rule in family.sentinels
        for column in rule.columns
        if column in fields and (not rule.only_with or kind in rule.only_with)
    )
    frozen: dict[str, int] = {}
    for still in (rule for family in devices for rule in family.frozen):
        for column in still.columns:
            if column in fields and kind is not None and kind in still.only_with:
                frozen[column] = frozen.get(column, 0) | still.only_with[kind]
    return Plan(tuple(fields.values()), kind, sentinels, tuple(frozen.items()))


def _is_current(record: DataRecord) -> bool:
    return record.function == "instantaneous" and not record.storage and "profile" not in record.data_type


def _fits(rule: FieldRule, record: DataRecord) -> bool:
    if rule.vib is not None:
        is_meant = record.vib == rule.vib
    else:
        is_meant = record.quantity == rule.quantity and _meanings(record) == rule.modifiers
    return (
        is_meant
        and (record.tariff, record.subunit) == (rule.tariff, rule.subunit)
        and rule.data_type in (None, record.data_type)
    )


def _meanings(record: DataRecord) -> tuple[str, ...]:
    """Meanings of the VIFEs but multiplications, which the exponent holds already."""
    return tuple(name for name in record.modifiers if not name.startswith(MULTIPLY))


_NUMBERS = ("int", "uint", "bcd", "real32", "lvar_binary")


def _factor(rule: FieldRule, record: DataRecord, volume_exponent: int | None) -> Fraction | None:
    """Base units per count; ``None`` where the record cannot feed the column."""
    if rule.column == "device_time":
        return Fraction(1) if record.data_type in ("datetime_F", "datetime_I") else None
    if not record.data_type.startswith(_NUMBERS):
        return None
    if rule.column == "info_code":
        return Fraction(1) if record.data_type != "real32" and len(record.data) < 8 else None
    if rule.follows_volume:
        # The weighted registers count in steps that follow the volume's resolution (ALGORITHMS §7.1).
        return None if volume_exponent is None else Fraction(10) ** (volume_exponent + 2)
    if record.unit not in TO_BASE:
        return None
    return TO_BASE[record.unit] * Fraction(10) ** record.exponent


def _volume_exponent(records: Sequence[DataRecord]) -> int | None:
    for record in records:
        current = record.function == "instantaneous" and not (record.storage or record.tariff or record.subunit)
        if current and record.quantity == "volume" and record.unit == "m3" and not _meanings(record):
            return record.exponent
    return None


def _missing(record: DataRecord, *, all_ones_missing: bool) -> tuple[int, ...]:
    """Reserved patterns: the most negative integer; of unsigned ones, in some meters, all bits set."""
    bits = 8 * len(record.data)
    if record.data_type.startswith("int"):
        return (-(1 << (bits - 1)),)
    if record.data_type.startswith("uint") and all_ones_missing:
        return ((1 << bits) - 1,)
    return ()


FieldValue = Decimal | float | int | str | datetime | None


def apply_plan(plan: Plan, records: Sequence[DataRecord]) -> dict[str, FieldValue]:
    """The canonical columns of one telegram.

    Args:
        plan: Plan of its layout.
        records: Its records.

    Returns:
        Registers as decimals with six places, gauges as floats, ``info_code`` with ``info_code_kind``, ``device_time``
        as ISO text in the meter's time, and ``flags`` where something was taken out or stands still. Columns without a
        value are left out.
    """
    fields: dict[str, FieldValue] = {}
    flags: list[str] = []
    for field in plan.fields:
        record = records[field.record_no]
        if field.name == "device_time":
            if record.value is not None:
                fields[field.name] = str(record.value)
            continue
        count = record.raw_value
        if isinstance(count, str) or count is None or count in field.missing:
            continue
        if field.name == "info_code":
            fields |= {"info_code": int(count), "info_code_kind": plan.info_code_kind}
        elif field.name in CUMULATIVE:
            micro = millionths(count, field.numerator, field.denominator)
            if abs(micro) < LARGEST:
                fields[field.name] = Decimal(micro).scaleb(-6)
            else:
                flags.append(f"OVERFLOW:{field.name}")
        else:
            fields[field.name] = count * field.numerator / field.denominator
    for sentinel in plan.sentinels:
        value, word = fields.get(sentinel.column), fields.get("info_code")
        if not isinstance(value, float | int) or not sentinel.low <= value <= sentinel.high:
            continue
        if sentinel.mask and not (isinstance(word, int) and word & sentinel.mask):
            continue
        del fields[sentinel.column]
        flags.append(f"SENTINEL:{sentinel.column}")
    word = fields.get("info_code")
    for column, mask in plan.frozen:
        if column in fields and isinstance(word, int) and word & mask:
            flags.append(f"FROZEN:{column}")
    if flags:
        fields["flags"] = ",".join(sorted(flags))
    return fields


def millionths(count: float, numerator: int, denominator: int) -> int:
    """A count in millionths of the base unit, rounded half up."""
    if isinstance(count, int):
        return (2 * count * numerator * MICRO + denominator) // (2 * denominator)
    return floor(count * (numerator * MICRO) / denominator + 0.5)
