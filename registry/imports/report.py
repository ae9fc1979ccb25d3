"""What an import did."""

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
    """

    added: int
    updated: int
    unchanged: int
    rejected: pl.DataFrame = field(repr=False)
