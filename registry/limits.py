"""How long texts may be: the same on every database, though SQLite would take any."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, String, Table, Update

from registry.errors import RegistryError


def check_texts(
    _connection: Connection,
    statement: object,
    rows: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    _options: Mapping[str, Any],
) -> None:
    """Looks at what a statement is about to write; a listener for ``before_execute``.

    Raises:
        RegistryError: A text is longer than its column, or holds a NUL, which PostgreSQL cannot store.
    """
    if not isinstance(statement, Insert | Update) or not isinstance(statement.table, Table):
        return
    for column in statement.table.columns:
        if not isinstance(column.type, String):
            continue
        limit = column.type.length
        for written in (row, *rows):
            text = written.get(column.key)
            if not isinstance(text, str):
                continue
            if limit is not None and len(text) > limit:
                raise RegistryError(f"{column} takes {limit} characters; a text of {len(text)} came.")
            if "\0" in text:
                raise RegistryError(f"{column} takes text without NUL characters; one came.")
