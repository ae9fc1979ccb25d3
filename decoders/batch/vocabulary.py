"""Texts as small numbers: columns that say the same few things in many rows."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

SHARED = pl.Categorical()
"""Type of texts that many rows share: four bytes a row instead of sixteen. Only texts of a bounded number may have it,
since the process keeps each for good."""


def shared(schema: pl.Schema) -> pl.Schema:
    """The schema with :data:`SHARED` for its strings."""
    return pl.Schema({name: SHARED if dtype == pl.String else dtype for name, dtype in schema.items()})


class Vocabulary:
    """Texts by number, in order of first use; 0 is null."""

    def __init__(self) -> None:
        self._texts: list[str | None] = [None]
        self._numbers: dict[str | None, int] = {None: 0}

    def number(self, text: str | None) -> int:
        """The text's number."""
        return int(self.numbers([text])[0])

    def numbers(self, texts: Sequence[str | None]) -> NDArray[np.int32]:
        """The texts' numbers, shape (n,)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._numbers]
        self._numbers.update(zip(new, count(len(self._texts))))
        self._texts += new
        return np.fromiter(map(self._numbers.__getitem__, texts), np.int32, len(texts))

    def text(self, number: int) -> str | None:
        """The text of a number."""
        return self._texts[number]

    def column(self, numbers: NDArray[np.int32], dtype: pl.DataType) -> pl.Series:
        """Texts of the numbers, as :data:`SHARED` or strings."""
        if len(numbers) and (numbers == numbers[0]).all():
            return pl.Series([self.text(numbers[0])], dtype=dtype).new_from_index(0, len(numbers))
        return pl.Series(self._texts, dtype=dtype)[pl.Series(numbers)]
