"""SQL for people and auditors: the published tables as views, and nothing else within reach.

A connection is a DuckDB database in memory whose views read the files of one version of each table. It can read those
files and no others, write nowhere and change none of its settings; :func:`query` lets single SELECT statements through
that name tables, not files.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from warehouse.errors import SqlError
from warehouse.lake import Lake
from warehouse.schemas import INSTANT, TABLES, Table
from warehouse.schemas.frames import FRAMES, OUTCOMES, RECEPTIONS

_TYPES: dict[Any, str] = {
    pl.String: "VARCHAR",
    pl.Binary: "BLOB",
    pl.Boolean: "BOOLEAN",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Date: "DATE",
    INSTANT: "TIMESTAMPTZ",
    pl.Datetime("us"): "TIMESTAMP",
}

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "duckdb_columns", "duckdb_functions"})
_ALLOWED = "Allowed is one SELECT, WITH, VALUES, DESCRIBE, SHOW or SUMMARIZE."


def connect(
    lake: Lake, organisation: str | None = None, meters: Collection[str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Opens a read-only view of the lake as it is now.

    Args:
        lake: Where the tables are.
        organisation: Limits every table to the rows of this organisation; ``None`` shows all.
        meters: Limits every table to the rows of these meters, by ``meter_id``; tables without that column then show
            nothing. ``None`` shows all.

    Returns:
        A connection with one commented view per published table; columns and their order are those declared. Its time
        zone is UTC. Use :func:`query` for statements that a person wrote, a cursor per thread for others.
    """
    published = [table for table in TABLES.values() if table.published]
    stored = {table: lake.files(table) for table in TABLES.values() if table.kind == "stored"}
    sources = {table.name: _stored(table, files) for table, files in stored.items()}
    sources[FRAMES.name] = _frames(sources[RECEPTIONS.name], sources[OUTCOMES.name])
    connection = duckdb.connect()
    script = [
        f"set allowed_paths = [{_texts(path for files in stored.values() for path in files)}]",
        "set TimeZone = 'UTC'",
        "set memory_limit = '2GB'",
        "set temp_directory = ''",
        "set python_enable_replacements = false",
        *(part for table in published for part in _view(table, sources[table.name], organisation, meters)),
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


def _type(dtype: Any) -> str:
    return f"DECIMAL({dtype.precision},{dtype.scale})" if isinstance(dtype, pl.Decimal) else _TYPES[dtype]


def _stored(table: Table, files: list[str]) -> str:
    """A table's rows; the empty part gives order and types, and nulls where old files lack a column."""
    columns = ", ".join(f"null::{_type(column.dtype)} as {_name(column.name)}" for column in table.columns)
    empty = f"select {columns} where false"
    if not files:
        return empty
    partitions = ", ".join(f"{_name(name)}: {_type(table.schema[name])}" for name in table.partition_by)
    hive = f", hive_partitioning = true, hive_types = {{{partitions}}}" if partitions else ", hive_partitioning = false"
    return f"{empty} union all by name select * from read_parquet([{_texts(files)}], union_by_name = true{hive})"


def _frames(receptions: str, outcomes: str) -> str:
    """Receptions with their latest outcome.

    The latest row is taken as a whole: ``arg_max`` of a single column would skip its nulls and pick an older reason.
    """
    columns = ", ".join(
        f"latest.{_name(column.name)}"
        if column.name in ("meter_id", "outcome", "reason", "attempt")
        else f"reception.{_name(column.name)}"
        for column in FRAMES.columns
    )
    latest = (
        "select organisation, landed_day, frame_id, unnest(arg_max("
        "{'meter_id': meter_id, 'outcome': outcome, 'reason': reason, 'attempt': attempt}, attempt)) "
        f"from ({outcomes}) group by organisation, landed_day, frame_id"
    )
    return (
        f"select {columns} from ({receptions}) as reception left join ({latest}) as latest "
        "using (organisation, landed_day, frame_id)"
    )


def _view(table: Table, source: str, organisation: str | None, meters: Collection[str] | None) -> Iterator[str]:
    limits = [f"organisation = {_text(organisation)}"] if organisation is not None else []
    if meters is not None:
        named = bool(meters) and "meter_id" in table.schema
        limits.append(f"meter_id in ({_texts(sorted(meters))})" if named else "false")
    limit = f" where {' and '.join(limits)}" if limits else ""
    yield f"create view {_name(table.name)} as select * from ({source}){limit}"
    yield f"comment on view {_name(table.name)} is {_text(table.meaning)}"
    for column in table.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        yield f"comment on column {_name(table.name)}.{_name(column.name)} is {_text(column.meaning + unit)}"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))
