"""Sentences about rows."""

from datetime import date

import polars as pl
import pytest

from warehouse.phrases import phrase


def test_values_stand_in_their_places() -> None:
    rows = pl.DataFrame({"a": [1.5, None], "b": ["x", "y"], "day": [date(2026, 1, 31)] * 2})
    told = rows.select(text=phrase("{} of {} on {}.", "b", pl.col("a"), "day"))["text"]
    assert told.to_list() == ["x of 1.5 on 2026-01-31.", None]
    assert rows.select(text=phrase("no place"))["text"][0] == "no place"


def test_rows_whose_first_chunk_is_empty() -> None:
    """Shifted, then filtered columns; polars.format panics on them."""
    rows = pl.DataFrame({"at": [1, 2, 3]}).with_columns(before=pl.col("at").shift(1))
    kept = rows.lazy().filter(pl.col("before") > 0).collect()
    assert 0 in [len(chunk) for chunk in kept["before"].get_chunks()], "the trap is there"
    assert kept.select(text=phrase("{} after {}", "at", "before"))["text"].to_list() == ["2 after 1", "3 after 2"]


def test_as_many_places_as_values() -> None:
    with pytest.raises(ValueError, match="1 places for 2 values"):
        phrase("only {}", "a", "b")
