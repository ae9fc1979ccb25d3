"""A table gathered part by part, one part per layout, and put together once."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from decoders.batch.columns import Rows


class Parts:
    """Rows of a table; a column that a part does not have is null there.

    Attributes:
        schema: Columns besides the position of the frame.
    """

    def __init__(self, schema: pl.Schema) -> None:
        self.schema = schema
        self._rows: list[Rows] = []
        self._columns: list[Mapping[str, pl.Series]] = []

    def add(self, rows: Rows, columns: Mapping[str, pl.Series]) -> None:
        """Adds a row for each of some frames.

        Args:
            rows: Positions of the frames in the batch, shape (n,).
            columns: Columns of the schema, shape (n,) each.
        """
        self._rows.append(rows)
        self._columns.append(columns)

    def rows(self) -> Rows:
        """Positions of the frames of all rows."""
        return np.concatenate([np.zeros(0, np.int64), *self._rows])

    def table(self) -> pl.DataFrame:
        """All rows, in the order of the parts. Nulls of whole parts share their memory."""
        counts = [len(rows) for rows in self._rows]
        nulls = {
            dtype: pl.Series([None], dtype=dtype).new_from_index(0, sum(counts)) for dtype in set(self.schema.dtypes())
        }
        columns = []
        for name, dtype in self.schema.items():
            found = [columns.get(name) for columns in self._columns]
            if any(column is not None for column in found):
                pieces = [
                    nulls[dtype].head(count) if column is None else column.cast(dtype)
                    for column, count in zip(found, counts, strict=True)
                ]
                columns.append(pl.concat(pieces, rechunk=True).alias(name))
            else:
                columns.append(nulls[dtype].alias(name))
        return pl.DataFrame(columns)
