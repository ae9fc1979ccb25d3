"""Data records: DIF, DIFEs, VIF, VIFEs and data, one after the other (EN 13757-3, clause 6)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from decoders import values
from decoders.record import DataRecord, RecordValue
from decoders.tables.vif import VIF, Meaning
from decoders.tables.vife import (
    DURATIONS,
    EXTENDED,
    MANUFACTURER,
    MULTIPLIERS,
    TIME_POINTS,
    VIFE,
    VIFE_EXTENDED,
)

MOST_EXTENSIONS = 10
"""DIFEs or VIFEs a record may have."""

FILLER = 0x2F
READOUT = 0x7F
FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 7: 8}
_BCD = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_LVAR = 0xD
_REAL = 0x5
_SPECIAL = {0x0F: "manufacturer_data", 0x1F: "manufacturer_data_more_follows", 0x7F: "global_readout_request"}

UNSIGNED = frozenset(
    {
        "access_code_developer",
        "access_code_operator",
        "access_code_system_operator",
        "access_code_user",
        "access_number",
        "bus_address",
        "customer",
        "customer_location",
        "device_type",
        "digital_input",
        "digital_output",
        "enhanced_identification",
        "error_flags",
        "error_mask",
        "fabrication_number",
        "firmware_version",
        "hardware_version",
        "manufacturer",
        "manufacturer_specific",
        "model_version",
        "parameter_activation_state",
        "parameter_set_identification",
        "password",
        "plain_text",
        "security_key",
        "software_version",
        "special_supplier_information",
        "unknown",
    }
)
"""Quantities whose binary numbers are identifications or flags."""

UNSIGNED_TYPES = frozenset({"data_type_c", "data_type_d"})
"""VIFEs that say so of other quantities: unsigned integers (type C) and arrays of bits (type D)."""

_CONTAINERS = frozenset({"manufacturer_specific", "manufacturer_data_container", "wmbus_data_container"})
_LONGEST_INTEGER = 8


class RecordDamage(Exception):  # noqa: N818  not an error of the program: data to be reported
    """A record cannot be read to its end; the text says why."""


@dataclass(frozen=True, slots=True)
class _Header:
    dib: bytes
    vib: bytes
    function: str
    storage: int
    tariff: int
    subunit: int
    meaning: Meaning
    modifiers: tuple[str, ...]
    time_point: bool


def parse_records(payload: bytes) -> tuple[list[DataRecord], str | None]:
    """Reads the records of a record area.

    Args:
        payload: The area, idle fillers included.

    Returns:
        The records in order; manufacturer data is one last record with its bytes. The second item says what damage
        ended the reading, ``None`` where there is none.
    """
    records: list[DataRecord] = []
    position = 0
    while position < len(payload):
        dif = payload[position]
        if dif == FILLER:
            position += 1
            continue
        if dif & 0x0F == 0x0F:
            if dif not in _SPECIAL:
                return records, f"reserved DIF {dif:02X}"
            records.append(_special(payload, position))
            if dif != READOUT:
                break
            position += 1
            continue
        try:
            record = _record(payload, position)
        except RecordDamage as exc:
            return records, str(exc)
        records.append(record)
        position = record.data_offset + len(record.data)
    return records, None


def _special(payload: bytes, position: int) -> DataRecord:
    dif = payload[position]
    kind, data = _SPECIAL[dif], b"" if dif == READOUT else payload[position + 1 :]
    return DataRecord(
        offset=position,
        data_offset=position + 1,
        dib=payload[position : position + 1],
        vib=b"",
        function="instantaneous",
        storage=0,
        tariff=0,
        subunit=0,
        data=data,
        data_type=kind,
        quantity=kind,
        unit=None,
        exponent=0,
        modifiers=(),
        raw_value=None,
        value=None,
    )


def _record(payload: bytes, position: int) -> DataRecord:
    header, start = read_header(payload, position)
    field = header.dib[0] & 0x0F
    length = data_length(payload, start, field)
    data = payload[start : start + length]
    if len(data) < length:
        raise RecordDamage("premature end of data")
    content = _interpreted(data, field, header)
    return DataRecord(
        offset=position,
        data_offset=start,
        dib=header.dib,
        vib=header.vib,
        function=header.function,
        storage=header.storage,
        tariff=header.tariff,
        subunit=header.subunit,
        data=data,
        data_type=content.data_type,
        quantity=header.meaning.quantity,
        unit=None if content.is_time else header.meaning.unit,
        exponent=0 if content.is_time else header.meaning.exponent,
        modifiers=header.modifiers,
        raw_value=content.raw_value,
        value=content.value,
        note=content.note,
    )


def read_header(payload: bytes, position: int) -> tuple[_Header, int]:
    """Reads DIF to last VIFE.

    Args:
        payload: Record area.
        position: Of the DIF.

    Returns:
        The header and the position behind it.

    Raises:
        RecordDamage: The area ends inside, or has too many extensions.
    """
    start = position
    dif = _byte(payload, position)
    storage, tariff, subunit, count = dif >> 6 & 1, 0, 0, 0
    position += 1
    more = dif & 0x80
    while more:
        if count == MOST_EXTENSIONS:
            raise RecordDamage("too many DIFEs")
        dife = _byte(payload, position)
        storage |= (dife & 0x0F) << (1 + 4 * count)
        tariff |= (dife >> 4 & 3) << (2 * count)
        subunit |= (dife >> 6 & 1) << count
        more, count, position = dife & 0x80, count + 1, position + 1
    dib = payload[start:position]
    vib_start = position
    meaning, modifiers, time_point, position = _read_vib(payload, position)
    header = _Header(
        dib=dib,
        vib=payload[vib_start:position],
        function=FUNCTIONS[dif >> 4 & 3],
        storage=storage,
        tariff=tariff,
        subunit=subunit,
        meaning=meaning,
        modifiers=modifiers,
        time_point=time_point,
    )
    return header, position


def _byte(payload: bytes, position: int) -> int:
    if position >= len(payload):
        raise RecordDamage("premature end of header")
    return payload[position]


def _read_vib(payload: bytes, position: int) -> tuple[Meaning, tuple[str, ...], bool, int]:
    codes = [_byte(payload, position)]
    position += 1
    plain = ""
    if codes[0] & 0x7F == 0x7C:
        length = _byte(payload, position)
        plain = values.text(payload[position + 1 : position + 1 + length])
        position += 1 + length
        if len(plain) < length:
            raise RecordDamage("premature end of plain text unit")
    while codes[-1] & 0x80:
        if len(codes) > MOST_EXTENSIONS:
            raise RecordDamage("too many VIFEs")
        codes.append(_byte(payload, position))
        position += 1
    bare = [code & 0x7F for code in codes]
    prefix: tuple[int, ...] = ()
    while len(bare) > 1 and (*prefix, bare[0]) in VIF:
        prefix, bare = (*prefix, bare[0]), bare[1:]
    first, extensions = bare[0], bare[1:]
    if first == 0x7C and not prefix:
        meaning = Meaning("plain_text", None, 0)
        named, modifiers, time_point = _combined(meaning, extensions)
        return named, (f"unit:{plain}", *modifiers), time_point, position
    if first == MANUFACTURER and not prefix:
        modifiers = tuple(f"mfct:{code:02X}" for code in extensions)
        return Meaning("manufacturer_specific", None, 0), modifiers, False, position
    return *_combined(VIF[prefix].get(first, Meaning("unknown", None, 0)), extensions), position


def _combined(meaning: Meaning, extensions: list[int]) -> tuple[Meaning, tuple[str, ...], bool]:
    """Applies the VIFEs to what the VIF means."""
    modifiers: list[str] = []
    time_point, exponent, unit, quantity = False, meaning.exponent, meaning.unit, meaning.quantity
    following = iter(extensions)
    for code in following:
        if code == EXTENDED:
            second = next(following, None)
            if second is not None:
                modifiers.append(VIFE_EXTENDED.get(second, f"extended_{second:02X}"))
            continue
        if code == MANUFACTURER:
            modifiers += [f"mfct:{rest:02X}" for rest in following] or ["mfct:"]
            break
        modifiers.append(VIFE.get(code, f"reserved_{code:02X}"))
        if code in MULTIPLIERS:
            exponent += MULTIPLIERS[code]
        elif code in TIME_POINTS:
            time_point = True
        elif code in DURATIONS:
            unit, exponent = DURATIONS[code], 0
    return Meaning(quantity, unit, exponent), tuple(modifiers), time_point


def data_length(payload: bytes, start: int, field: int) -> int:
    """Bytes of a record's data.

    Args:
        payload: Where the data stands.
        start: Position of the data; read for variable lengths alone.
        field: Low nibble of the DIF.

    Returns:
        The number of bytes, the LVAR byte included.

    Raises:
        RecordDamage: The length is reserved, or missing.
    """
    if field in _INTEGERS:
        return _INTEGERS[field]
    if field in _BCD:
        return _BCD[field]
    if field == _REAL:
        return 4
    if field != _LVAR:
        return 0
    code = _byte(payload, start)
    if code < 0xC0:
        return 1 + code
    if code < 0xC0 + 10:
        return 1 + code - 0xC0
    if 0xD0 <= code < 0xDA:
        return 1 + code - 0xD0
    if 0xE0 <= code < 0xF0:
        return 1 + code - 0xE0
    if 0xF0 <= code < 0xF5:
        return 1 + 4 * (code - 0xEC)
    if code in (0xF5, 0xF6):
        return 1 + {0xF5: 48, 0xF6: 64}[code]
    raise RecordDamage(f"reserved LVAR {code:02X}")


class _Content(NamedTuple):
    """What the data bytes say."""

    data_type: str
    raw_value: int | float | str | None = None
    value: RecordValue = None
    note: str | None = None
    is_time: bool = False


def _interpreted(data: bytes, field: int, header: _Header) -> _Content:
    if field in (0x0, 0x8):
        return _Content("none" if field == 0 else "selection_for_readout")
    if any(name.endswith(("compact_profile", "compact_profile_with_register")) for name in header.modifiers):
        return _Content("compact_profile")
    if field == _LVAR:
        return _variable(data, header)
    if field == _REAL:
        number, note = values.real32(data)
        return _numeric(header, "real32", number, note)
    timed = header.meaning.quantity in ("date", "datetime") or header.time_point
    if timed and field in (0x2, 0x3, 0x4, 0x6):
        return _timed(data, field)
    if field in _BCD:
        count, note = values.bcd(data)
        return _numeric(header, f"bcd{2 * len(data)}", count, note)
    signed = _is_signed(header)
    number = int.from_bytes(data, "little", signed=signed)
    return _numeric(header, f"{'int' if signed else 'uint'}{8 * len(data)}", number, None)


def _timed(data: bytes, field: int) -> _Content:
    kind, read = {
        0x2: ("date_G", values.date_g),
        0x3: ("time_J", values.time_j),
        0x4: ("datetime_F", values.datetime_f),
        0x6: ("datetime_I", values.datetime_i),
    }[field]
    value, note = read(data)
    return _Content(kind, int.from_bytes(data, "little"), value, note, is_time=True)


def _variable(variable: bytes, header: _Header) -> _Content:
    code, data = variable[0], variable[1:]
    if code < 0xC0 and header.meaning.quantity == "manufacturer_specific":
        return _Content("lvar_bytes")
    if code < 0xC0:
        content = values.text(data)
        return _Content("lvar_text", content, content)
    if code < 0xE0:
        count, note = values.bcd(data)
        negative = code >= 0xD0 and count is not None
        return _numeric(header, f"bcd{2 * len(data)}", -count if negative and count is not None else count, note)
    if header.meaning.quantity not in _CONTAINERS and len(data) <= _LONGEST_INTEGER:
        number = int.from_bytes(data, "little", signed=_is_signed(header)) if data else None
        return _numeric(header, "lvar_binary", number, None)
    return _Content("lvar_binary")


def _is_signed(header: _Header) -> bool:
    return header.meaning.quantity not in UNSIGNED and not UNSIGNED_TYPES.intersection(header.modifiers)


def _numeric(header: _Header, data_type: str, number: float | None, note: str | None) -> _Content:
    value: RecordValue = None
    exponent = header.meaning.exponent
    if isinstance(number, int):
        value = number * 10**exponent if exponent >= 0 else Fraction(number, 10**-exponent)
    elif number is not None:
        value = number * 10.0**exponent
    return _Content(data_type, number, value, note)
