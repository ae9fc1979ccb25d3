"""The published tables as views of DuckDB over the files of one version of each."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import polars as pl

from warehouse.lake import Lake
from warehouse.schemas import INSTANT, TABLES, Table
from warehouse.schemas.frames import FRAMES, OUTCOMES, RECEPTIONS
from warehouse.versions import is_history

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


def view_statements(
    lake: Lake,
    organisation: str | None = None,
    meters: Collection[str] | None = None,
    known_at: datetime | None = None,
    only: Collection[Table] | None = None,
) -> tuple[list[str], dict[str, list[str]]]:
    """Says how the views are made.

    Args:
        lake: Where the tables are.
        organisation: Limits every table to the rows of this organisation; ``None`` shows all.
        meters: Limits every table to the rows of these meters, by ``meter_id``; tables without that column then show
            nothing. ``None`` shows all.
        known_at: Shows what was known then, see :class:`warehouse.versions.Past`; tables that do not keep what they
            said before have no view then. ``None`` shows what is known now.
        only: Tables to make views of, without comments; ``None`` makes those of all.

    Returns:
        The files that the views read, and by the name of each published table the statements that make its view, in
        the place of one of that name; columns and their order are those declared.
    """
    wanted = TABLES.values() if only is None else _read_for(only)
    stored = {table: lake.files(table) for table in wanted if table.kind == "stored"}
    sources = {table.name: _stored(table, files) for table, files in stored.items()}
    if known_at is not None:
        with_past = [table for table in stored if table.lasting or table.known_since is not None]
        sources = {table.name: _known(table, sources, known_at) for table in with_past}
    if FRAMES in wanted:
        sources[FRAMES.name] = _frames(sources[RECEPTIONS.name], sources[OUTCOMES.name])
    shown = [table for table in wanted if table.published and table.name in sources]
    statements = {table.name: [_view(table, sources[table.name], organisation, meters)] for table in shown}
    if only is None:
        for table in shown:
            statements[table.name] += _comments(table)
    return [path for files in stored.values() for path in files], statements


def _read_for(tables: Collection[Table]) -> list[Table]:
    """Tables, and those that their views read."""
    read = [*tables, *(table.history for table in tables if table.history is not None)]
    return list(dict.fromkeys([*read, *([RECEPTIONS, OUTCOMES] if FRAMES in tables else [])]))


def _known(table: Table, sources: dict[str, str], known_at: datetime) -> str:
    """A table's rows as they were known at an instant."""
    if table.lasting:
        return sources[table.name]
    at = f"timestamptz {text(known_at.isoformat())}"
    source, since = sources[table.name], f"{name(str(table.known_since))} <= {at}"
    until = name(str(table.known_until))
    if is_history(table):
        return f"select * from ({source}) where {since} and {until} <= {at}"
    if table.known_until is not None:
        return f"select * replace (case when {until} <= {at} then {until} end as {until}) from ({source}) where {since}"
    if table.history is None:
        return f"select * from ({source}) where {since}"
    columns = ", ".join(name(column.name) for column in table.columns)
    end = name(str(table.history.known_until))
    old = f"select {columns} from ({sources[table.history.name]}) where {since} and {end} > {at}"
    same = " and ".join(f"current.{name(key)} is not distinct from old.{name(key)}" for key in table.key)
    return (
        f"select {columns} from ({source}) as current where {since} "
        f"and not exists (select 1 from ({old}) as old where {same}) union all {old}"
    )


def _type(dtype: Any) -> str:
    return f"DECIMAL({dtype.precision},{dtype.scale})" if isinstance(dtype, pl.Decimal) else _TYPES[dtype]


def _stored(table: Table, files: list[str]) -> str:
    """A table's rows; the empty part gives order and types, and nulls where old files lack a column."""
    columns = ", ".join(f"null::{_type(column.dtype)} as {name(column.name)}" for column in table.columns)
    empty = f"select {columns} where false"
    if not files:
        return empty
    partitions = ", ".join(f"{name(column)}: {_type(table.schema[column])}" for column in table.partition_by)
    hive = f", hive_partitioning = true, hive_types = {{{partitions}}}" if partitions else ", hive_partitioning = false"
    return f"{empty} union all by name select * from read_parquet([{texts(files)}], union_by_name = true{hive})"


def _frames(receptions: str, outcomes: str) -> str:
    """Receptions with their latest outcome.

    The latest row is taken as a whole: ``arg_max`` of a single column would skip its nulls and pick an older reason.
    """
    columns = ", ".join(
        f"latest.{name(column.name)}"
        if column.name in ("meter_id", "outcome", "reason", "attempt")
        else f"reception.{name(column.name)}"
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


def _view(table: Table, source: str, organisation: str | None, meters: Collection[str] | None) -> str:
    limits = [f"organisation = {text(organisation)}"] if organisation is not None else []
    if meters is not None:
        named = bool(meters) and "meter_id" in table.schema
        limits.append(f"meter_id in ({texts(sorted(meters))})" if named else "false")
    limit = f" where {' and '.join(limits)}" if limits else ""
    return f"create or replace view {name(table.name)} as select * from ({source}){limit}"


def _comments(table: Table) -> Iterator[str]:
    yield f"comment on view {name(table.name)} is {text(table.meaning)}"
    for column in table.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        yield f"comment on column {name(table.name)}.{name(column.name)} is {text(column.meaning + unit)}"


def name(identifier: str) -> str:
    """An identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """String literals with commas between."""
    return ", ".join(map(text, values))
