"""What the Dagster UI asks its webserver, as far as the door has to know: whether it reads or changes something."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
)
from graphql import parse as parse_document
from graphql.language import OperationType, SelectionSetNode

_UNTOLD = frozenset(("logTelemetry", "setNuxSeen"))
"""Mutations that change nothing but what the UI shows."""

_IDS = frozenset(("runId", "parentRunId", "backfillId", "sensorName", "scheduleName", "id"))
_LISTED = frozenset(("runIds", "partitionNames"))
_MOST_TOKENS = 15_000
_MOST_TARGETS, _LONGEST = 50, 100


class BadQueryError(Exception):
    """What was sent is not one query as the UI sends it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the UI's.

    Attributes:
        content: What to pass on: exactly what was looked at.
        mutations: Names of the mutations that its document holds, those of no consequence left out.
        is_mutation: Whether its document holds any mutation at all.
        targets: Ids of what it is about, as far as its variables name them.
    """

    content: bytes
    mutations: tuple[str, ...]
    is_mutation: bool
    targets: tuple[str, ...]


def read_query(body: bytes) -> Asked:
    """Reads the body of a POST.

    Args:
        body: JSON, an object with a ``query``; the UI sends no several at once.

    Raises:
        BadQueryError: It is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise BadQueryError from exc
    if not isinstance(found, dict):
        raise BadQueryError
    operations, fields = _read(found.get("query"))
    is_mutation = OperationType.MUTATION in operations
    told = tuple(sorted(fields - _UNTOLD))
    return Asked(json.dumps(found).encode(), told, is_mutation, tuple(_targets(found.get("variables"))))


def other_change(path: str, body: bytes) -> Asked:
    """A request that changes something by a route of its own, such as a report about an asset."""
    return Asked(body, (path.strip("/").split("/")[1],), is_mutation=True, targets=())


def is_subscription(message: str | bytes) -> bool:
    """Whether a message of a WebSocket asks for nothing but subscriptions, or asks for nothing at all."""
    try:
        found = json.loads(message)
        payload = found.get("payload") if isinstance(found, dict) else None
        if not isinstance(payload, Mapping) or "query" not in payload:
            return True
        operations, _ = _read(payload["query"])
    except (ValueError, RecursionError):
        return True  # the webserver cannot read it either
    except BadQueryError:
        return False
    return operations == {OperationType.SUBSCRIPTION}


def _read(query: Any) -> tuple[set[OperationType], set[str]]:
    """Kinds of operations in a document, and names of the fields that its mutations begin with."""
    if not isinstance(query, str):
        raise BadQueryError
    try:
        document = parse_document(query, no_location=True, max_tokens=_MOST_TOKENS)
    except (GraphQLSyntaxError, RecursionError) as exc:
        raise BadQueryError from exc
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    mutations = [node.selection_set for node in operations if node.operation is OperationType.MUTATION]
    return {node.operation for node in operations}, _fields(mutations, fragments)


def _fields(left: list[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode]) -> set[str]:
    """Names of the fields that selections begin with, those of their fragments among them."""
    names: set[str] = set()
    while left:
        for node in left.pop().selections:
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                left.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value in fragments:
                left.append(fragments.pop(node.name.value).selection_set)  # each once: they may refer to each other
    return names


def _targets(variables: object) -> list[str]:
    """Ids of what a request is about, as far as its variables name them."""
    found: list[str] = []
    left = [variables]
    while left and len(found) < _MOST_TARGETS:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            left += [value for value in node.values() if isinstance(value, dict | list)]
            found += [str(value)[:_LONGEST] for key, value in node.items() if key in _IDS and isinstance(value, str)]
            listed = [value for key, value in node.items() if key in _LISTED and isinstance(value, list)]
            found += [value[:_LONGEST] for values in listed for value in values if isinstance(value, str)]
    return sorted(found)[:_MOST_TARGETS]
