"""Rows of a query as a frame."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from sqlalchemy import DateTime, Select, type_coerce
from sqlalchemy.orm import Session

from registry.models import Instant
from warehouse.schemas import INSTANT

Types = Mapping[str, pl.DataType | type[pl.DataType]]


def read_frame(session: Session, statement: Select[*tuple[Any, ...]], types: Types) -> pl.DataFrame:
    """Reads a query's rows.

    Args:
        session: A transaction.
        statement: Selects the columns in the order of ``types``.
        types: Names and types of the frame's columns.

    Returns:
        The rows; instants in UTC.
    """
    # Instants get their zone from the frame: one by one that is most of the time that reading takes.
    plain = [type_coerce(c, DateTime()) if isinstance(c.type, Instant) else c for c in statement.selected_columns]
    rows = session.connection().execute(statement.with_only_columns(*plain, maintain_column_froms=True)).all()
    columns = ([row[place] for row in rows] for place in range(len(types)))  # zip(*rows) takes ten times as long
    return pl.DataFrame(
        [
            pl.Series(name, cells, pl.Datetime("us")).dt.replace_time_zone("UTC")
            if dtype == INSTANT
            else pl.Series(name, cells, dtype)
            for (name, dtype), cells in zip(types.items(), columns, strict=True)
        ]
    )
