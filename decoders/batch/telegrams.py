"""Telegrams of one shape, between link layer and data records."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows
from decoders.batch.meters import Codes


@dataclass(frozen=True, slots=True)
class Telegrams:
    """Telegrams of one shape, n of them.

    Attributes:
        rows: Positions in the batch, shape (n,).
        frame: Frame without link checksums, shape (n, width).
        link: Link header, shape (n, 10); (n, 0) for wired frames.
        codes: Meter codes so far, shape (n,).
        rest: Bytes not read yet: from the next CI field on, at last the record area, shape (n, width).
        security: How the payload was protected; ``none`` where it was not.
        opened: Of link-encrypted frames: what decryption made of the end of ``frame``, shape (n, width).
        proven: Whether a check of the link layer vouches for the payload.
        compact: Of compact frames: format signature and full frame checksum, shape (n, 2).
        data: Of expanded compact frames: the data as sent, shape (n, width); ``rest`` then is the full record area.
    """

    rows: Rows
    frame: Bytes
    link: Bytes
    codes: Codes
    rest: Bytes
    security: str = "none"
    opened: Bytes | None = None
    proven: bool = False
    compact: NDArray[np.uint16] | None = None
    data: Bytes | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, places: NDArray[np.bool_] | Rows) -> "Telegrams":
        """The telegrams at a mask, shape (n,), or at positions."""
        if places.all() if places.dtype == np.bool_ else len(places) == len(self):
            return self  # positions come from groups() and are rising, so all of them is everything
        return replace(
            self,
            rows=self.rows[places],
            frame=self.frame[places],
            link=self.link[places],
            codes=self.codes[places],
            rest=self.rest[places],
            opened=None if self.opened is None else self.opened[places],
            compact=None if self.compact is None else self.compact[places],
            data=None if self.data is None else self.data[places],
        )

    def skip(self, size: int) -> "Telegrams":
        """The same telegrams with ``size`` bytes more of ``rest`` read."""
        return replace(self, rest=self.rest[:, size:])

    def content(self) -> Bytes:
        """Frames without link checksums and link encryption, shape (n, width)."""
        if self.opened is None:
            return self.frame
        return np.concatenate([self.frame[:, : -self.opened.shape[1]], self.opened], axis=1)
