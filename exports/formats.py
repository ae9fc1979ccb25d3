"""Formats: YAML documents that say what a file for billing looks like."""

from functools import cache
from importlib.resources import files

from exports.base import BaseFormat
from exports.errors import ExportError
from exports.layouts import LAYOUTS
from warehouse.plain_yaml import read_settings, understood

Format = BaseFormat
"""A format of any layout; ``layout`` says which model it has, see :mod:`exports.layouts`."""

_SUFFIX = ".yaml"


def read_format(document: str, name: str) -> Format:
    """Reads a format.

    Args:
        document: YAML of plain values.
        name: What messages call it.

    Returns:
        The format.

    Raises:
        ExportError: It is too large, no YAML of plain values, or no format; the message names the places and what may
            stand there.
    """
    with understood(f"The format {name}", ExportError):
        settings = read_settings(document.encode())
        layout = LAYOUTS.get(str(settings.get("layout")))
        if layout is None:
            raise ValueError(f"is not understood: layout: it is one of {', '.join(LAYOUTS)}")
        return layout.model.model_validate(settings)


@cache
def shipped() -> dict[str, Format]:
    """The formats that come with the package, by name."""
    return {name: read_format(document, name) for name, document in _documents().items()}


def shipped_document(name: str) -> str:
    """The document of a format that comes with the package.

    Raises:
        ExportError: There is none of this name.
    """
    if name not in _documents():
        raise ExportError(f"No format called {name} comes with Meterhouse; there are {', '.join(_documents())}.")
    return _documents()[name]


@cache
def _documents() -> dict[str, str]:
    folder = files("exports") / "shipped"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(_SUFFIX)), key=lambda file: file.name)
    return {file.name.removesuffix(_SUFFIX): file.read_text(encoding="utf-8") for file in found}
