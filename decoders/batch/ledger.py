"""What becomes of each frame of a batch, as arrays over the batch."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Rows
from decoders.batch.meters import Codes, ids_of_codes


@dataclass(slots=True)
class Vocabulary:
    """Texts as small numbers, in order of first use."""

    texts: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The text's number."""
        found = self.numbers.get(text)
        if found is None:
            found = self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return found

    def column(self, name: str, numbers: NDArray[np.int32]) -> pl.Series:
        """Texts of the numbers; null for -1."""
        places = pl.Series(numbers).replace(-1, None)
        return pl.Series(name, self.texts, pl.String).gather(places).alias(name)


class Ledger:
    """Findings per frame; ``-1`` stands for unknown, and a frame without an outcome is left to the scalar decoder.

    Attributes:
        codes: Meter code, shape (n,); 0 where unknown.
        access: Access number, shape (n,).
        session: Session field of the extended link layer, shape (n,).
        signature: Format signature of compact frames, shape (n,).
        keys: Telegram keys, in the order they were found, with their rows.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.codes: Codes = np.zeros(count, np.uint64)
        self.access = np.full(count, -1, np.int32)
        self.session = np.full(count, -1, np.int64)
        self.signature = np.full(count, -1, np.int32)
        self.keys: list[tuple[Rows, pl.Series]] = []
        self._texts = Vocabulary()
        self._columns = {
            name: np.full(count, -1, np.int32) for name in ("outcome", "reason", "link", "security", "layout_id")
        }

    def note(self, rows: Rows, **texts: str | None) -> None:
        """Writes the same texts for all rows: outcome, reason, link, security or layout_id."""
        for name, text in texts.items():
            self._columns[name][rows] = -1 if text is None else self._texts.number(text)

    def open(self) -> Rows:
        """Frames without an outcome."""
        return np.flatnonzero(self._columns["outcome"] < 0)

    def column(self, name: str) -> pl.Series:
        """One of the noted texts for every frame."""
        return self._texts.column(name, self._columns[name])

    def meter_ids(self) -> pl.Series:
        """Meter ids of all frames; null where unknown."""
        distinct, places = np.unique(self.codes, return_inverse=True)
        ids = ids_of_codes(distinct)
        ids = pl.select(pl.when(pl.lit(pl.Series(distinct != 0))).then(pl.lit(ids)).alias("meter_id")).to_series()
        return ids.gather(pl.Series(places)).alias("meter_id")

    def telegram_keys(self) -> pl.Series:
        """Telegram keys of all frames; null where none was found."""
        texts = pl.concat([pl.Series([None], dtype=pl.String), *(keys.cast(pl.String) for _, keys in self.keys)])
        places = np.zeros(self.count, np.int64)
        start = 1
        for rows, keys in self.keys:
            places[rows] = np.arange(start, start + len(keys))
            start += len(keys)
        return texts.gather(pl.Series(places)).alias("telegram_key")


def nullable(name: str, numbers: NDArray[np.int32], missing: int = -1) -> pl.Series:
    """An Int32 column in which ``missing`` is null."""
    return pl.Series(name, numbers).replace(missing, None).cast(pl.Int32)
