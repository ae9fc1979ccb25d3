"""Whatever the moment at which a run is killed: repeated, it leaves what an undisturbed run leaves."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from simulator import simulate
from tests.conftest import REPOSITORY
from tests.integration.installations import FLEET, new_house
from warehouse.lake import Lake

pytestmark = pytest.mark.slow

RUN_TIMES = (
    *("known_from", "known_to", "landed_at", "decided_at", "superseded_at", "learned_at", "received_on_time"),
    *("backlog_p50_s", "backlog_max_s"),
)
"""Columns that say when something was done."""

BOOKKEEPING = ("touched", "audit_log", "meters")
"""Tables of how the work was done: a repeated run notes its work twice, and a key when it first served."""


@dataclass(frozen=True)
class Interrupted:
    """An installation that is about to take files which supersede readings, and what must come of it."""

    home: Path
    files: Path
    undisturbed: dict[str, pl.DataFrame]

    def run(self, home: Path, killed_after: str) -> int:
        """Takes the files; the process dies after its first write to the table (or the one given with ``:n``)."""
        command = ["-W", "ignore", "-m", "tests.integration.dying_run", str(home), killed_after, str(self.files)]
        return subprocess.run(
            [sys.executable, *command], cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=False
        ).returncode

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.home, self.home.with_name(name)))


def tables(home: Path) -> dict[str, pl.DataFrame]:
    lake = Lake(home / "lake")
    found = {}
    for table in lake.tables():
        if table.name not in BOOKKEEPING:
            rows = lake.scan(table).collect().drop(RUN_TIMES, strict=False)
            found[table.name] = rows.sort(rows.columns)
    return found


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupted]:
    """Two concentrators' files are in; those of the third, which heard much of the same earlier, are to come."""
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("killed")
    fleet = folder / "fleet"
    simulate(FLEET, fleet)
    house = new_house(folder)
    for kind in ("meters", "customers", "exchanges"):
        assert house.take(kind, fleet / f"{kind}.csv") == 0
    files = folder / "files"
    files.mkdir()
    two_days = [file for file in (fleet / "frames").iterdir() if file.name[15:25] in ("2025-10-21", "2025-10-22")]
    late = [file for file in two_days if file.name.startswith("concentrator-1")]
    for file in (*late, *(fleet / "frames_late").iterdir()):
        shutil.copy(file, files)
    assert house.ingest(*sorted(set(two_days) - set(late))) == 0
    made = Interrupted(house.installation.settings.home, files, {})
    home = made.copy("undisturbed")
    assert made.run(home, "nothing") == 0
    made.undisturbed.update(tables(home))
    assert made.undisturbed["readings_history"].height > 50, "readings are superseded"
    assert made.undisturbed["corrections"].height > 50, "figures change"
    yield made
    os.environ.clear()
    os.environ.update(before)


def assert_as_undisturbed(it: Interrupted, home: Path) -> None:
    found = tables(home)
    assert found.keys() == it.undisturbed.keys()
    for name, expected in it.undisturbed.items():
        assert found[name].equals(expected), name


@pytest.mark.parametrize("table", ["receptions", "readings"])
def test_a_killed_run_is_repeated(interrupted: Interrupted, table: str) -> None:
    home = interrupted.copy(f"killed-{table}")
    assert interrupted.run(home, table) == -signal.SIGKILL
    assert interrupted.run(home, "nothing") == 0
    assert_as_undisturbed(interrupted, home)


def test_a_run_is_killed_again_and_again(interrupted: Interrupted) -> None:
    home = interrupted.copy("killed-again")
    for table in ("telegrams", "readings_history", "records", "outcomes", "corrections", "consumption_hourly"):
        assert interrupted.run(home, table) == -signal.SIGKILL, table
    assert interrupted.run(home, "nothing") == 0
    assert_as_undisturbed(interrupted, home)
