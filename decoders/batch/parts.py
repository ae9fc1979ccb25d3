"""A table gathered part by part, one part per layout, as numpy arrays that become columns once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from decoders.batch.columns import Rows
from decoders.batch.texts import hex_columns
from decoders.batch.vocabulary import SHARED, Vocabulary
from warehouse.schemas import REGISTER

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a column, n of them.

    Attributes:
        data: Numbers, shape (n,): integers or doubles, millionths of decimals, microseconds since 1970 of datetimes, of
            texts their numbers in the table's vocabulary. Of columns in hex, bytes of shape (n, width).
        valid: Which of them are there, shape (n,); ``None`` if all. A text that is missing is number 0.
    """

    data: NDArray[Any]
    valid: Mask | None = None

    def there(self) -> Mask:
        """Which of them are there, shape (n,)."""
        return np.ones(len(self.data), np.bool_) if self.valid is None else self.valid

    def filter(self, mask: Mask) -> "Values":
        """Those for which ``mask``, shape (n,), holds."""
        return Values(self.data[mask], None if self.valid is None else self.valid[mask])


class Parts:
    """Rows of a table; a column that a part does not have is null there.

    Attributes:
        schema: Columns besides those that the position of the frame tells.
        texts: Numbers of the table's texts.
    """

    def __init__(self, schema: pl.Schema) -> None:
        self.schema = schema
        self.texts = Vocabulary()
        self._rows: list[Rows] = []
        self._columns: list[dict[str, Values]] = []

    def add(self, rows: Rows, columns: Mapping[str, Values]) -> None:
        """Adds a row for each of some frames.

        Args:
            rows: Positions of the frames in the batch, shape (n,).
            columns: Columns of the schema, n values each.
        """
        self._rows.append(rows)
        self._columns.append(dict(columns))

    def texts_of(self, text: str | None, count: int) -> Values:
        """A column of one text."""
        return Values(np.full(count, self.texts.number(text), np.int32))

    def rows(self) -> Rows:
        """Positions of the frames of all rows."""
        return np.concatenate([np.zeros(0, np.int64), *self._rows])

    def take_table(self) -> pl.DataFrame:
        """All rows, in the order of the parts, which are given up. Columns of nulls share their memory."""
        total = sum(len(rows) for rows in self._rows)
        nulls = {dtype: pl.Series([None], dtype=dtype).new_from_index(0, total) for dtype in set(self.schema.dtypes())}
        columns = []
        for name, dtype in self.schema.items():
            found = [part.pop(name, None) for part in self._columns]
            empty = all(values is None for values in found)
            columns.append((nulls[dtype] if empty else self._column(dtype, found)).alias(name))
        return pl.DataFrame(columns)

    def _column(self, dtype: pl.DataType, found: list[Values | None]) -> pl.Series:
        sample = next(values.data for values in found if values is not None)
        if sample.ndim > 1:  # of every part: data bytes are never missing
            return hex_columns([values.data for values in found if values is not None])
        total = sum(len(rows) for rows in self._rows)
        data, valid = np.zeros(total, sample.dtype), np.ones(total, np.bool_)
        start = 0
        for rows, values in zip(self._rows, found, strict=True):
            span = slice(start, start + len(rows))
            start = span.stop
            if values is None:
                valid[span] = False
                continue
            data[span] = values.data
            if values.valid is not None:
                valid[span] = values.valid
        if dtype in (pl.String, SHARED):
            return self.texts.column(data, dtype)
        return column_of(data, valid, dtype)


def column_of(data: NDArray[Any], valid: Mask, dtype: pl.DataType) -> pl.Series:
    """Numbers as :class:`Values` holds them, shape (n,), as a column with nulls where ``valid`` does not hold."""
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    if dtype == REGISTER:
        words = np.empty((len(data), 2), "<i8")
        words[:, 0] = data
        words[:, 1] = data >> 63
        array = pa.Decimal128Array.from_buffers(pa.decimal128(18, 6), len(data), [bits, pa.py_buffer(words)])
        return pl.Series(array, dtype=dtype)
    array = pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [bits, pa.py_buffer(data)])
    column = pl.Series(array)
    return column if column.dtype == dtype else column.cast(dtype)
