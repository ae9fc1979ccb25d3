"""How a table is declared: columns with type, unit and meaning; key, partitioning and order; what it keeps."""

from dataclasses import dataclass, field, replace
from typing import Literal, Optional

import polars as pl

INSTANT = pl.Datetime("us", "UTC")
REGISTER = pl.Decimal(18, 6)

Kind = Literal["stored", "view"]


class SchemaError(Exception):
    """A frame does not fit the table it was meant for; the message names table and column."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Column name; ends in its unit where it has one.
        dtype: Polars type. Unsigned, categorical and enum types do not pass the Delta boundary and are not used.
        meaning: One sentence for the data dictionary.
        unit: Unit of the values, ``None`` where there is none.
        nullable: Whether a value may be missing.
        values: The words it may hold, where there are few.
        varied: Whether values seldom repeat: files then hold no dictionary of them, which takes time and room.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    unit: str | None = None
    nullable: bool = False
    values: tuple[str, ...] = ()
    varied: bool = False


KNOWN_FROM = Column("known_from", INSTANT, "Since when the system holds this version of the row.")
KNOWN_TO = Column("known_to", INSTANT, "Until when the system held this version of the row.")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the single statement of its shape.

    Attributes:
        name: Name in the lake, in SQL and in the graph.
        meaning: One sentence for the data dictionary: the grain and what a row states.
        columns: Ordered columns.
        key: Columns that identify a row.
        sort_by: Order of the rows inside a file.
        partition_by: Columns that partition the stored table.
        kind: ``stored`` in the lake, or a ``view`` derived from stored tables when queried.
        published: Whether SQL users and auditors see it.
        versioned: Whether rows that are replaced move to the table ``<name>_history``, which has the column
            ``known_to``, too; the table has the column ``known_from``.
        known_since: Column with the instant since when the system holds a row; ``None`` where the table does not keep
            what it said before, so that nothing can be asked of it as of an instant.
        known_until: Column with the instant until when a row held; null in a row that holds, never null in a history.
        lasting: Whether a row says the same for ever, whenever it came: as of an instant all of them show.
        history: Table of the superseded rows.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort_by: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    kind: Kind = "stored"
    published: bool = True
    versioned: bool = False
    known_since: str | None = None
    known_until: str | None = None
    lasting: bool = False
    history: Optional["Table"] = None
    schema: pl.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derives the Polars schema and checks that key, order and partitions name columns."""
        object.__setattr__(self, "schema", pl.Schema({column.name: column.dtype for column in self.columns}))
        if self.versioned:
            object.__setattr__(self, "known_since", KNOWN_FROM.name)
            object.__setattr__(self, "history", _history_of(self))
        known = tuple(name for name in (self.known_since, self.known_until) if name is not None)
        for name in (*self.key, *self.sort_by, *self.partition_by, *known):
            if name not in self.schema:
                raise SchemaError(f"{self.name}: {name!r} is not one of its columns.")

    def empty(self) -> pl.DataFrame:
        """A frame without rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Brings a frame into the table's column order and types.

        Args:
            frame: At least the columns that may not be null; missing nullable columns become null, others are dropped.

        Returns:
            Exactly the table's columns.

        Raises:
            SchemaError: A column is missing, does not cast without loss, or holds a null it may not hold.
        """
        missing = [c.name for c in self.columns if not c.nullable and c.name not in frame.columns]
        if missing:
            raise SchemaError(f"{self.name}: the columns {missing} are missing.")
        try:
            shaped = frame.select(
                pl.col(c.name).cast(c.dtype) if c.name in frame.columns else pl.lit(None, c.dtype).alias(c.name)
                for c in self.columns
            )
        except pl.exceptions.PolarsError as exc:
            raise SchemaError(f"{self.name}: a column does not have its declared type: {exc}") from exc
        required = [c.name for c in self.columns if not c.nullable]
        counts = shaped.select(pl.col(required).null_count()) if required else pl.DataFrame()
        holed = [name for name in counts.columns if counts.item(0, name)]
        if holed:
            raise SchemaError(f"{self.name}: the columns {holed} hold nulls and may not.")
        return shaped


def _history_of(table: Table) -> Table:
    return replace(
        table,
        name=f"{table.name}_history",
        meaning=f"Superseded rows of {table.name}, as they were known from known_from until known_to.",
        columns=(*table.columns, KNOWN_TO),
        key=(*table.key, KNOWN_TO.name),
        versioned=False,
        known_until=KNOWN_TO.name,
    )
