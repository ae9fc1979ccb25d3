"""Tests of keys that several rows share."""

import polars as pl
import pytest

from warehouse import repeats
from warehouse.repeats import alone, repeated
from warehouse.schemas import TABLES

ROWS = pl.DataFrame({"a": ["x", "x", "y", None, None, "z"], "b": [1, 1, 1, 2, 2, None], "c": range(6)})


def test_rows_with_the_key_of_another_are_not_alone() -> None:
    assert alone(ROWS, ["a", "b"]).to_list() == [False, False, True, False, False, True]
    assert alone(ROWS, ["c"]).all()


def test_keys_of_several_rows_are_counted_once_each() -> None:
    assert repeated(ROWS.lazy(), ["a", "b"]) == 2
    assert repeated(ROWS.lazy(), ["b"]) == 2
    assert repeated(ROWS.lazy(), ["c"]) == 0
    assert repeated(ROWS.clear().lazy(), ["a", "b"]) == 0


@pytest.mark.parametrize("at_once", [1, 2, 5, 6, 100])
def test_however_many_hashes_are_looked_at_together(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(repeats, "_HASHES_AT_ONCE", at_once)
    assert repeated(ROWS.lazy(), ["a", "b"]) == 2
    assert repeated(ROWS.lazy(), ["c"]) == 0


def test_keys_that_only_share_a_hash_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_hash", lambda key: pl.col(key[0]) * 0)
    assert repeated(pl.LazyFrame({"a": [1, 2, 3]}), ["a"]) == 0
    assert repeated(pl.LazyFrame({"a": [1, 2, 2]}), ["a"]) == 1


def test_keys_of_every_table_can_be_looked_at() -> None:
    for table in TABLES.values():
        rows = pl.DataFrame({name: [None, None] for name in table.schema}, schema=table.schema)
        assert repeated(rows.lazy(), table.key) == 1, table.name
        assert not alone(rows, table.key).any(), table.name
