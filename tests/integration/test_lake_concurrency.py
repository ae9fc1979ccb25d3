"""Several processes write one table while others read it."""

import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from tests.conftest import REPOSITORY
from tests.integration.lake_writer import METERS, batch
from warehouse import sql
from warehouse.lake import Lake
from warehouse.schemas.readings import READINGS

BATCHES = 8


def _start(kind: str, root: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.lake_writer", kind, str(root), name, "1", str(BATCHES)]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def test_no_lost_writes_and_no_torn_reads(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writers = [_start("append", tmp_path, "A"), _start("append", tmp_path, "B")]
    writers += [_start("merge", tmp_path, "M"), _start("merge", tmp_path, "N")]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        _assert_whole(lake.scan(READINGS).select("meter_id", "volume_m3").collect())
        _assert_whole(sql.query(sql.Reader(lake), "select meter_id, volume_m3 from readings"))
        reads += 1
        time.sleep(0.02)
    for writer in writers:
        _, complaint = writer.communicate()
        assert writer.returncode == 0, complaint
    assert reads > 3

    rows = lake.scan(READINGS).collect()
    assert rows.select(READINGS.key).is_unique().all()
    per_writer = rows.group_by(pl.col("meter_id").str.slice(0, 1)).len().sort("meter_id").rows()
    assert per_writer == [("A", METERS * BATCHES + 1), ("B", METERS * BATCHES), ("M", BATCHES), ("N", BATCHES)]
    shared = rows.filter(pl.col("meter_id").str.starts_with("ALL"))
    assert shared["volume_m3"].cast(pl.Int64).to_list() == [BATCHES]


def test_same_batch_from_two_processes_is_applied_once(tmp_path: Path) -> None:
    writers = [_start("append", tmp_path, "A") for _ in range(3)]
    for writer in writers:
        _, complaint = writer.communicate()
        assert writer.returncode == 0, complaint

    rows = Lake(tmp_path).scan(READINGS).collect()

    assert rows.height == METERS * BATCHES
    assert rows.select(READINGS.key).is_unique().all()


def _assert_whole(seen: pl.DataFrame) -> None:
    """Every batch of an appending writer is seen with all its rows, or not at all."""
    appended = seen.filter(pl.col("meter_id").str.contains("^[AB]-"))
    sizes = appended.group_by(pl.col("meter_id").str.slice(0, 1), "volume_m3").len()["len"].unique().to_list()
    assert sizes in ([], [METERS])


def test_the_check_itself_sees_a_torn_read() -> None:
    torn = batch("A", 1).head(METERS - 1).select("meter_id", "volume_m3")
    try:
        _assert_whole(torn)
    except AssertionError:
        return
    raise AssertionError("a torn batch went unseen")
