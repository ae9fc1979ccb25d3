"""Reads device files (TOML), word by word: what is unknown or contradictory is an error that names file and key."""

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

from decoders.family import MULTIPLY, Detect, Family, FieldRule, FrozenRule, InfoCode, Masks, Sample, SentinelRule
from decoders.tables.vif import VIF
from decoders.tables.vife import VIFE, VIFE_EXTENDED
from warehouse.schemas.registers import CUMULATIVE, GAUGES

COLUMNS = (*CUMULATIVE, *GAUGES, "info_code", "device_time")
"""Columns of ``readings`` that a device file may feed."""

WIDEST_INFO_CODE = 63
MOST_DIGITS = 18
_FIELD_TYPES: Mapping[str, type[Any]] = {**dict.fromkeys(GAUGES, float), "info_code": int}
_QUANTITIES = frozenset(meaning.quantity for codes in VIF.values() for meaning in codes.values())
_MODIFIERS = frozenset(name for name in (*VIFE.values(), *VIFE_EXTENDED.values()) if not name.startswith(MULTIPLY))
_DATA_TYPES = frozenset(
    {
        *(f"{kind}{8 * width}" for kind in ("int", "uint") for width in range(1, 9)),
        *(f"bcd{2 * width}" for width in range(1, 10)),
        *("real32", "datetime_F", "datetime_I"),
    }
)
_OWN_MODIFIERS = ("mfct:", "unit:")
_HEX = frozenset("0123456789abcdef")

Item = TypeVar("Item")


class DeviceFileError(Exception):
    """A device file is wrong; the text names the file and the key."""


class _Section:
    """A table of a device file, whose keys are taken one by one."""

    def __init__(self, place: str, content: Mapping[str, Any]) -> None:
        self.place = place
        self._rest = dict(content)

    def error(self, key: str, problem: str) -> DeviceFileError:
        return DeviceFileError(f"{self.place}{key}: {problem}")

    def maybe(self, key: str, kind: type[Item]) -> Item | None:
        """A value of this very type; ``None`` where there is none."""
        value = self._rest.pop(key, None)
        if value is not None and type(value) is not kind:
            raise self.error(key, f"must be of type {kind.__name__}, not {type(value).__name__}")
        return value

    def need(self, key: str, kind: type[Item]) -> Item:
        """A value of this very type."""
        value = self.maybe(key, kind)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def take(self, key: str, default: Item) -> Item:
        """A value of the default's type, else the default."""
        value = self.maybe(key, type(default))
        return default if value is None else value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, each once; empty where there is none."""
        found: list[Any] = self.take(key, [])
        if not all(isinstance(item, str) for item in found):
            raise self.error(key, "must be a list of texts")
        if len(set(found)) < len(found):
            raise self.error(key, "says something twice")
        return tuple(found)

    def codes(self, key: str) -> frozenset[str] | None:
        """A list of bytes, two lower-case hex digits each; ``None`` where there is none."""
        if key not in self._rest:
            return None
        found = self.texts(key)
        for code in found:
            if len(code) != 2 or not _HEX.issuperset(code):
                raise self.error(key, f"{code!r} is not two lower-case hex digits")
        if not found:
            raise self.error(key, "is empty; leave it out to take all")
        return frozenset(found)

    def bytes(self, key: str) -> bytes | None:
        """Bytes in hex; ``None`` where there are none."""
        text = self.maybe(key, str)
        try:
            return None if text is None else bytes.fromhex(text)
        except ValueError:
            raise self.error(key, "is not hex") from None

    def section(self, key: str) -> "_Section":
        """A table; empty where there is none."""
        return _Section(f"{self.place}{key}.", self.take(key, {}))

    def sections(self, key: str) -> list["_Section"]:
        """The tables of an array of tables."""
        found: list[Any] = self.take(key, [])
        if not all(isinstance(item, dict) for item in found):
            raise self.error(key, f"must be tables [[{key}]]")
        return [_Section(f"{self.place}{key}[{number}].", item) for number, item in enumerate(found, 1)]

    def rest(self) -> tuple[str, ...]:
        """Keys not taken yet."""
        return tuple(self._rest)

    def end(self) -> None:
        """Refuses keys that nobody took."""
        for key in self._rest:
            raise self.error(key, "is not a known key")


def read_device_file(file: str, text: str) -> Family:
    """Reads a device file.

    Args:
        file: Its name, for errors.
        text: Its content.

    Returns:
        The family.

    Raises:
        DeviceFileError: It is no TOML, a key is unknown or missing, or a value is not possible.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DeviceFileError(f"{file}: {exc}") from exc
    section = _Section(f"{file}: ", content)
    section.need("source", str)
    structure = section.take("structure", "records")
    if structure not in ("records", "none"):
        raise section.error("structure", "must be records or none")
    kinds = section.section("info_code_kinds")
    info_codes = {kind: _info_code(kind, kinds.section(kind)) for kind in kinds.rest()}
    detects = tuple(_detect(item) for item in section.sections("detect"))
    if not detects:
        raise section.error("detect", "is missing")
    fields = _fields(section)
    family = Family(
        file=file,
        title=section.need("title", str),
        precedence=section.take("precedence", 0),
        has_records=structure == "records",
        all_ones_missing=section.take("all_ones_missing", False),
        detects=detects,
        fields=fields,
        sentinels=tuple(_sentinel(item, info_codes) for item in section.sections("sentinel")),
        frozen=tuple(_frozen(item, info_codes) for item in section.sections("frozen")),
        info_codes=tuple(info_codes.values()),
        compact_formats=_formats(section),
        samples=tuple(_sample(item) for item in section.sections("sample")),
    )
    section.end()
    return family


