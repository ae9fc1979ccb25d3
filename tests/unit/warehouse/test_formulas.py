"""Texts that a spreadsheet would take for formulas."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.formulas import bare, bare_texts, shielded, shielded_texts
from warehouse.published import render

CASES = {
    '=HYPERLINK("https://example.org")': '\'=HYPERLINK("https://example.org")',
    "+cmd": "'+cmd",
    "-north": "'-north",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "'=1": "''=1",
    "-5": "-5",
    "+1,234.50": "+1,234.50",
    "-5+cmd": "'-5+cmd",
    "north-east": "north-east",
    "'t Hof": "'t Hof",
    "": "",
}


@pytest.mark.parametrize(("text", "cell"), CASES.items())
def test_texts_that_look_like_formulas_are_shielded_and_come_back(text: str, cell: str) -> None:
    assert shielded(text) == cell
    assert bare(cell) == text


@given(st.lists(st.text(alphabet="'=+-@\t\r\n5,a ") | st.none()))
def test_columns_are_shielded_as_single_texts_are(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"text": texts, "number": [-1] * len(texts)}, schema={"text": pl.String, "number": pl.Int64})
    cells = shielded_texts(frame)
    assert cells["text"].to_list() == [None if text is None else shielded(text) for text in texts]
    assert cells["number"].equals(frame["number"])
    assert cells.select(bare_texts(pl.col("text")))["text"].equals(frame["text"])
    assert [None if cell is None else bare(cell) for cell in cells["text"]] == texts


def test_csv_is_shielded_for_people_alone() -> None:
    frame = pl.DataFrame({"label": ["=1+1", None], "value": [-1.5, 2.0]})
    assert render(frame, "csv", for_people=True) == b"label,value\n'=1+1,-1.5\n,2.0\n"
    assert render(frame, "csv") == b"label,value\n=1+1,-1.5\n,2.0\n"
    assert render(frame, "json", for_people=True) == render(frame, "json")
