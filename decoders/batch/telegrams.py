"""Telegrams of one shape, between link layer and data records."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from decoders.batch.authentication import Fields
from decoders.batch.columns import Bytes, Places, Rows, taken
from decoders.batch.meters import Codes

_LINK_HEADER = 10


@dataclass(frozen=True, slots=True)
class Telegrams:
    """Telegrams of one shape, n of them.

    Attributes:
        rows: Positions in the batch, shape (n,).
        frame: Frame without link checksums and link encryption, shape (n, width).
        start: Where in ``frame`` the bytes stand that are not read yet: from the next CI field on, at last the record
            area or the data of a compact frame.
        codes: Meter codes so far, shape (n,).
        is_wired: Whether there is no link header with an address.
        security: How the payload was protected; ``none`` where it was not.
        is_proven: Whether a check of the link layer vouches for the payload.
        is_compact: Whether a format signature and the full frame's checksum stand before ``start``.
        authentication: Where the fields of an authentication layer stand, if there was one.
        area: Record area where it does not stand in the frame as sent: decrypted, or expanded; shape (n, width).
    """

    rows: Rows
    frame: Bytes
    start: int
    codes: Codes
    is_wired: bool = False
    security: str = "none"
    is_proven: bool = False
    is_compact: bool = False
    authentication: Fields | None = None
    area: Bytes | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def link(self) -> Bytes:
        """Link header of wireless frames, shape (n, 10)."""
        return self.frame[:, :_LINK_HEADER]

    @property
    def sent(self) -> Bytes:
        """Bytes not read yet as they were sent, link encryption apart, shape (n, width)."""
        return self.frame[:, self.start :]

    @property
    def rest(self) -> Bytes:
        """Bytes not read yet, shape (n, width)."""
        return self.sent if self.area is None else self.area

    def pick(self, places: NDArray[np.bool_] | Places) -> "Telegrams":
        """The telegrams at a mask, shape (n,), or at positions."""
        if isinstance(places, slice):
            return self
        at: Rows = np.flatnonzero(places) if places.dtype == np.bool_ else places.astype(np.int64, copy=False)
        if len(at) == len(self):
            return self  # positions come from groups() and are rising, so all of them is everything
        return replace(
            self,
            rows=self.rows[at],
            frame=taken(self.frame, at),
            codes=self.codes[at],
            area=None if self.area is None else taken(self.area, at),
        )

    def skip(self, size: int) -> "Telegrams":
        """The same telegrams with ``size`` bytes more read."""
        return replace(self, start=self.start + size)