def _detect(section: _Section) -> Detect:
    found = Detect(section.maybe("manufacturer", str), section.codes("versions"), section.codes("device_types"))
    name = found.manufacturer
    if name is not None and not (len(name) == 3 and name.isascii() and name.isupper()):
        raise section.error("manufacturer", f"{name!r} is not three upper-case letters")
    section.end()
    return found


def _column(section: _Section, key: str, name: str, among: tuple[str, ...]) -> str:
    if name not in among:
        raise section.error(key, f"{name!r} is not one of {', '.join(among)}")
    return name


def _fields(section: _Section) -> tuple[FieldRule, ...]:
    rules: list[FieldRule] = []
    for item in section.sections("field"):
        rule = _field(item)
        if rule in rules:
            raise item.error("column", f"says what field[{rules.index(rule) + 1}] says")
        rules.append(rule)
    return tuple(rules)


def _field(section: _Section) -> FieldRule:
    column = _column(section, "column", section.need("column", str), COLUMNS)
    rule = FieldRule(
        column=column,
        quantity=section.maybe("quantity", str),
        modifiers=section.texts("modifiers"),
        vib=section.bytes("vib"),
        data_type=section.maybe("data_type", str),
        tariff=section.take("tariff", 0),
        subunit=section.take("subunit", 0),
        occurrence=section.take("occurrence", 1),
        device_types=section.codes("device_types"),
        except_device_types=section.codes("except_device_types") or frozenset(),
        kind=section.maybe("kind", str),
        follows_volume=section.take("follows_volume", False),
        digits=section.maybe("digits", int),
    )
    section.end()
    if (rule.quantity is None) == (rule.vib is None):
        raise section.error("quantity", "either quantity or vib must be told")
    if rule.quantity is not None and rule.quantity not in _QUANTITIES:
        raise section.error("quantity", f"{rule.quantity!r} is not a quantity of the standard")
    for modifier in rule.modifiers:
        if modifier not in _MODIFIERS and not modifier.startswith(_OWN_MODIFIERS):
            raise section.error("modifiers", f"{modifier!r} is not a meaning of a VIFE")
    if rule.vib is not None and rule.modifiers:
        raise section.error("modifiers", "vib tells them already")
    if rule.data_type is not None and rule.data_type not in _DATA_TYPES:
        raise section.error("data_type", f"{rule.data_type!r} is not a type of numbers or times")
    if (rule.kind is None) == (column == "info_code"):
        raise section.error("kind", "is for info_code, which needs it")
    if rule.digits is not None and not (column in CUMULATIVE and 0 < rule.digits <= MOST_DIGITS):
        raise section.error("digits", f"must be 1 to {MOST_DIGITS}, of a register")
    if min(rule.tariff, rule.subunit) < 0 or rule.occurrence < 1:
        raise section.error("tariff, subunit, occurrence", "must count from 0, 0 and 1")
    return rule


