"""What becomes of each frame of a batch, as arrays over the batch."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows, groups
from decoders.batch.meters import Codes, ids_of_codes
from decoders.batch.parts import column_of
from decoders.batch.texts import hex_column
from decoders.batch.vocabulary import SHARED, Vocabulary
from decoders.identity import DIGEST_SIZE


class Ledger:
    """Findings per frame; a frame without an outcome is left to the scalar decoder.

    Attributes:
        codes: Meter code, shape (n,).
        named: Whether the meter is known, shape (n,).
        access: Access number, shape (n,); -1 where there is none.
        status: Status byte of the transport layer, shape (n,); -1 where there is none.
        session: Session field of the extended link layer, shape (n,); -1 where there is none.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.codes: Codes = np.zeros(count, np.uint64)
        self.named = np.zeros(count, np.bool_)
        self.access = np.full(count, -1, np.int32)
        self.status = np.full(count, -1, np.int16)
        self.session = np.full(count, -1, np.int64)
        self._digests = np.zeros((count, DIGEST_SIZE), np.uint8)
        self._identified = np.zeros(count, np.bool_)
        self._texts = Vocabulary()
        self._columns = {
            name: np.zeros(count, np.int32)
            for name in ("outcome", "reason", "signature", "link", "security", "layout_id")
        }

    def note(self, rows: Rows, **texts: str | None) -> None:
        """Writes the same texts for all rows: outcome, reason, signature, link, security or layout_id."""
        for name, text in texts.items():
            self._columns[name][rows] = self._texts.number(text)

    def name(self, rows: Rows, codes: Codes) -> None:
        """Writes the meters of the rows."""
        self.codes[rows] = codes
        self.named[rows] = True

    def identify(self, rows: Rows, digests: Bytes) -> None:
        """Writes the telegram keys of the rows, shape (n, 16)."""
        self._digests[rows] = digests
        self._identified[rows] = True

    def open(self, rows: Rows) -> Rows:
        """Those of some frames that are without an outcome."""
        is_open: NDArray[np.bool_] = self._columns["outcome"][rows] == 0
        return rows[is_open]

    def reopen(self, rows: Rows) -> None:
        """Forgets what was found of the rows."""
        self.note(rows, **dict.fromkeys(self._columns))
        self.named[rows] = self._identified[rows] = False
        self.access[rows] = self.session[rows] = self.status[rows] = -1

    def where(self, name: str, *texts: str, among: Rows | None = None) -> Rows:
        """Those of all frames, or of some, of which one of the texts was noted."""
        numbers = [self._texts.number(text) for text in texts]
        if among is None:
            return np.flatnonzero(np.isin(self._columns[name], numbers))
        return among[np.isin(self._columns[name][among], numbers)]

    def replace(self, rows: Rows, name: str, change: Callable[[str], str]) -> None:
        """Changes texts that were noted of the rows."""
        for number, places in groups(self._columns[name][rows]):
            self.note(rows[places], **{name: change(self._texts.text(number) or "")})

    def column(self, name: str) -> pl.Series:
        """One of the noted texts for every frame."""
        return self._texts.column(self._columns[name], SHARED).alias(name)

    def outcomes(self) -> pl.DataFrame:
        """Everything that is known of the frames, in order."""
        return pl.DataFrame(
            [
                *(self.column(name) for name in ("outcome", "reason")),
                *(self.meter_ids(), self.access_numbers(), self.telegram_keys()),
                *(self.column(name) for name in ("signature", "link", "security", "layout_id")),
                self.statuses(),
            ]
        )

    def meter_ids(self) -> pl.Series:
        """Meter ids of all frames; null where unknown."""
        return _with_nulls(ids_of_codes(self.codes), ~self.named)

    def access_numbers(self) -> pl.Series:
        """Access numbers of all frames; null where there is none."""
        return column_of(self.access, self.access >= 0, pl.Int32()).alias("access_no")

    def statuses(self) -> pl.Series:
        """Status bytes of all frames; null where there is none."""
        return column_of(self.status, self.status >= 0, pl.Int16()).alias("status")

    def telegram_keys(self) -> pl.Series:
        """Telegram keys of all frames; null where none was found."""
        return _with_nulls(hex_column(self._digests).alias("telegram_key"), ~self._identified)


def _with_nulls(column: pl.Series, mask: NDArray[np.bool_]) -> pl.Series:
    if not mask.any():
        return column
    return pl.select(pl.when(pl.lit(pl.Series(~mask))).then(pl.lit(column)).alias(column.name)).to_series()
