"""Results of queries, kept while the tables they were read from stay as they are.

What is kept belongs to an organisation and to the meters that may be seen of it, so that nobody is shown what was read
for somebody else.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

import polars as pl
import streamlit as st

from dashboards.installation import installation
from dashboards.viewer import organisation, readable, viewer
from warehouse.excerpt import Readable
from warehouse.lake import Lake
from warehouse.policies import PolicyModel
from warehouse.schemas import Table

MOST_KEPT = 200
MOST_BYTES = 300_000_000
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class AsKnown(Generic[_Arguments, _Result]):
    """A query of what was known at an instant; called and remembered like the query itself.

    Args:
        query: A function of ``warehouse.queries``.
        at: The instant, UTC; ``None`` for now.
    """

    def __init__(self, query: Callable[Concatenate[Readable, str, _Arguments], _Result], at: datetime | None) -> None:
        self._query, self.at = query, at
        self.__module__, self.__qualname__ = query.__module__, f"{query.__qualname__}@{at}"

    def __call__(
        self, lake: Readable, organisation: str, *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """What the query says of a lake."""
        return self._query(lake, organisation, *args, **kwargs)


class _Kept(NamedTuple):
    """A result, the versions of the tables that it rests on, and how large it is."""

    versions: dict[Table, int | None]
    result: object
    size: int


class _Noting:
    """A lake that notes what is read from it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.versions: dict[Table, int | None] = {}

    def scan(self, table: Table) -> pl.LazyFrame:
        """As the lake's; the version is taken before the rows, so that a commit between the two is seen later."""
        self.versions.setdefault(table, self._lake.version(table))
        return self._lake.scan(table)

    def partitions(self, table: Table) -> list[str]:
        """As the lake's."""
        self.versions.setdefault(table, self._lake.version(table))
        return self._lake.partitions(table)


class Memory:
    """Results by what was asked, those that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, _Kept] = OrderedDict()
        self._lock = Lock()
        self._turns = WeakValueDictionary[object, Lock]()

    def turn(self, key: object) -> Lock:
        """For who is about to ask: others who want the same wait for the result."""
        with self._lock:
            return self._turns.setdefault(key, Lock())

    def get(self, key: object, lake: Lake) -> _Kept | None:
        """A result that still holds; ``None`` where there is none."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or any(lake.version(table) != version for table, version in kept.versions.items()):
            return None
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
        return kept

    def put(self, key: object, kept: _Kept) -> None:
        """Keeps a result, and forgets the oldest where there are too many."""
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT or sum(one.size for one in self._kept.values()) > MOST_BYTES:
                self._kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def memory() -> Memory:
    """The memory of this process."""
    return Memory()


def remembered(
    query: Callable[Concatenate[Readable, str, _Arguments], _Result],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    """What a query says of the organisation and meters that may be seen; reckoned anew only where tables changed.

    Args:
        query: A function of ``warehouse.queries``: ``query(lake, organisation, ...)``, whose result depends on the
            tables and its arguments alone, and which nobody changes.
        args: Further arguments: frames, policies, and what can be hashed.
        kwargs: The same, by name.

    Returns:
        The result; one object for all who ask.
    """
    return recalled(installation().lake, organisation(), viewer().meters, query, *args, **kwargs)


def recalled(
    lake: Lake,
    owner: str,
    meters: frozenset[str] | None,
    query: Callable[Concatenate[Readable, str, _Arguments], _Result],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    """The same outside a session.

    Args:
        lake: The installation's lake.
        owner: Whose figures are asked for.
        meters: ``meter_id`` of those that may be seen; ``None`` for all of the organisation.
        query: As for :func:`remembered`.
        args: Further arguments.
        kwargs: The same, by name.

    Returns:
        The result.
    """
    named = (f"{query.__module__}.{query.__qualname__}", tuple(map(_mark, args)))
    key = (owner, meters, *named, tuple((name, _mark(value)) for name, value in sorted(kwargs.items())))
    known = memory()
    with known.turn(key):
        kept = known.get(key, lake)
        if kept is None:
            noting = _Noting(lake)
            at = query.at if isinstance(query, AsKnown) else None
            result = query(readable(noting, meters, at), owner, *args, **kwargs)
            kept = _Kept(noting.versions, result, _size(result))
            known.put(key, kept)
    return cast("_Result", kept.result)  # put there under the name of its query


def _mark(value: object) -> object:
    """A frame or a policy by its content, anything else by itself."""
    if isinstance(value, pl.DataFrame):
        return sha256(value.serialize()).digest()
    if isinstance(value, PolicyModel):  # some hold what cannot be hashed
        return type(value), value.model_dump_json()
    return tuple(map(_mark, value)) if isinstance(value, list) else value


def _size(result: object) -> int:
    parts = result if isinstance(result, tuple) else (result,)
    return sum(int(part.estimated_size()) if isinstance(part, pl.DataFrame) else 1000 for part in parts)
