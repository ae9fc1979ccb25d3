"""What an import did."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

REJECTED = pl.Schema({"source_line": pl.Int64, "reason": pl.String})


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts, and what was rejected line by line.

    Attributes:
        added: New entries.
        updated: Entries that changed.
        unchanged: Entries that the file repeats.
        rejected: ``source_line`` (from 1, the header is line 1) and ``reason``.
        without_key: New meters that have no key; their encrypted frames wait for it.
    """

    added: int
    updated: int
    unchanged: int
    rejected: pl.DataFrame = field(repr=False)
    without_key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What an import of keys did, or would do.

    Attributes:
        new: Keys of meters that had none for this usage.
        changed: Keys of meters that have another one, which is kept.
        equal: Keys that the meters have already.
        registered: Meters that were added.
        repeated: ``source_line`` and ``reason`` of keys that are ``equal``.
        unknown: The same of lines whose device is not registered.
        rejected: The same of lines that cannot be used.
    """

    new: int
    changed: int
    equal: int
    registered: int
    repeated: pl.DataFrame = field(repr=False)
    unknown: pl.DataFrame = field(repr=False)
    rejected: pl.DataFrame = field(repr=False)


def remarks(rows: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """Lines with what is to be said of them, in the shape of rejected ones."""
    return pl.DataFrame(rows, schema=REJECTED, orient="row")
