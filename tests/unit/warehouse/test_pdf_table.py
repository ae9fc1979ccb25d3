"""Tables on paper, on as many pages as they need."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from warehouse.pdf_table import MOST_ROWS, pdf_table
from warehouse.schemas import INSTANT, REGISTER

COLUMNS = {
    "metering_point": pl.String,
    "at": INSTANT,
    "consumption": REGISTER,
    "share": pl.Float64,
    "tags": pl.List(pl.String),
}


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


def test_a_long_table_goes_on_over_pages() -> None:
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    rows = [(f"P<{n}>", at, Decimal("1.5"), 0.123456, ["a", "b"]) for n in range(100)]
    content = pdf_table(pl.DataFrame(rows, schema=COLUMNS, orient="row"), "Report & more", "en")
    assert content.startswith(b"%PDF-")
    assert pages(content) > 1
    few = pdf_table(pl.DataFrame(rows[:10], schema=COLUMNS, orient="row"), "Report & more", "en")
    assert pages(few) == 1


def test_a_wide_table_gets_smaller_letters_and_an_empty_one_its_headings() -> None:
    wide = pl.DataFrame({f"column_{n}": ["some text that is rather long"] for n in range(20)})
    assert pages(pdf_table(wide, "Wide", "en")) == 1
    assert pages(pdf_table(wide.clear(), "Empty", "en")) == 1


def test_more_rows_than_anybody_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="5,000 rows"):
        pdf_table(pl.DataFrame({"a": range(MOST_ROWS + 1)}), "Long", "en")
