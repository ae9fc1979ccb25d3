"""Tables gathered part by part."""

from decimal import Decimal

import numpy as np
import polars as pl

from decoders.batch.parts import Parts, Values
from decoders.batch.vocabulary import SHARED, Vocabulary
from warehouse.schemas import REGISTER

SCHEMA = pl.Schema(
    {
        "register": REGISTER,
        "gauge": pl.Float64(),
        "count": pl.Int64(),
        "at": pl.Datetime("us"),
        "text": pl.String(),
        "data_hex": pl.String(),
        "other": REGISTER,
    }
)


def test_what_a_part_does_not_have_is_null() -> None:
    parts = Parts(SCHEMA)
    present = np.array([True, False])
    parts.add(
        np.array([4, 7]),
        {
            "register": Values(np.array([-1, 2_500_000])),
            "gauge": Values(np.array([1.5, 9.0]), present),
            "text": parts.texts_of("one", 2),
            "data_hex": Values(np.array([[1, 2], [3, 4]], np.uint8)),
        },
    )
    parts.add(
        np.array([5]),
        {
            "count": Values(np.array([7])),
            "at": Values(np.array([1_000_000])),
            "data_hex": Values(np.array([[255]], np.uint8)),
        },
    )
    rows, table = parts.rows(), parts.take_table()
    assert rows.tolist() == [4, 7, 5]
    assert table.schema == SCHEMA
    assert table["register"].to_list() == [Decimal("-0.000001"), Decimal("2.500000"), None]
    assert table["gauge"].to_list() == [1.5, None, None]
    assert table["count"].to_list() == [None, None, 7]
    assert table["at"].dt.epoch("us").to_list() == [None, None, 1_000_000]
    assert table["text"].to_list() == ["one", "one", None]
    assert table["data_hex"].to_list() == ["0102", "0304", "ff"]
    assert table["other"].null_count() == 3


def test_no_parts_make_a_typed_empty_table() -> None:
    table = Parts(SCHEMA).take_table()
    assert table.schema == SCHEMA
    assert table.is_empty()


def test_values_are_filtered_with_what_is_missing() -> None:
    values = Values(np.array([1, 2, 3]), np.array([True, False, True]))
    kept = values.filter(np.array([False, True, True]))
    assert kept.data.tolist() == [2, 3]
    assert kept.there().tolist() == [False, True]


def test_a_vocabulary_numbers_texts_once() -> None:
    words = Vocabulary()
    assert [words.number(text) for text in ("b", None, "a", "b")] == [1, 0, 2, 1]
    assert words.text(2) == "a"
    assert words.column(np.array([2, 0, 1], np.int32), pl.String()).to_list() == ["a", None, "b"]
    shared = words.column(np.array([2, 0, 1], np.int32), SHARED)
    assert (shared.to_list(), shared.dtype) == (["a", None, "b"], pl.Categorical)
    assert words.column(np.array([1, 1], np.int32), SHARED).to_list() == ["b", "b"]
    assert words.column(np.zeros(2, np.int32), SHARED).to_list() == [None, None]
    assert words.column(np.zeros(0, np.int32), pl.String()).dtype == pl.String
