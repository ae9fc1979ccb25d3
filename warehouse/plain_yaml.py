"""YAML of plain values, for documents that people write: import profiles and policies."""

import re
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError

LARGEST = 64 * 1024
"""Bytes of a document."""

_DEEPEST = 8
_MOST_FAULTS = 5
_TRUTH, _TIMES = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
    """Plain values alone: no alias (a small file of them grows without end), no key twice, no deep nesting.

    Headers such as ``No`` and constants such as ``2026-01-31`` are texts, as in YAML 1.2.
    """

    depth = 0
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {
        first: [(tag, form) for tag, form in resolvers if tag not in (_TRUTH, _TIMES)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.YAMLError("it is nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"{twice!r} stands twice")
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.add_implicit_resolver(_TRUTH, re.compile("^(?:true|false)$"), ["t", "f"])


def read_settings(content: bytes) -> dict[str, Any]:
    """Reads a document that is one mapping.

    Args:
        content: YAML in UTF-8.

    Returns:
        Its settings by name.

    Raises:
        ValueError: It is too large, no YAML of plain values, or no mapping; the message goes on after its name.
    """
    if len(content) > LARGEST:
        raise ValueError(f"is larger than {LARGEST // 1024} kB")
    try:
        facts = yaml.load(content.decode("utf-8-sig"), _Loader)  # noqa: S506  a safe loader with bounds
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ValueError(f"is no YAML that is taken: {' '.join(str(exc).split())}") from exc
    if not isinstance(facts, dict):
        raise ValueError("holds no settings")  # noqa: TRY004  what the document is, not what the caller passed
    return {str(name): value for name, value in facts.items()}


@contextmanager
def understood(what: str, error: Callable[[str], Exception]) -> Iterator[None]:
    """Tells of faults that :func:`read_settings` or a model finds by an error that names the document.

    The error has no cause: the one of the model shows what stands in the document.

    Args:
        what: The document, as a sentence begins with it.
        error: Makes the error of a sentence.
    """
    try:
        yield
    except ValidationError as exc:
        told = f"{what} is not understood: {faults(exc)}."
    except ValueError as exc:
        told = f"{what} {exc}."
    else:
        return
    raise error(told)


def faults(error: ValidationError) -> str:
    """The first faults of a document in words, with their places and without what stands there."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}".removeprefix(": ")
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_FAULTS]
    )
