"""A meter family: which meters it is, which of their records feed which columns, what their bits mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Masks = Mapping[str, int]
"""Words by kind of info code."""

MULTIPLY = "multiply_"
"""How the meanings of VIFEs that multiply begin. Rules do not name them: the exponent of a record holds them."""


@dataclass(frozen=True, slots=True)
class Detect:
    """Meters that a file is for; ``None`` takes every one.

    Attributes:
        manufacturer: Three letters.
        versions: Version bytes, two lower-case hex digits each.
        device_types: Device type bytes, likewise.
    """

    manufacturer: str | None
    versions: frozenset[str] | None
    device_types: frozenset[str] | None

    def fits(self, manufacturer: str, version: str, device_type: str) -> bool:
        """Whether a meter is meant."""
        return (
            self.manufacturer in (None, manufacturer)
            and (self.versions is None or version in self.versions)
            and (self.device_types is None or device_type in self.device_types)
        )

    def overlaps(self, other: "Detect") -> bool:
        """Whether some meter is meant by both."""
        return (
            (None in (self.manufacturer, other.manufacturer) or self.manufacturer == other.manufacturer)
            and _share(self.versions, other.versions)
            and _share(self.device_types, other.device_types)
        )


def _share(ours: frozenset[str] | None, theirs: frozenset[str] | None) -> bool:
    return ours is None or theirs is None or bool(ours & theirs)


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A current record that feeds a column.

    Attributes:
        column: Column of ``readings``.
        quantity: Quantity of the record; ``None`` where ``vib`` says it all.
        modifiers: Meanings of its VIFEs, all of them but multiplications, in order.
        vib: VIF and VIFEs; ``None`` where ``quantity`` is told.
        data_type: Data type, where it matters.
        tariff: Tariff.
        subunit: Subunit.
        occurrence: Which one is meant of several records that fit, from 1.
        device_types: Device types the rule is for; ``None`` is all.
        except_device_types: Device types it is not for.
        kind: Bit table of an info code.
        follows_volume: Whether the counts follow the volume's resolution (ALGORITHMS §7.1).
        digits: Decimal digits after which the register rolls over; ``None`` leaves it to the record.
    """

    column: str
    quantity: str | None = None
    modifiers: tuple[str, ...] = ()
    vib: bytes | None = None
    data_type: str | None = None
    tariff: int = 0
    subunit: int = 0
    occurrence: int = 1
    device_types: frozenset[str] | None = None
    except_device_types: frozenset[str] = frozenset()
    kind: str | None = None
    follows_volume: bool = False
    digits: int | None = None

    def is_for(self, device_type: str) -> bool:
        """Whether the rule is for meters of this type."""
        return device_type not in self.except_device_types and (
            self.device_types is None or device_type in self.device_types
        )


@dataclass(frozen=True, slots=True)
class SentinelRule:
    """Values of gauges that stand for a sensor's failure (ALGORITHMS §1.4).

    Attributes:
        columns: The gauges.
        low: Lowest such value.
        high: Highest such value.
        only_with: Bits of the info code of which one must be set; empty where none is needed.
    """

    columns: tuple[str, ...]
    low: float
    high: float
    only_with: Masks


@dataclass(frozen=True, slots=True)
class FrozenRule:
    """Registers that stand still while a sensor is broken (ALGORITHMS §1.4).

    Attributes:
        columns: The registers.
        only_with: Bits of the info code of which one says so.
    """

    columns: tuple[str, ...]
    only_with: Masks


@dataclass(frozen=True, slots=True)
class InfoCode:
    """What the bits of an info code mean.

    Attributes:
        kind: Name of the table.
        bits: Code by bit; 0 is the least significant.
        high: Codes of high priority.
        ignore: Codes to be ignored.
        durations: By code, the lowest bit of the field that says how long it was active.
        duration_mask: Mask of such a field after shifting.
    """

    kind: str
    bits: Mapping[int, str]
    high: frozenset[str]
    ignore: frozenset[str]
    durations: Mapping[str, int]
    duration_mask: int

    def mask(self, codes: Iterable[str]) -> int:
        """The word that has the bits of these codes set."""
        wanted = frozenset(codes)
        return sum(1 << bit for bit, code in self.bits.items() if code in wanted)

    def priority(self, code: str) -> str:
        """``high``, ``normal`` or ``ignore``."""
        if code in self.ignore:
            return "ignore"
        return "high" if code in self.high else "normal"


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up telegram and what must come of it.

    Attributes:
        telegram: The frame.
        key: Key of the meter; ``None`` where it sends in the open.
        transport: ``wmbus`` or ``mbus``.
        outcome: What becomes of it.
        fields: All canonical columns; registers as decimal text.
        info_codes: Active codes.
    """

    telegram: bytes
    key: bytes | None = field(repr=False)
    transport: str
    outcome: str
    fields: Mapping[str, Any]
    info_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """What a device file says.

    Attributes:
        file: Name of the file.
        title: Which meters these are.
        precedence: Of two files for one meter, the rules of the higher one come first.
        has_records: Whether the payload has the standard's structure of records.
        all_ones_missing: Whether an unsigned number with all bits set means "not available".
        detects: The meters.
        fields: Records that feed columns; of two rules for one column, the first that finds a record counts.
        sentinels: Values to be taken out.
        frozen: Registers that stand still.
        info_codes: Bit tables.
        compact_formats: Record headers of known compact frames.
        samples: Telegrams that test the file.
    """

    file: str
    title: str
    precedence: int
    has_records: bool
    all_ones_missing: bool
    detects: tuple[Detect, ...]
    fields: tuple[FieldRule, ...]
    sentinels: tuple[SentinelRule, ...]
    frozen: tuple[FrozenRule, ...]
    info_codes: tuple[InfoCode, ...]
    compact_formats: tuple[bytes, ...]
    samples: tuple[Sample, ...]

    def fits(self, manufacturer: str, version: str, device_type: str) -> bool:
        """Whether a meter belongs to the family."""
        return any(detect.fits(manufacturer, version, device_type) for detect in self.detects)
