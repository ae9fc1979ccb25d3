"""SQL for people and auditors: the published tables as views, and nothing else within reach.

Each statement has a DuckDB database in memory of its own, whose views read the files of one version of each table that
it names. It can read those files and no others, write nowhere and change none of its settings; :func:`query` lets
single SELECT statements through that name tables, not files.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from warehouse.errors import SqlError
from warehouse.lake import Lake
from warehouse.schemas import TABLES, Table
from warehouse.versions import without_past
from warehouse.views import texts, view_statements

_OF_NO_TABLE = frozenset({"range", "generate_series", "unnest", "duckdb_functions"})
_TABLE_FUNCTIONS = _OF_NO_TABLE | {"duckdb_columns"}
_MISSING = re.compile(r"Table with name (\w+) does not exist")
_ALLOWED = "Allowed is one SELECT, WITH, VALUES, DESCRIBE, SHOW or SUMMARIZE."


@dataclass(frozen=True)
class Reader:
    """What statements read, and on whose behalf.

    Attributes:
        lake: Where the tables are.
        organisation: Limits every table to the rows of this organisation; ``None`` shows all.
        meters: Limits every table to the rows of these meters, by ``meter_id``; tables without that column then show
            nothing. ``None`` shows all.
        known_at: Shows what was known then, see :class:`warehouse.versions.Past`; ``None`` what is known now.
    """

    lake: Lake
    organisation: str | None = None
    meters: Collection[str] | None = None
    known_at: datetime | None = None


def query(reader: Reader, sql: str) -> pl.DataFrame:
    """Runs one statement that reads published tables, which have the declared columns in their order.

    Args:
        reader: What it reads.
        sql: One SELECT (also WITH, FROM, VALUES), DESCRIBE, SHOW or SUMMARIZE.

    Returns:
        The result; instants in UTC.

    Raises:
        SqlError: The statement is of another kind, names a file, or fails.
    """
    try:
        with duckdb.connect() as connection:
            _show(connection, reader, _named(connection, sql))
            table = connection.sql(sql).to_arrow_table()
        names = table.column_names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SqlError(f"Several columns of the result are called {', '.join(twice)}: name each apart with AS.")
        frame = pl.from_arrow(table)
    except duckdb.CatalogException as exc:
        missing = _MISSING.search(str(exc))
        table = TABLES.get(missing.group(1)) if missing else None
        raise SqlError(without_past(table) if table and table.published else str(exc)) from exc
    except duckdb.Error as exc:
        raise SqlError(str(exc)) from exc
    except pl.exceptions.PolarsError as exc:
        raise SqlError(f"A column of the result has a type that has no place in a file; cast it: {exc}") from exc
    if not isinstance(frame, pl.DataFrame):
        raise SqlError("The statement returns no table.")
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def _show(connection: duckdb.DuckDBPyConnection, reader: Reader, tables: Collection[Table] | None) -> None:
    """Makes the views of some tables, or of all, and locks the connection."""
    files, views = view_statements(reader.lake, reader.organisation, reader.meters, reader.known_at, tables)
    script = [
        f"set allowed_paths = [{texts(files)}]",
        "set TimeZone = 'UTC'",
        "set memory_limit = '2GB'",
        "set temp_directory = ''",
        "set python_enable_replacements = false",
        *chain.from_iterable(views.values()),
        "set enable_external_access = false",
        "set lock_configuration = true",
    ]
    connection.execute(";\n".join(script))


def _named(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Table] | None:
    """The tables that a statement names, or ``None`` where it may ask for any; refuses what does more than read."""
    kinds = [statement.type for statement in duckdb.extract_statements(sql)]
    if len(kinds) != 1:
        raise SqlError(f"{len(kinds)} statements given. {_ALLOWED}")
    if kinds[0] == duckdb.StatementType.MULTI:
        raise SqlError("PIVOT must name its columns and stand inside a SELECT: FROM (PIVOT … ON … IN (…) USING …).")
    if kinds[0] != duckdb.StatementType.SELECT:
        raise SqlError(f"{kinds[0].name} is refused: the tables are for reading only. {_ALLOWED}")
    ((text,),) = connection.execute("select json_serialize_sql($sql::varchar)", {"sql": sql}).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise SqlError(f"The statement is refused: {tree['error_message']} {_ALLOWED}")
    named: set[str] = set()
    for node in _nodes(tree):
        name = str(node.get("table_name", ""))
        # DuckDB takes a table name that is a path for the file itself, past the views and their filter.
        if node.get("type") == "BASE_TABLE" and any(sign in name for sign in "/\\."):
            raise SqlError(f"{name!r} is a file, and files are out of reach here; name a table. See SHOW TABLES.")
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in _TABLE_FUNCTIONS:
                raise SqlError(f"The table function {name!r} is out of reach here; name a table. See SHOW TABLES.")
        if name and name not in _OF_NO_TABLE:
            named.add(name)
    # A name that is no table's is one of the statement's own, a missing one, or one of the catalogue's.
    return [TABLES[name] for name in sorted(named)] if named <= TABLES.keys() else None


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