def _sentinel(section: _Section, info_codes: Mapping[str, InfoCode]) -> SentinelRule:
    columns = tuple(_column(section, "columns", name, GAUGES) for name in section.texts("columns"))
    low, high = section.need("from", float), section.need("to", float)
    rule = SentinelRule(columns, low, high, _masks(section.section("only_with"), info_codes))
    section.end()
    if not columns:
        raise section.error("columns", "is missing")
    if low > high:
        raise section.error("from", "is above to")
    return rule


def _frozen(section: _Section, info_codes: Mapping[str, InfoCode]) -> FrozenRule:
    columns = tuple(_column(section, "columns", name, CUMULATIVE) for name in section.texts("columns"))
    rule = FrozenRule(columns, _masks(section.section("only_with"), info_codes))
    section.end()
    if not (columns and rule.only_with):
        raise section.error("columns" if rule.only_with else "only_with", "is missing")
    return rule


def _masks(section: _Section, info_codes: Mapping[str, InfoCode]) -> Masks:
    masks = {}
    for kind in section.rest():
        if kind not in info_codes:
            raise section.error(kind, "is not an info code of this file")
        masks[kind] = info_codes[kind].mask(_known(section, kind, info_codes[kind].bits))
        if not masks[kind]:
            raise section.error(kind, "is empty")
    return masks


def _known(section: _Section, key: str, bits: Mapping[int, str]) -> tuple[str, ...]:
    """Codes of a list, all of which have a bit."""
    codes = section.texts(key)
    for code in codes:
        if code not in bits.values():
            raise section.error(key, f"{code!r} has no bit")
    return codes


def _info_code(kind: str, section: _Section) -> InfoCode:
    width = section.need("width", int)
    if not 0 < width <= WIDEST_INFO_CODE:
        raise section.error("width", f"must be 1 to {WIDEST_INFO_CODE} bits")
    table = section.section("bits")
    bits = {_bit(table, key, width): table.need(key, str) for key in table.rest()}
    if len(set(bits.values())) < len(bits):
        raise section.error("bits", "has a code twice")
    durations = section.section("durations")
    mask = durations.take("mask", 0)
    shifts = {code: durations.need(code, int) for code in durations.rest()}
    for code, shift in shifts.items():
        if code not in bits.values():
            raise durations.error(code, "has no bit")
        if shift < 0 or not 0 < mask << shift < 1 << width:
            raise durations.error(code, f"does not lie within {width} bits")
    found = InfoCode(
        kind=kind,
        bits=dict(sorted(bits.items())),
        high=frozenset(_known(section, "high", bits)),
        ignore=frozenset(_known(section, "ignore", bits)),
        durations=shifts,
        duration_mask=mask,
    )
    section.end()
    if found.high & found.ignore:
        raise section.error("ignore", "names a code of high priority")
    return found


def _bit(section: _Section, key: str, width: int) -> int:
    if not (key.isascii() and key.isdecimal() and int(key) < width):
        raise section.error(key, f"is not a bit from 0 to {width - 1}")
    return int(key)


def _formats(section: _Section) -> tuple[bytes, ...]:
    try:
        return tuple(bytes.fromhex(headers) for headers in section.texts("compact_formats"))
    except ValueError:
        raise section.error("compact_formats", "is not a list of hex texts") from None


def _sample(section: _Section) -> Sample:
    telegram = section.bytes("telegram")
    if not telegram:
        raise section.error("telegram", "is missing")
    fields = section.section("fields")
    for name in fields.rest():
        _column(fields, name, name, (*COLUMNS, "info_code_kind", "flags"))
    sample = Sample(
        telegram=telegram,
        key=section.bytes("key"),
        transport=section.take("transport", "wmbus"),
        outcome=section.take("outcome", "decoded"),
        fields={name: fields.need(name, _FIELD_TYPES.get(name, str)) for name in fields.rest()},
        info_codes=section.texts("info_codes"),
    )
    section.end()
    if sample.transport not in ("wmbus", "mbus"):
        raise section.error("transport", "must be wmbus or mbus")
    return sample
