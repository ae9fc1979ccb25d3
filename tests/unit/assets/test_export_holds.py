"""Days that files hold: for everybody, and for those who were in a file's group."""

from datetime import date

import polars as pl
import pytest

from assets.steps.export_holds import ExportHold, joined


def day(number: int) -> date:
    return date(2026, 1, number)


def test_stretches_that_touch_are_one() -> None:
    stretches = [(day(5), day(6)), (day(1), day(3)), (day(2), day(2)), (day(4), day(4)), (day(8), day(9))]
    assert joined(stretches) == ((day(1), day(6)), (day(8), day(9)))
    assert joined([]) == ()


@pytest.mark.parametrize("key", ["metering_point", "meter_id"])
def test_rows_of_members_are_held_and_those_of_everybody(key: str) -> None:
    members = pl.DataFrame({key: ["A", "B"], "held_as": [0, 1]}, schema_overrides={"held_as": pl.Int32})
    hold = ExportHold(((day(1), day(2)),), (((day(10), day(11)),), ((day(20), day(21)),)), {key: members})
    rows = [
        ("A", 1, 1, True),
        ("A", 3, 9, False),
        ("A", 9, 10, True),
        ("A", 20, 20, False),
        ("B", 21, 28, True),
        ("B", 10, 10, False),
        ("C", 10, 21, False),
        ("C", 2, 2, True),
        (None, 10, 10, False),
    ]
    frame = pl.DataFrame(
        [(name, day(first), day(last), held) for name, first, last, held in rows],
        schema={key: pl.String, "first": pl.Date, "last": pl.Date, "expected": pl.Boolean},
        orient="row",
    )
    told = hold.over(frame.lazy(), key, pl.col("first"), pl.col("last")).collect()
    assert told["exported"].to_list() == told["expected"].to_list()
    nobodys = hold.over(frame.lazy(), None, pl.col("first"), pl.col("last")).collect()
    assert nobodys["exported"].to_list() == [first <= 2 for _, first, _, _ in rows]
