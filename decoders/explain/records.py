"""Data records in words: in full frames byte by byte, in compact frames by the headers of their format."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import chain

from decoders.canonical import plan
from decoders.compact import FormatBook, expand
from decoders.crc import crc16
from decoders.explain.lines import Field, Stream, Words
from decoders.info_codes import names
from decoders.lorawan import kind_of
from decoders.profiles import expand_profile
from decoders.record import DataRecord
from decoders.records import FILLER, RecordDamage, read_header
from decoders.scalar import Telegram
from decoders.tables.vif import VIF
from decoders.tables.vife import EXTENDED, MANUFACTURER

APPLICATION = "application"
COMPACT = "compact frame"

_LENGTHS = (
    "no data",
    "8-bit integer",
    "16-bit integer",
    "24-bit integer",
    "32-bit integer",
    "32-bit real",
    "48-bit integer",
    "64-bit integer",
    "selection for readout",
    "2-digit BCD",
    "4-digit BCD",
    "6-digit BCD",
    "8-digit BCD",
    "variable length",
    "12-digit BCD",
)
_SPECIAL = {
    "manufacturer_data": "manufacturer data to the end",
    "manufacturer_data_more_follows": "manufacturer data to the end; more records in the next telegram",
    "global_readout_request": "asks for all records",
}
_FORMAT = (
    Field("length", 1, lambda data: ("bytes of the format that follow", str(data[0]))),
    Field("signature", 2, lambda data: ("format signature", data[::-1].hex().upper())),
)
_PLAIN_TEXT = 0x7C
_VARIABLE = 0x0D

_FIXED = (
    Field("serial", 4, lambda data: ("serial number", data[::-1].hex())),
    Field("ACC", 1, lambda data: ("access number", str(data[0]))),
    Field("status", 1, lambda data: ("status", f"{data[0]:08b}")),
)


class Columns:
    """What the canonical columns took from each record."""

    def __init__(self, telegram: Telegram) -> None:
        """Plans the columns of a telegram as the decoder does."""
        self.records = telegram.records
        self._fields = telegram.fields
        self._flags = str(telegram.fields.get("flags", "")).split(",")
        self._fed: dict[int, str] = {}
        # Without an address only the uplinks of LoRaWAN modules have columns.
        if telegram.records and (telegram.address is not None or telegram.fields):
            planned = plan(*kind_of(telegram.address), telegram.records)
            self._fed = {field.record_no: field.name for field in planned.fields}

    def fed(self, number: int) -> str:
        """``→ volume_m3 = 12.345``; empty where a record feeds no column."""
        column = self._fed.get(number)
        if column is None:
            return ""
        flags = "".join(f" ({flag})" for flag in self._flags if flag.endswith(f":{column}"))
        value = self._fields.get(column)
        if value is None:
            return f"→ {column}: no value{flags}"
        shown = f"{value.normalize():f}" if isinstance(value, Decimal) else _shortest(value)
        return f"→ {column} = {shown}{flags}"

    def codes(self, number: int) -> Words | None:
        """Kind of the info code and its active codes, where the record is the info code."""
        word, kind = self._fields.get("info_code"), self._fields.get("info_code_kind")
        if self._fed.get(number) != "info_code" or not isinstance(word, int) or not isinstance(kind, str):
            return None
        active = ", ".join(names(kind, word))
        return kind, active or ("no code active" if word == 0 else "codes without a name")


def tell_records(stream: Stream, start: int, telegram: Telegram) -> None:
    """Tells a record area.

    Args:
        stream: Where it stands.
        start: Its position in the content; it goes on to the end.
        telegram: Its records, and what ended them.
    """
    columns, position = Columns(telegram), start
    for number, record in enumerate(telegram.records):
        if start + record.offset < position:
            continue  # drawn from the bytes of the record before
        position = _tell_fillers(stream, position, start + record.offset)
        position = _tell_record(stream, position, number, record, columns)
    end = len(stream.content)
    position = _tell_fillers(stream, position, end)
    if position < end:
        stream.tell_rest(APPLICATION, position, "not read", (telegram.reason or "not interpreted", ""),
                         damaged=telegram.outcome in ("partial", "corrupt"))  # fmt: skip


def _tell_fillers(stream: Stream, start: int, stop: int) -> int:
    end = start
    while end < stop and stream.content[end] == FILLER:
        end += 1
    stream.tell(APPLICATION, start, end, "filler", ("idle", ""))
    return end


def _tell_record(stream: Stream, position: int, number: int, record: DataRecord, columns: Columns) -> int:
    layer = f"record {number + 1}"
    for at, code in enumerate(record.dib, position):
        field, words = ("DIF", _dif(record)) if at == position else ("DIFE", _dife(code, record))
        stream.tell(layer, at, at + 1, field, words)
    position += len(record.dib)
    for size, field, words in _vib(record):
        stream.tell(layer, position, position + size, field, words)
        position += size
    data = record.data
    if data and record.vib and record.dib[0] & 0x0F == _VARIABLE:
        stream.tell(layer, position, position + 1, "LVAR", (f"{len(data) - 1} bytes follow", ""))
        position, data = position + 1, data[1:]
    _tell_data(stream, layer, position, len(data), number, record, columns)
    return position + len(data)


def _tell_data(
    stream: Stream,
    layer: str,
    position: int,
    size: int,
    number: int,
    record: DataRecord,
    columns: Columns,
    *,
    header: str = "",
) -> None:
    """Tells the data of a record with its value and, beneath, what becomes of it."""
    if not size:
        return
    meaning = f"{header}{record.data_type.replace('_', ' ')}"
    stream.tell(layer, position, position + size, "data", (meaning, value_text(record)))
    fed, codes = columns.fed(number), columns.codes(number)
    if fed:
        stream.note(layer, position, "", ("", fed))
    if codes:
        stream.note(layer, position, "info code", codes)
    for item in expand_profile(record, columns.records):
        value = value_text(replace(record, value=item.value, note=None if item.value is not None else "invalid"))
        stream.note(layer, position, "profile", (f"storage {item.storage}, {item.time or 'without time'}", value))


def _dif(record: DataRecord) -> Words:
    code = record.dib[0]
    if not record.vib:
        return _SPECIAL.get(record.data_type, "special"), ""
    return f"{_LENGTHS[code & 0x0F]}, {record.function}", f"storage bit {code >> 6 & 1}"


def _dife(code: int, record: DataRecord) -> Words:
    bits = f"storage {code & 15}, tariff {code >> 4 & 3}, subunit {code >> 6 & 1}"
    return bits, "" if code & 0x80 else _place(record)


def _place(record: DataRecord) -> str:
    """Storage, tariff and subunit where they are not 0, with all their bits."""
    places = ("storage", record.storage), ("tariff", record.tariff), ("subunit", record.subunit)
    return ", ".join(f"{name} {number}" for name, number in places if number)


def _vib(record: DataRecord) -> Iterator[tuple[int, str, Words]]:
    """Size, field and words of each part of a VIB."""
    if not record.vib:
        return
    vib, modifiers = record.vib, iter(record.modifiers)
    at, prefix = 1, tuple[int, ...]()
    # As many extension codes as the tables know stand before the code itself.
    while at < len(vib) and (*prefix, vib[at - 1] & 0x7F) in VIF:
        prefix, at = (*prefix, vib[at - 1] & 0x7F), at + 1
        yield 1, "VIF", (f"extension table {vib[at - 2]:02X}", "")
    yield 1, "VIF", (_quantity(record), "")
    if not prefix and vib[0] & 0x7F == _PLAIN_TEXT and len(vib) > 1:
        yield 1, "VIF length", ("characters of the unit", str(vib[1]))
        if vib[1]:
            yield vib[1], "VIF text", ("unit, last character first", next(modifiers, "").removeprefix("unit:"))
        at += 1 + vib[1]
    own = not prefix and vib[0] & 0x7F == MANUFACTURER
    for code, leads in _extensions(vib[at:], own=own):
        words = f"table {code:02X}" if leads else _modifier(next(modifiers, f"{code:02X}"))
        yield 1, "VIFE", (words, "")


def _extensions(codes: bytes, *, own: bool) -> Iterator[tuple[int, bool]]:
    """VIFEs, and whether each only leads to a table: then those that follow have the meaning.

    Args:
        codes: The VIFEs.
        own: Whether all are the manufacturer's.
    """
    second = False
    for number, code in enumerate(codes):
        bare, last = code & 0x7F, number + 1 == len(codes)
        leads = not (own or second or last) and bare in (EXTENDED, MANUFACTURER)
        yield code, leads
        second, own = leads and bare == EXTENDED, own or (leads and bare == MANUFACTURER)


def _modifier(name: str) -> str:
    return name.replace("mfct:", "manufacturer's ").replace("_", " ")


def _quantity(record: DataRecord) -> str:
    words = record.quantity.replace("_", " ")
    if record.unit is None:
        return words
    return f"{words}, {record.unit}" + (f" × 10^{record.exponent}" if record.exponent else "")


def value_text(record: DataRecord) -> str:
    """A record's value with its unit, in the resolution of the record; what is missing says why."""
    value = record.value
    if value is None:
        return f"no value ({record.note})" if record.note else ""
    if isinstance(value, Fraction):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        shown = f"{exact:.{max(0, -record.exponent)}f}"
        shown = shown if Decimal(shown) == exact else f"{exact:f}"
    else:
        shown = _shortest(value)
    unit = f" {record.unit}" if record.unit and not isinstance(value, str) else ""
    return f"{shown}{unit}" + (f" ({record.note})" if record.note else "")


