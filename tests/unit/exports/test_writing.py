"""The engine: pieces come and go one by one."""

import weakref
from collections.abc import Iterator

import polars as pl
import pytest

from exports.errors import ExportError
from exports.formats import shipped
from exports.layouts import LAYOUTS
from exports.writing import write
from tests.unit.exports.export_rows import FACTS, readings


@pytest.mark.parametrize("name", ["ready-csv", "fixed-width", "parquet"])
def test_pieces_are_taken_one_by_one_and_not_kept(name: str) -> None:
    taken: list[weakref.ref[pl.DataFrame]] = []

    def pieces() -> Iterator[pl.DataFrame]:
        for _ in range(3):
            assert all(reference() is None for reference in taken)
            piece = readings()
            taken.append(weakref.ref(piece))
            yield piece
            del piece

    content = write(shipped()[name], pieces(), FACTS)
    assert not taken
    parts = 0
    for part in content:
        parts += 1
        assert len(taken) <= parts
        assert isinstance(part, bytes)
    assert len(taken) == 3
    assert parts >= 4


def test_error_in_a_later_piece_comes_when_it_is_reached() -> None:
    strange = readings().with_columns(quality=pl.lit("Q"))
    parts = write(shipped()["fixed-width"], (piece for piece in (readings(), strange)), FACTS)
    assert next(parts).startswith(b"H")
    assert next(parts).startswith(b"R")
    with pytest.raises(ExportError, match="column quality: map has no text for it"):
        next(parts)


def test_every_layout_is_called_as_its_model_says() -> None:
    for name, layout in LAYOUTS.items():
        assert layout.model.model_fields["layout"].annotation.__args__ == (name,)  # type: ignore[union-attr]
