"""Rows of JSON and XML documents of unknown origin, as texts by their places; in bounded memory."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from registry.errors import RegistryError
from registry.xml_trees import local_name, parse_xml

MAX_BYTES = 128 << 20
"""Largest document that is read; one with 100,000 meters has about half of that."""

MAX_VALUES = 6_000_000
"""Most values of a JSON document; 100,000 meters have about two million."""

Row = tuple[int, list[str | None], str | None]
"""Place of the row, counted from 1; text of each path, ``None`` where there is none; why the row cannot be used."""

_OWN_NAME = "."


def json_rows(text: str, name: str, rows: Sequence[str], paths: Sequence[str]) -> list[Row]:
    """Reads the rows of a JSON document.

    Args:
        text: The document.
        name: Name of the file, for messages.
        rows: Where its rows are; they are counted in this order.
        paths: Places in a row.

    Returns:
        The rows; numbers as they are written.

    Raises:
        RegistryError: It is no JSON, too large, names a member twice, or has no rows; the message shows nothing of it.
    """
    _bounded(len(text), name)
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise RegistryError(f"{name} has more than {MAX_VALUES:,} values, the most that is accepted. Split it.")
    fault = ""
    try:
        document = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_members
        )
    except json.JSONDecodeError as exc:
        fault = f"is no JSON (line {exc.lineno})"
    except (ValueError, RecursionError) as exc:
        fault = str(exc) if isinstance(exc, ValueError) else "is nested too deeply"
    if fault:  # outside, since the error holds the text
        raise RegistryError(f"{name} {fault}.")
    found = [(path, row) for path in rows for row in _json_parts(document, path)]
    steps = [path.split("/") for path in paths]
    listed = ((path.rpartition("/")[2], row) for path, row in found)
    return _counted(name, rows, ([_json_text(own, row, step) for step in steps] for own, row in listed), paths)


def xml_rows(content: bytes, name: str, rows: Sequence[str], paths: Sequence[str]) -> list[Row]:
    """Reads the rows of an XML document; prefixes of names do not count.

    Args:
        content: The document.
        name: Name of the file, for messages.
        rows: Where its rows are, beginning with its root; they are counted in this order.
        paths: Places in a row; ``@name`` is an attribute.

    Returns:
        The rows.

    Raises:
        RegistryError: It is no well-formed XML, too large, declares a document type, or has no rows.
    """
    _bounded(len(content), name)
    try:
        root = parse_xml(content.strip(), name)
    except ValueError:
        root = None
    if root is None:
        raise RegistryError(f"{name} is no well-formed XML.")
    found = [row for path in rows for row in _xml_parts(root, path)]
    steps = [path.split("/") for path in paths]
    return _counted(name, rows, ([_xml_text(row, step) for step in steps] for row in found), paths)


class _Fault(str):
    """Why a place gives no text."""

    __slots__ = ()


_SEVERAL = _Fault("is no single value")


def _counted(name: str, rows: Sequence[str], cells: Iterable[list[str | None]], paths: Sequence[str]) -> list[Row]:
    counted: list[Row] = []
    for number, texts in enumerate(cells, 1):
        fault = next((f"{path} {text}" for path, text in zip(paths, texts, strict=True) if type(text) is _Fault), None)
        counted.append((number, texts, fault))
    if not counted:
        raise RegistryError(f"{name} has no rows at {' or '.join(rows)}.")
    return counted


def _bounded(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise RegistryError(f"{name} has more than {MAX_BYTES:,} bytes, the most that is accepted. Split it.")


def _no_number(_: str) -> str:
    raise ValueError("holds a number that is none")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("names a member of an object twice")
    return members


def _json_parts(document: Any, path: str) -> Iterator[Any]:
    """What a path leads to; where a name leads to a list, to all in it."""
    parts = list(_flat([document]))
    for step in () if path == _OWN_NAME else path.split("/"):
        parts = list(_flat(part[step] for part in parts if isinstance(part, dict) and step in part))
    return iter(parts)


def _flat(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, list):
            yield from part
        else:
            yield part


def _json_text(own: str, row: Any, steps: Sequence[str]) -> str | None:
    if steps == [_OWN_NAME]:
        return own
    for step in steps:
        if row is None:
            return None
        if not isinstance(row, dict):
            return _SEVERAL if isinstance(row, list) else _Fault("does not stand in an object")
        row = row.get(step)
    if isinstance(row, bool):
        return str(row).lower()
    return row if row is None or isinstance(row, str) else _SEVERAL


def _xml_parts(root: ET.Element, path: str) -> list[ET.Element]:
    if path == _OWN_NAME:
        return [root]
    first, *steps = path.split("/")
    parts = [root] if local_name(root) == first else []
    for step in steps:
        parts = [child for part in parts for child in part if local_name(child) == step]
    return parts


def _xml_text(row: ET.Element, steps: Sequence[str]) -> str | None:
    if steps == [_OWN_NAME]:
        return local_name(row)
    for step in steps:
        if step.startswith("@"):
            named = (text for key, text in row.attrib.items() if key.rpartition(":")[2] == step[1:])
            return next(named, None)
        children = [child for child in row if local_name(child) == step]
        if not children:
            return None
        if len(children) > 1:
            return _Fault("stands there several times")
        row = children[0]
    return _SEVERAL if len(row) else row.text
