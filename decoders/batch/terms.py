"""Validity of keys as terms: stretches of time in which the same keys of a meter are valid.

A meter whose keys have no bounds has one term. A frame finds its term by its meter and its reception, so that frames of
all times are opened in one batch, however many keys begin or end meanwhile.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Rows

Instants = NDArray[np.int64]
"""Microseconds since 1970 (UTC)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of m meters, by meter and time.

    Attributes:
        cuts: Instants at which any key begins or ends, rising, shape (c,).
        begins: Meter and beginning of each term as one number: meter times c + 1, plus the number of cuts that have
            passed; rising, shape (t,).
        starts: Place of each term's first key among the trials, shape (t,).
        counts: Number of each term's keys, shape (t,).
        received: Reception of each frame of the batch; empty where there are no cuts.
    """

    cuts: Instants
    begins: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    received: Instants

    def of(self, meters: Rows, rows: Rows) -> Rows:
        """Terms of frames, given the number of their meter and their position in the batch, both shape (n,)."""
        if not len(self.cuts):
            return meters
        passed = np.searchsorted(self.cuts, self.received[rows], side="right")
        found: Rows = np.searchsorted(self.begins, meters * (len(self.cuts) + 1) + passed, side="right") - 1
        return found


def split_into_terms(meters: Rows, keys: pl.DataFrame, received_at: pl.Series | None) -> tuple[Terms, Rows]:
    """Finds the terms of meters.

    Args:
        meters: Number of the meter of each key, from 0, rising without gaps, shape (k,).
        keys: The keys in trial order; columns valid_from and valid_to (half open, null: no bound) where they have any.
        received_at: Reception of each frame; without it, keys have no bounds.

    Returns:
        The terms, and the positions of their keys in trial order, term by term.
    """
    bounded = received_at is not None and {"valid_from", "valid_to"} <= set(keys.columns)
    bounds = [keys[name] if bounded else pl.Series([None] * len(keys), dtype=pl.Int64) for name in _BOUNDS]
    cuts = pl.concat([bound.drop_nulls().to_physical() for bound in bounds]).unique().sort().to_numpy()
    room = len(cuts) + 1
    base = meters * room
    first, last = (_passed(bound, cuts) for bound in bounds)
    opens = base + np.where(first < 0, 0, first)
    closes = base + np.where(last < 0, room, last)
    inner = closes[last >= 0]
    begins = np.unique(np.concatenate([base, opens, inner]))
    low, high = np.searchsorted(begins, opens), np.searchsorted(begins, closes)
    sizes = np.maximum(high - low, 0)
    trials = np.repeat(np.arange(len(meters)), sizes)
    terms = np.repeat(low, sizes) + np.arange(len(trials)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = trials[np.argsort(terms, kind="stable")]
    counts = np.bincount(terms, minlength=len(begins))
    received = (
        received_at.cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
        if received_at is not None and len(cuts)
        else np.zeros(0, np.int64)
    )
    return Terms(cuts, begins, np.cumsum(counts) - counts, counts, received), order


_BOUNDS = ("valid_from", "valid_to")


def _passed(bound: pl.Series, cuts: Instants) -> Rows:
    """Cuts that have passed at a bound, that of the bound included; -1 where there is none."""
    known = bound.to_physical().cast(pl.Int64)
    places = np.searchsorted(cuts, known.fill_null(0).to_numpy(), side="right")
    found: Rows = np.where(known.is_null().to_numpy(), -1, places)
    return found
