"""What a file holds that goes to the lake."""

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """What a file holds; whoever had it read writes it to the lake.

    Attributes:
        rows: Rows of the table that the file is for.
        source_lines: The line of each.
        rejected: ``source_line`` and ``reason`` of lines that cannot be used.
        warnings: What is odd about the file as a whole.
    """

    rows: pl.DataFrame = field(repr=False)
    source_lines: pl.Series = field(repr=False)
    rejected: pl.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()
