"""Where files of a table came or went since a version: partitions, and blocks that hold every row of these files."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tests.unit.warehouse.points import POINTS, START, points, rows
from warehouse.lake import Lake
from warehouse.predicates import inside
from warehouse.schemas import TOUCHED


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_partitions_that_changed_since_a_version(lake: Lake, tmp_path: Path) -> None:
    assert lake.changed_since(POINTS, None) == {}, "nothing was ever written"
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 3, "2")))
    january, both = {"2026-01"}, {"2026-01", "2026-02"}
    assert lake.changed_since(POINTS, None).keys() == both
    seen = lake.version(POINTS)
    assert lake.changed_since(POINTS, seen) == {}
    lake.append(POINTS, rows(("q", 0, "1")))
    assert lake.changed_since(POINTS, seen).keys() == january, "a file came"
    lake.merge(POINTS, POINTS.empty(), stale=points("q"))
    assert lake.changed_since(POINTS, lake.version(POINTS)) == {}
    seen = lake.version(POINTS)
    lake.merge(POINTS, POINTS.empty(), stale=points("p"))
    assert lake.changed_since(POINTS, seen).keys() == both, "files went"
    assert lake.changed_since(POINTS, 999) == lake.changed_since(POINTS, None), "a version that is not known"
    lake.append(TOUCHED, touched := TOUCHED.conform(pl.DataFrame({
        "organisation": "o", "batch_no": 1, "meter_id": "m", "first_at": START, "last_at": START, "cause": "readings",
    })))  # fmt: skip
    assert lake.changed_since(TOUCHED, None).keys() == {""}, "a table without partitions is one"
    lake.overwrite(TOUCHED, touched)
    assert lake.changed_since(TOUCHED, lake.version(TOUCHED)) == {}


def test_blocks_that_changed_hold_every_row_of_the_files_and_little_else(lake: Lake) -> None:
    lake.append(POINTS, rows(("a", 0, "1"), ("b", 1, "2"), ("c", 3, "2")))
    seen = lake.version(POINTS)
    lake.append(POINTS, rows(("b", 0, "1"), ("b", 1, "1")))
    lake.append(POINTS, rows(("d", 5, "1")))
    blocks = lake.changed_since(POINTS, seen)
    assert {partition: len(boxes) for partition, boxes in blocks.items()} == {"2026-01": 1, "2026-02": 1}
    held = [lake.scan(POINTS).filter(inside(blocks[month])).collect() for month in ("2026-01", "2026-02")]
    assert [found["point"].sort().to_list() for found in held] == [["b", "b", "b"], ["d"]]
    assert lake.scan(POINTS).filter(inside([])).collect().is_empty()
    for number in range(40):  # more files than blocks
        lake.append(POINTS, rows((f"e{number}", number % 2, "1"), (f"e{number}", 3, "1")))
    blocks = lake.changed_since(POINTS, seen)
    assert {partition: len(boxes) for partition, boxes in blocks.items()} == {"2026-01": 1, "2026-02": 1}
    assert lake.scan(POINTS).filter(inside(blocks["2026-01"])).collect().height == 3 + 40
    assert lake.scan(POINTS).filter(inside(blocks["2026-02"])).collect().height == 1 + 40


def test_blocks_are_not_bounded_by_what_the_log_may_not_tell(lake: Lake) -> None:
    """Long texts may be shortened, nulls lie outside of every range, instants may be rounded."""
    lake.append(POINTS, rows(("p" * 40, 0, "1"), ("a", 0, "1")))
    (box,) = lake.changed_since(POINTS, None)["2026-01"]
    assert set(box.ranges) == {"organisation", "at"}
    low, high = box.ranges["at"]
    assert isinstance(low, datetime)
    assert isinstance(high, datetime)
    assert low < START < high
    nullable = [replace(column, nullable=True) if column.name == "point" else column for column in POINTS.columns]
    unknown = replace(POINTS, columns=tuple(nullable), name="unknown")
    lake.append(unknown, rows(("b", 3, "1"), ("c", 3, "1")).with_columns(pl.col("point").replace("b", None)))
    (box,) = lake.changed_since(unknown, None)["2026-02"]
    assert set(box.ranges) == {"organisation", "at"}
    assert lake.scan(unknown).filter(inside([box])).collect().height == 2
