"""Rows in order, by ranks instead of comparisons."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.ordering import sort_rows

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.none() | st.sampled_from(["", "KAM-1", "KAM-10", "KAM-2", "Ærø", "z"])
INSTANTS = st.none() | st.integers(-(10**6), 10**12).map(lambda us: START + timedelta(microseconds=us))
NUMBERS = st.none() | st.integers(-(2**31), 2**31 - 1)
SCHEMA = {"text": pl.String, "at": pl.Datetime("us", "UTC"), "number": pl.Int64, "share": pl.Float64, "row": pl.Int64}


@given(st.lists(st.tuples(TEXTS, INSTANTS, NUMBERS, st.none() | st.floats(0, 1))), st.permutations(list(SCHEMA)[:4]))
def test_rows_are_sorted_as_polars_sorts_them_and_ties_stay(rows: list[tuple], by: list[str]) -> None:
    frame = pl.DataFrame([(*row, place) for place, row in enumerate(rows)], SCHEMA, orient="row")
    for columns in (by, by[:2], by[:1]):
        assert sort_rows(frame, columns).equals(frame.sort(columns, maintain_order=True))


@pytest.mark.parametrize(
    "frame", [pl.DataFrame(schema=SCHEMA), pl.DataFrame({name: [None, None] for name in SCHEMA}, SCHEMA)]
)
def test_nothing_and_nulls_have_an_order_too(frame: pl.DataFrame) -> None:
    assert sort_rows(frame, ["text", "at"]).equals(frame)
    assert sort_rows(frame, []).equals(frame)


def test_columns_with_more_places_than_a_number_has_are_sorted_all_the_same() -> None:
    far = [START + timedelta(days=36_500), START]
    frame = pl.DataFrame({"at": far, "until": far, "row": [0, 1]})
    assert sort_rows(frame, ["at", "until"])["row"].to_list() == [1, 0]
