"""A disk that fills up: every run says so and can be repeated, and nothing is lost or half written."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.disks import disk_of
from tests.integration.installations import House, new_house


@pytest.fixture
def small_house(tmp_path: Path) -> Iterator[House]:
    before = dict(os.environ)
    with disk_of("32m", tmp_path / "small") as disk:
        yield new_house(disk)
        os.environ.clear()
        os.environ.update(before)


def test_a_run_on_a_full_disk_says_so_and_can_be_repeated(
    small_house: House, fleet: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind in ("meters", "customers", "exchanges"):
        assert small_house.take(kind, fleet / f"{kind}.csv") == 0
    files = sorted((fleet / "frames").glob("concentrator-*_2025-10-21*"))
    disk = small_house.installation.settings.home.parent
    capfd.readouterr()
    for spare in (20_000, 400_000, 700_000):
        (disk / "filler").write_bytes(bytes(max(0, shutil.disk_usage(disk).free - spare)))
        assert small_house.ingest(*files) == 1, spare
        message = capfd.readouterr().err
        assert "full" in message or "No space left" in message or "disk I/O error" in message, message
        assert "Traceback" not in message
        (disk / "filler").unlink()
    assert small_house.ingest(*files) == 0
    frames = small_house.ask("select count(*), count(outcome), count(distinct frame_id) from frames").row(0)
    assert len(set(frames)) == 1
    lines = small_house.ask("select count(*) from rejected_rows").item() + frames[0]
    assert lines == _lines(fleet, {file.name for file in files})


def _lines(fleet: Path, names: set[str]) -> int:
    """Lines that the simulator wrote to some files."""
    outcomes = (fleet / "truth" / "outcomes.csv").read_text().splitlines()[1:]
    return sum(row.split(",")[0].rpartition("/")[2] in names for row in outcomes)
