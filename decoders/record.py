"""One data record of a telegram, as EN 13757-3 frames it."""

from dataclasses import dataclass
from fractions import Fraction

RecordValue = int | float | Fraction | str | None


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A data record with its interpretation.

    Attributes:
        offset: Position of the DIF in the record area.
        data_offset: Position of the data (of the LVAR byte for variable length).
        dib: DIF and DIFEs.
        vib: VIF and VIFEs as transmitted, a plain-text unit included.
        function: ``instantaneous``, ``maximum``, ``minimum`` or ``error``.
        storage: Storage number.
        tariff: Tariff.
        subunit: Subunit.
        data: Data bytes as transmitted, the LVAR byte included.
        data_type: ``int8`` … ``int64``, ``uint8`` …, ``bcd2`` … ``bcd12``, ``real32``, ``date_G``, ``datetime_F``, …
        quantity: Quantity name of the VIF tables.
        unit: Unit of ``value``; ``None`` where there is none.
        exponent: ``value = raw_value * 10**exponent``.
        modifiers: Meanings of the VIFEs.
        raw_value: The integer, float or text as sent; ``None`` where invalid.
        value: Number in ``unit``, ISO date or text; ``None`` for missing, invalid or opaque data.
        note: Why the value is ``None``, where it is.
    """

    offset: int
    data_offset: int
    dib: bytes
    vib: bytes
    function: str
    storage: int
    tariff: int
    subunit: int
    data: bytes
    data_type: str
    quantity: str
    unit: str | None
    exponent: int
    modifiers: tuple[str, ...]
    raw_value: int | float | str | None
    value: RecordValue
    note: str | None = None

    @property
    def is_variable(self) -> bool:
        """Whether the data says its own length, by an LVAR byte before it."""
        return bool(self.dib) and self.dib[0] & 0x0F == 0x0D
