from datetime import date

import polars as pl
import pytest

from warehouse.schemas import LINK_DAILY, SchemaError
from warehouse.transforms.figures import shape


def links(**columns: object) -> pl.DataFrame:
    row = {"organisation": "o", "meter_id": "m", "collector": "c", "day": date(2025, 1, 31), "receptions": 2}
    return pl.DataFrame([row | {"telegrams": 1, "other": 1} | columns])


def test_rows_get_the_tables_form_without_known_from() -> None:
    rows = pl.concat([links(collector="d"), links()])
    shaped = shape(LINK_DAILY, rows)
    assert shaped.schema == {name: dtype for name, dtype in LINK_DAILY.schema.items() if name != "known_from"}
    assert shaped["collector"].to_list() == ["c", "d"]
    assert shaped["month"].to_list() == ["2025-01", "2025-01"]
    assert shape(LINK_DAILY, links(month="2024-12"))["month"].to_list() == ["2024-12"]


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SchemaError, match="telegrams"):
        shape(LINK_DAILY, links().drop("telegrams"))
    with pytest.raises(SchemaError, match="collector"):
        shape(LINK_DAILY, links(collector=None))