def _shortest(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def tell_fixed(stream: Stream, start: int, telegram: Telegram) -> None:
    """Tells the fixed data structure of old wired meters.

    Args:
        stream: Where it stands.
        start: Its position in the content.
        telegram: Its records: two, whose VIBs are the unit codes.
    """
    position = stream.tell_fields(APPLICATION, start, _FIXED)
    columns = Columns(telegram)
    for record in telegram.records:
        words = ", ".join([_quantity(record), *_words(record)])
        stream.tell(APPLICATION, position, position + 1, "unit", (words, record.vib.hex()))
        position += 1
    for number, record in enumerate(telegram.records):
        at = start + record.data_offset
        _tell_data(stream, f"record {number + 1}", at, len(record.data), number, record, columns)


def tell_compact(stream: Stream, start: int, telegram: Telegram, formats: FormatBook) -> None:
    """Tells a compact frame.

    Args:
        stream: Where it stands.
        start: Position of the format signature in the content.
        telegram: Its signature and records.
        formats: Formats that were known.
    """
    end = len(stream.content)
    if telegram.signature is None or start + 4 > end:
        stream.tell_rest(COMPACT, start, "not read", (telegram.reason or "", ""), damaged=True)
        return
    records = telegram.records
    headers = b"".join(record.dib + record.vib for record in records)
    origin = _origin(headers, telegram.signature, telegram.meter_id, formats) if records else (telegram.reason or "")
    signature = f"{telegram.signature:04X}"
    stream.tell(COMPACT, start, start + 2, "signature", (f"format signature; {origin}", signature), damaged=not records)
    sent = int.from_bytes(stream.content[start + 2 : start + 4], "little")
    area = expand(headers, stream.content[start + 4 : end]) if records else None
    verdict = "" if area is None else (", ok" if crc16(area) == sent else ", WRONG: the meter's own error")
    stream.tell(COMPACT, start + 2, start + 4, "full CRC", ("CRC of the full frame", f"{sent:04X}{verdict}"))
    columns, position = Columns(telegram), start + 4
    for number, record in enumerate(records):
        size = len(record.data)
        header = f"{record.dib.hex(' ').upper()} {record.vib.hex(' ').upper()} "
        words = ", ".join(chain([_quantity(record)], _words(record))) + ", "
        _tell_data(stream, f"record {number + 1}", position, size, number, record, columns,
                   header=header + words)  # fmt: skip
        position += size
    position = _tell_fillers(stream, position, end)
    if position < end:
        damaged = not telegram.records
        stream.tell_rest(COMPACT, position, "data", (telegram.reason or "not interpreted", ""), damaged=damaged)


def tell_format(stream: Stream, start: int, headers: bytes) -> None:
    """Tells a format frame: length, signature and the record headers that it teaches.

    Args:
        stream: Where it stands.
        start: Position of the length in the content.
        headers: The record headers.
    """
    position = stream.tell_fields(APPLICATION, start, _FORMAT)
    at = 0
    while at < len(headers):
        try:
            header, end = read_header(headers, at)
        except RecordDamage as exc:
            stream.tell_rest(APPLICATION, position + at, "not read", (str(exc), ""), damaged=True)
            return
        words = f"header of record: {header.meaning.quantity.replace('_', ' ')}"
        stream.tell(APPLICATION, position + at, position + end, "DIF, VIF", (words, header.meaning.unit or ""))
        at = end
    position = _tell_fillers(stream, position + at, len(stream.content))
    stream.tell_rest(APPLICATION, position, "not read", ("behind the format", ""))


def _words(record: DataRecord) -> Iterator[str]:
    """What sets a record apart from the current value."""
    if record.function != "instantaneous":
        yield record.function
    yield from map(_modifier, record.modifiers)
    place = _place(record)
    if place:
        yield place


def _origin(headers: bytes, signature: int, meter_id: str | None, formats: FormatBook) -> str:
    """Where the format was known from."""
    taught = [meter for meter, known in formats.learned.get(signature, {}).items() if headers in known]
    if meter_id in taught:
        return "learned from a full frame of the meter"
    if headers in formats.known.get(signature, ()):
        return "format of public knowledge"
    return f"learned from a full frame of {taught[0]}" if taught else "format of unknown origin"
