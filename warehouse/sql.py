"""SQL for people and auditors: the published tables as views, and nothing else within reach.

A connection is a DuckDB database in memory whose views read the files of one version of each table. It can read those
files and no others, write nowhere and change none of its settings; :func:`query` lets single SELECT statements through
that name tables, not files.
"""

import json
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from warehouse.errors import SqlError
from warehouse.lake import Lake
from warehouse.schemas import TABLES
from warehouse.versions import without_past
from warehouse.views import texts, view_statements

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "duckdb_columns", "duckdb_functions"})
_MISSING = re.compile(r"Table with name (\w+) does not exist")
_ALLOWED = "Allowed is one SELECT, WITH, VALUES, DESCRIBE, SHOW or SUMMARIZE."


def connect(
    lake: Lake,
    organisation: str | None = None,
    meters: Collection[str] | None = None,
    known_at: datetime | None = None,
) -> duckdb.DuckDBPyConnection:
    """Opens a read-only view of the lake as it is now.

    Args:
        lake: Where the tables are.
        organisation: Limits every table to the rows of this organisation; ``None`` shows all.
        meters: Limits every table to the rows of these meters, by ``meter_id``; tables without that column then show
            nothing. ``None`` shows all.
        known_at: Shows what was known then, see :class:`warehouse.versions.Past`; ``None`` what is known now.

    Returns:
        A connection with one commented view per published table; columns and their order are those declared. Its time
        zone is UTC. Use :func:`query` for statements that a person wrote, a cursor per thread for others.
    """
    files, views = view_statements(lake, organisation, meters, known_at)
    connection = duckdb.connect()
    script = [
        f"set allowed_paths = [{texts(files)}]",
        "set TimeZone = 'UTC'",
        "set memory_limit = '2GB'",
        "set temp_directory = ''",
        "set python_enable_replacements = false",
        *views,
        "set enable_external_access = false",
        "set lock_configuration = true",
    ]
    connection.execute(";\n".join(script))
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """Runs one statement that reads published tables.

    Args:
        connection: From :func:`connect`.
        sql: One SELECT (also WITH, FROM, VALUES), DESCRIBE, SHOW or SUMMARIZE.

    Returns:
        The result; instants in UTC.

    Raises:
        SqlError: The statement is of another kind, names a file, or fails.
    """
    cursor = connection.cursor()
    try:
        _check(cursor, sql)
        frame = pl.from_arrow(cursor.sql(sql).to_arrow_table())
    except duckdb.CatalogException as exc:
        missing = _MISSING.search(str(exc))
        table = TABLES.get(missing.group(1)) if missing else None
        raise SqlError(without_past(table) if table and table.published else str(exc)) from exc
    except duckdb.Error as exc:
        raise SqlError(str(exc)) from exc
    except pl.exceptions.PolarsError as exc:
        raise SqlError(f"A column of the result has a type that has no place in a file; cast it: {exc}") from exc
    finally:
        cursor.close()
    if not isinstance(frame, pl.DataFrame):
        raise SqlError("The statement returns no table.")
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def _check(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    kinds = [statement.type for statement in duckdb.extract_statements(sql)]
    if len(kinds) != 1:
        raise SqlError(f"{len(kinds)} statements given. {_ALLOWED}")
    if kinds[0] == duckdb.StatementType.MULTI:
        raise SqlError("PIVOT must name its columns and stand inside a SELECT: FROM (PIVOT … ON … IN (…) USING …).")
    if kinds[0] != duckdb.StatementType.SELECT:
        raise SqlError(f"{kinds[0].name} is refused: the tables are for reading only. {_ALLOWED}")
    ((text,),) = cursor.execute("select json_serialize_sql($sql::varchar)", {"sql": sql}).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise SqlError(f"The statement is refused: {tree['error_message']} {_ALLOWED}")
    for node in _nodes(tree):
        name = str(node.get("table_name", ""))
        # DuckDB takes a table name that is a path for the file itself, past the views and their filter.
        if node.get("type") == "BASE_TABLE" and any(sign in name for sign in "/\\."):
            raise SqlError(f"{name!r} is a file, and files are out of reach here; name a table. See SHOW TABLES.")
        if node.get("type") == "TABLE_FUNCTION":
            function = str(node["function"]["function_name"]).lower()
            if function not in _TABLE_FUNCTIONS:
                raise SqlError(f"The table function {function!r} is out of reach here; name a table. See SHOW TABLES.")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
