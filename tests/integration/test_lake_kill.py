"""A writer killed at any moment leaves the last commit, and its repeated batch is applied once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import REPOSITORY
from tests.integration.lake_writer import METERS, batch
from warehouse.lake import Lake
from warehouse.schemas.readings import READINGS

KILLS = 8
LAST = 10_000


@pytest.mark.parametrize("kind", ["append", "upkeep"])
def test_killed_writer_leaves_whole_batches(tmp_path: Path, kind: str) -> None:
    lake = Lake(tmp_path)
    chance = random.Random(1)
    first = 1
    for _ in range(KILLS):
        acknowledged = _run_and_kill(kind, tmp_path, first, chance)

        volumes = lake.scan(READINGS).group_by("volume_m3").len().sort("volume_m3").collect()
        whole = volumes.height
        assert volumes["volume_m3"].cast(pl.Int64).to_list() == list(range(1, whole + 1)), "a batch is missing"
        assert volumes["len"].unique().to_list() == [METERS], "a batch is torn"
        assert whole >= acknowledged, "an acknowledged batch is lost"

        # The caller does not know whether its last batch arrived and repeats it.
        assert not lake.append(READINGS, batch("A", whole), batch="A", batch_no=whole)
        assert lake.append(READINGS, batch("A", whole + 1), batch="A", batch_no=whole + 1)
        first = whole + 2
    assert lake.scan(READINGS).select(READINGS.key).collect().is_unique().all()
    assert lake.scan(READINGS).select(pl.len()).collect().item() == METERS * (first - 1)


def _run_and_kill(kind: str, root: Path, first: int, chance: random.Random) -> int:
    """Starts a writer, kills it a random time after its first commit, and returns the last batch it reported."""
    command = [sys.executable, "-m", "tests.integration.lake_writer", kind, str(root), "A", str(first), str(LAST)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        reported = [writer.stdout.readline()]
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        reported += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    return max(int(line) for line in reported if line.endswith("\n"))
