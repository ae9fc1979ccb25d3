"""Tests of the tables that stay open."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.unit.warehouse.points import POINTS, facts, rows
from warehouse.lake import Lake

NOTHING = pl.DataFrame(schema={"organisation": pl.String, "point": pl.String})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_what_others_write_is_seen_at_once(lake: Lake, tmp_path: Path) -> None:
    other = Lake(lake._root)
    assert lake.version(POINTS) is None
    other.append(POINTS, rows(("p", 0, "1")))
    assert facts(lake) == [("p", 0, "1")]
    other.merge(POINTS, rows(("p", 0, "2")), stale=NOTHING)
    assert facts(lake) == [("p", 0, "2")]
    assert lake.version(POINTS) == other.version(POINTS)


def test_a_lake_that_was_put_back_is_read_anew(lake: Lake, tmp_path: Path) -> None:
    folder, kept = Path(lake._root, POINTS.name), tmp_path / "kept"
    lake.append(POINTS, rows(("p", 0, "1")))
    shutil.copytree(folder, kept)
    lake.append(POINTS, rows(("p", 1, "2")))
    assert len(facts(lake)) == 2
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    assert facts(lake) == [("p", 0, "1")], "an older version"
    Lake(lake._root).append(POINTS, rows(("q", 5, "3")))
    assert facts(lake) == [("p", 0, "1"), ("q", 5, "3")], "another one of the same number"
