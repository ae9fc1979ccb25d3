"""What texts the registry takes: the same on every database, though SQLite would take any."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, Insert, String, Table, Update
from sqlalchemy.orm import InstrumentedAttribute

from registry.errors import RegistryError

Texts = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def limit_of(column: Texts) -> int:
    """Most characters that a column takes.

    Raises:
        TypeError: The column has no such limit.
    """
    length = getattr(column.type, "length", None)
    if not isinstance(length, int):
        raise TypeError(f"{column} has no limit")
    return length


def fits(column: Texts, text: str) -> bool:
    """Whether a column takes a text."""
    return len(text) <= limit_of(column) and _storable(text)


def too_long(columns: Iterable[Texts]) -> list[tuple[pl.Expr, str]]:
    """Rules that reject the lines of a file whose texts do not fit the columns of the same names."""
    return [
        (
            pl.col(column.key).str.len_chars() > limit_of(column),
            f"{column.key} is longer than {limit_of(column)} characters",
        )
        for column in columns
    ]


def check_texts(
    _connection: Connection,
    statement: object,
    rows: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    _options: Mapping[str, Any],
) -> None:
    """Looks at what a statement is about to write; a listener for ``before_execute``.

    Raises:
        RegistryError: A text is longer than its column, or holds a NUL or half a character, which PostgreSQL refuses.
    """
    if not isinstance(statement, Insert | Update) or not isinstance(statement.table, Table):
        return
    for column in statement.table.columns:
        if not isinstance(column.type, String):
            continue
        limit = column.type.length
        # As a whole: a text that cannot be stored spoils those around it, and many rows repeat the same.
        texts = {text for written in (row, *rows) if isinstance(text := written.get(column.key), str)}
        longest = max(map(len, texts), default=0)
        if limit is not None and longest > limit:
            raise RegistryError(f"{column} takes {limit} characters; a text of {longest} came.")
        if not _storable("".join(texts)):
            raise RegistryError(f"{column} takes text that is valid Unicode without NUL; another came.")


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:  # half a surrogate pair, as in file names of unknown encoding
        return False
