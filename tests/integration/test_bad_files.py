"""Files that are no frame files, lines that are no frames, and runs that die."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runs import RunError, catch_up
from tests.conftest import REPOSITORY
from tests.integration.installations import House, fleet, house

__all__ = ["fleet", "house"]

FRAME = "1844c514785623915507780413102700000259e803426c0c4c"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 40, ""),
        (b"time,concentrator,rssi\n2025-10-21T00:00:00Z,c1,-80\n", ""),
        ("received_at,frame\n2025-10-21T00:00:00Z,aabb\n".encode("utf-16"), ""),
        (FRAME.encode(), "--received-at"),
    ],
    ids=["empty", "binary", "no frame column", "UTF-16", "no times"],
)
def test_a_file_that_is_no_frame_file_is_refused_whole(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(content)
    good.write_text(f"received_at,concentrator,rssi_dbm,frame\n2025-10-21T00:00:00Z,c1,-80,{FRAME}\n")
    assert house.ingest(bad, good) == 1
    errors = capfd.readouterr().err
    assert "bad.csv was refused" in errors
    assert message in errors
    assert house.ask("select outcome from frames").rows() == [("foreign",)], "the other file goes on"


def test_bad_lines_are_rejected_rows(house: House, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "received_at,concentrator,rssi_dbm,frame\n"
        f"2025-10-21T00:00:00Z,c1,-80,{FRAME}\n"
        "2025-10-21T00:00:01Z,c1,-80,xyz\n"
        "2025-10-21T00:00:02Z,c1,-80,aabb\n"
        f",c1,-80,{FRAME}\n"
        f"2025-10-21T00:00:03Z,c1,-80,{FRAME},more\n"
    )
    assert house.ingest(file) == 0
    rows = house.ask("select source_line, reason from rejected_rows order by 1")
    assert rows["source_line"].to_list() == [3, 4, 5, 6]
    assert all(rows["reason"])
    assert house.ask("select count(*) from frames").item() == 1


KILLER = """
import os, signal, sys
from pathlib import Path
from warehouse.lake import Lake
from assets.installation import open_installation
from cli.ingest import run_ingest
from tests.integration.installations import enter
home, folder, table, method = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
enter(home)
write = getattr(Lake, method)
def dying(self, target, *args, **kwargs):
    done = write(self, target, *args, **kwargs)
    if target.name == table:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(Lake, method, dying)
run_ingest(open_installation(home), [folder])
"""


@pytest.mark.parametrize(
    ("table", "method"),
    [("receptions", "append"), ("readings", "merge"), ("touched", "append"), ("consumption_daily", "merge")],
)
def test_a_run_that_is_killed_is_done_again(house: House, fleet: Path, tmp_path: Path, table: str, method: str) -> None:
    assert house.take("meters", fleet / "meters.csv") == 0
    assert house.take("customers", fleet / "customers.csv") == 0
    folder = tmp_path / "frames"
    folder.mkdir()
    for file in sorted((fleet / "frames").glob("concentrator-*_2025-10-2[12]*")):
        (folder / file.name).write_bytes(file.read_bytes())
    home = house.installation.settings.home
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLER, str(home), str(folder), table, method],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert house.ingest(folder) == 0
    frames = house.ask("select count(*), count(outcome), count(distinct frame_id) from frames").row(0)
    assert len(set(frames)) == 1
    assert frames[0] > 500
    repeated = house.ask("select count(*) - count(distinct (meter_id, measured_at)) from readings").item()
    assert repeated == 0
    days = house.ask("select count(*) from consumption_daily where consumption is not null").item()
    assert days > 20


def test_materialize_takes_a_part_of_the_graph(house: House) -> None:
    with pytest.raises(RunError, match=r"no asset nonsense; there are .*consumption_daily"):
        catch_up(house.installation, identity="test", selection=["nonsense"])
    assert catch_up(house.installation, identity="test", selection=["heat_daily"]) == []
