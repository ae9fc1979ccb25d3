"""What a request asks for: its query, checked before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import get_args

from starlette.requests import Request

from warehouse.published import Format
from warehouse.queries.consumption import Interval
from warehouse.schemas.registers import CUMULATIVE

FORMATS: Mapping[str, tuple[Format, str]] = {
    "json": ("json", "application/json"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
}
"""Forms of an answer, by the name of the parameter ``format``: how it is rendered, and its media type."""

INTERVALS: tuple[Interval, ...] = get_args(Interval)
LONGEST_PAGE = 10_000
_PAGE = 1_000


class BadRequestError(Exception):
    """A parameter does not hold; the message says which and what is on offer."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        after: Name that the part begins after; empty for the beginning.
        limit: Rows at most.
    """

    after: str
    limit: int


def known(request: Request, *names: str) -> Mapping[str, str]:
    """The parameters of a request.

    Raises:
        BadRequestError: One is none of these, or comes twice.
    """
    offered = (*names, "format")
    pairs = request.query_params.multi_items()
    for name in (name for name, _ in pairs if name not in offered):
        raise BadRequestError(f"There is no parameter {name!r} here; there are {', '.join(offered)}.")
    if len(dict(pairs)) != len(pairs):
        raise BadRequestError("Each parameter comes once.")
    form(request)
    return dict(pairs)


def form(request: Request) -> str:
    """The form of the answer, a key of :data:`FORMATS`."""
    return chosen(request.query_params, "format", tuple(FORMATS), "json")


def chosen(given: Mapping[str, str], name: str, offered: tuple[str, ...], default: str = "") -> str:
    """A parameter that has a few values.

    Raises:
        BadRequestError: It has none of them.
    """
    value = given.get(name, default)
    if value not in offered:
        raise BadRequestError(f"{name} is one of {', '.join(offered)}.")
    return value


def interval(given: Mapping[str, str]) -> Interval:
    """The parameter ``interval``."""
    asked = chosen(given, "interval", INTERVALS, "daily")
    return next(known for known in INTERVALS if known == asked)


def register(given: Mapping[str, str]) -> str:
    """The parameter ``register``: a register that is differenced into consumption."""
    return chosen(given, "register", tuple(CUMULATIVE))


def days(given: Mapping[str, str]) -> tuple[date, date]:
    """The parameters ``first`` and ``last``: local days, both included."""
    try:
        first, last = (date.fromisoformat(given.get(name, "")) for name in ("first", "last"))
    except ValueError as exc:
        raise BadRequestError("first and last are days, such as 2026-01-31.") from exc
    if first > last or first.year < 1900:
        raise BadRequestError("first lies after last, or before 1900.")
    if last.year > 9000:  # the day after it must exist as well
        raise BadRequestError("last lies too far ahead.")
    return first, last


def page(given: Mapping[str, str]) -> Page:
    """The parameters ``after`` and ``limit``."""
    text = given.get("limit", str(_PAGE))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(LONGEST_PAGE)) + 1 else 0
    if not 0 < limit <= LONGEST_PAGE:
        raise BadRequestError(f"limit is a number from 1 to {LONGEST_PAGE}.")
    return Page(given.get("after", ""), limit)
