"""Device types as data: one file per type, so that a new one needs no code.

A type is known by the model names that imports bring, or by manufacturer, version and device type byte.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from registry.errors import RegistryError
from warehouse.plain_yaml import LARGEST, read_settings

_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A type of devices.

    Attributes:
        name: Its name.
        key_class: Class of its keys: ``oms`` or ``lora``.
        models: Model names that mean it beside its own, in any case and punctuation.
        codes: Manufacturer, version and device type byte of its devices, e.g. ``KAM-1b-16``.
    """

    name: str
    key_class: str
    models: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


class DeviceTypes:
    """The types an installation knows.

    Args:
        types: The types; of several that answer to the same name or code the last one holds.
    """

    def __init__(self, types: Iterable[DeviceType]) -> None:
        self.all = tuple(sorted(types, key=lambda kind: kind.name))
        self._by_model = {_letters(model): kind.name for kind in self.all for model in (kind.name, *kind.models)}
        self._by_code = {code: kind.name for kind in self.all for code in kind.codes}

    def name(self, manufacturer: str, version: str, device_type: str, model: str | None) -> str:
        """The type's name; else the model, else manufacturer and codes."""
        known = self._by_model.get(_letters(model or "")) if model else None
        code = f"{manufacturer}-{version}-{device_type}"
        return known or self._by_code.get(code) or model or code


def device_types(own: Path | None = None) -> DeviceTypes:
    """The types that come with the package, and those of a folder.

    Args:
        own: Folder with ``.yaml`` files; one that is missing has none.

    Returns:
        The types.

    Raises:
        RegistryError: A file is no device type.
    """
    shipped = [(file.name, file.read_bytes()) for file in (files("registry.device_types") / "types").iterdir()]
    try:
        ours = [(str(file), _read(file)) for file in sorted(own.glob(f"*{_SUFFIX}"))] if own else []
    except OSError as exc:
        raise RegistryError(f"A device type in {own} cannot be read: {exc.strerror}.") from exc
    return DeviceTypes(_parsed(name, content) for name, content in [*shipped, *ours] if name.endswith(_SUFFIX))


def _read(file: Path) -> bytes:
    """A file, or as much of it as shows that it is too large."""
    with file.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _parsed(name: str, content: bytes) -> DeviceType:
    try:
        facts = read_settings(content)
    except ValueError as exc:
        raise RegistryError(f"The device type {name} {exc}.") from exc
    try:
        return _device_type(facts)
    except ValueError as exc:
        raise RegistryError(f"The device type {name} is not understood: {exc}.") from exc


def _device_type(facts: dict[str, Any]) -> DeviceType:
    name = facts.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("name must be a text")
    if facts.get("key_class", "oms") not in ("oms", "lora"):
        raise ValueError("key_class must be oms or lora")
    if strange := sorted({*facts} - {"name", "key_class", "models", "codes"}):
        raise ValueError(f"there is no field {strange[0]}")
    codes = tuple(_texts(facts, "codes"))
    if wrong := [code for code in codes if not re.fullmatch("[A-Z@]{3}-[0-9a-f]{2}-[0-9a-f]{2}", code)]:
        raise ValueError(f"{wrong[0]} is no code such as KAM-1b-16")
    return DeviceType(name, facts.get("key_class", "oms"), tuple(_texts(facts, "models")), codes)


def _texts(facts: dict[str, Any], field: str) -> Sequence[str]:
    values = facts.get(field, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{field} must be a list of texts")
    return values


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
