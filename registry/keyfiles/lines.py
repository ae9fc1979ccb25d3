"""One line of a key file: a device, as far as the file names it, and its keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

ALGORITHMS = {"AES-128": 16, "AES-192": 24, "AES-256": 32, "DES": 8}
"""Bytes of a key by algorithm (KMS manual §5.2)."""

USAGES = {
    "oms": ("any", "mode_5", "mode_7", "mode_8"),
    "lora": ("app_key", "nwk_key", "app_s_key", "nwk_s_key"),
}
"""What the keys of each class are for; the first is meant where a file does not say."""

_TITLES = {"app_key": "AppKey", "nwk_key": "NwkKey", "app_s_key": "AppSKey", "nwk_s_key": "NwkSKey"}

_MODEL_LENGTH = 64

_HEX_PUNCTUATION = r"^0[xX]|[\s:-]"

_GROUPED = re.compile(r"\d{1,3}(?:([.,'])\d{3})(?:\1\d{3})*")
"""A serial number that was exported as a number with thousands separators."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """One key of a device.

    Attributes:
        value: The key.
        key_class: ``oms`` (telegrams) or ``lora`` (LoRaWAN network).
        algorithm: One of :data:`ALGORITHMS`.
        usage: One of :data:`USAGES` of the class.
    """

    value: bytes = field(repr=False)
    key_class: str = "oms"
    algorithm: str = "AES-128"
    usage: str = "any"

    @property
    def title(self) -> str:
        """Name for people, e.g. ``AppKey``."""
        return _TITLES.get(self.usage, "key")


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A line, or a device's element of an XML file.

    Attributes:
        number: Line of the text, counted from 1; in XML the device's place in the file.
        manufacturer: Three letters; ``None`` where the file does not say, as the following.
        serial: Eight digits.
        version: Two hex digits.
        device_type: Two hex digits.
        model: Model name.
        device_eui: LoRaWAN device, 16 hex digits.
        join_eui: LoRaWAN join server or application, 16 hex digits.
        valid_from: First instant of reception for which the keys are tried.
        valid_to: Instant from which on they are not.
        keys: Its keys.
        fault: Why the line cannot be used; it then has no keys, and fields that are no such thing are ``None``.
    """

    number: int
    manufacturer: str | None = None
    serial: str | None = None
    version: str | None = None
    device_type: str | None = None
    model: str | None = None
    device_eui: str | None = None
    join_eui: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    keys: tuple[DeviceKey, ...] = ()
    fault: str | None = None

    @property
    def label(self) -> str:
        """The device for people, e.g. ``KAM 63452869``; empty where the file names none."""
        if self.serial:
            return f"{self.manufacturer} {self.serial}" if self.manufacturer else self.serial
        return f"DevEUI {self.device_eui}" if self.device_eui else ""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file that was read.

    Attributes:
        form: What it is, e.g. ``KEM2`` or ``CSV (lora)``.
        unit: What its lines are called: ``line`` or ``device``.
        lines: Its lines, also those with a fault.
    """

    form: str
    unit: str
    lines: tuple[KeyLine, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """How one field is written."""

    title: str
    pattern: str
    shape: str
    fill: int = 0
    lower: bool = False
    drop: str = r"\s"


_PARTS = {
    "manufacturer": _Part("manufacturer", "[A-Z@]{3}", "three letters"),
    "serial": _Part("serial number", "[0-9A-F]{8}", "up to eight digits", fill=8, lower=True),
    "version": _Part("version", "[0-9A-F]{2}", "two hex digits", fill=2, lower=True),
    "device_type": _Part("device type", "[0-9A-F]{2}", "two hex digits", fill=2, lower=True),
    "device_eui": _Part("DevEUI", "[0-9A-F]{16}", "16 hex digits", drop=_HEX_PUNCTUATION),
    "join_eui": _Part("JoinEUI", "[0-9A-F]{16}", "16 hex digits", drop=_HEX_PUNCTUATION),
}


def key_line(
    number: int,
    fields: Mapping[str, str | None],
    keys: Mapping[str, str | None],
    *,
    key_class: str = "oms",
    fault: str | None = None,
) -> KeyLine:
    """Checks what a file says of a device.

    Args:
        number: Line, or place of the device in the file.
        fields: Text by field of :class:`KeyLine`, also ``key_class``, ``algorithm`` and ``usage``; others are left out.
        keys: Hex digits by usage; those of the usage ``key`` are for what ``fields`` says, or for anything.
        key_class: Class where ``fields`` names none.
        fault: What is wrong with the line already.

    Returns:
        The line, with its first fault if it has any; a fault names a field and its shape, never its content.
    """
    faults = [fault] if fault else []
    parts = {name: _part(part, fields.get(name)) for name, part in _PARTS.items()}
    faults += [wrong for _, wrong in parts.values() if wrong]
    times = {name: _instant(name, fields.get(name)) for name in ("valid_from", "valid_to")}
    faults += [wrong for _, wrong in times.values() if wrong]
    start, end = times["valid_from"][0], times["valid_to"][0]
    if start and end and end <= start:
        faults.append("valid_to is not after valid_from")
    line = KeyLine(
        number,
        manufacturer=parts["manufacturer"][0],
        serial=parts["serial"][0],
        version=parts["version"][0],
        device_type=parts["device_type"][0],
        model=(fields.get("model") or "")[:_MODEL_LENGTH] or None,
        device_eui=parts["device_eui"][0],
        join_eui=parts["join_eui"][0],
        valid_from=times["valid_from"][0],
        valid_to=times["valid_to"][0],
    )
    if not (line.serial or line.device_eui):
        faults.append("no serial number and no DevEUI")
    if not faults:
        found, faults = _keys(fields, keys, key_class)
        line = replace(line, keys=tuple(found))
    return replace(line, keys=(), fault=faults[0]) if faults else line


def _part(part: _Part, text: str | None) -> tuple[str | None, str | None]:
    """The field as it is kept, if it is there and right, and what is wrong with it."""
    tidy = re.sub(part.drop, "", text or "").upper()
    if part is _PARTS["serial"] and _GROUPED.fullmatch(tidy):
        tidy = re.sub(r"\D", "", tidy)
    if not tidy:
        return None, None
    tidy = tidy.zfill(part.fill)
    if not re.fullmatch(part.pattern, tidy):
        return None, f"the {part.title} is not {part.shape}"
    return tidy.lower() if part.lower else tidy, None


def _instant(name: str, text: str | None) -> tuple[datetime | None, str | None]:
    """The instant, if there is one, and what is wrong with it."""
    if not text:
        return None, None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        return None, f"{name} is no time with an offset, such as 2026-01-31T12:00:00+01:00"
    return instant, None


def _keys(
    fields: Mapping[str, str | None], keys: Mapping[str, str | None], key_class: str
) -> tuple[list[DeviceKey], list[str]]:
    """The keys of a line, and what is wrong with them."""
    class_ = _word(fields.get("key_class"), {name: name for name in USAGES} | {"lorawan": "lora"}, key_class)
    if class_ is None:
        return [], [f"the key class is none of {', '.join(USAGES)}"]
    algorithm = _word(fields.get("algorithm"), {name: name for name in ALGORITHMS} | {"AES": "AES-128"}, "AES-128")
    if algorithm is None:
        return [], [f"the algorithm is none of {', '.join(ALGORITHMS)}"]
    modes = {name.removeprefix("mode_"): name for name in USAGES[class_]}  # a mode may be given as a number alone
    usages = {name: name for name in USAGES[class_]} | modes
    said = _word(fields.get("usage"), usages, USAGES[class_][0])
    if said is None:
        return [], [f"the usage is none of {', '.join(USAGES[class_])}"]
    found: list[DeviceKey] = []
    for usage, text in keys.items():
        digits = re.sub(_HEX_PUNCTUATION, "", text or "")
        if digits:
            key = DeviceKey(b"", class_, algorithm, said if usage == "key" else usage)
            wrong = _wrong(digits, algorithm)
            if wrong:
                return [], [f"the {key.title} {wrong}"]
            found.append(replace(key, value=bytes.fromhex(digits)))
    return found, [] if found else ["no key"]


def _wrong(digits: str, algorithm: str) -> str | None:
    if not re.fullmatch("[0-9A-Fa-f]+", digits):
        return "is not hex digits"
    wanted = 2 * ALGORITHMS[algorithm]
    return f"has {len(digits)} hex digits instead of {wanted} ({algorithm})" if len(digits) != wanted else None


def _word(text: str | None, words: Mapping[str, str], default: str) -> str | None:
    """The word that is meant, however it is spelt; the default where there is none."""
    if not text:
        return default
    spelt = {letters(word): meaning for word, meaning in words.items()}
    return spelt.get(letters(text))


def letters(text: str) -> str:
    """A word without case, spaces and punctuation, for comparing spellings."""
    return re.sub(r"[\W_]", "", text).casefold()
