"""Whatever the moment at which a run is killed: repeated, it leaves what an undisturbed run leaves."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator import simulate
from tests.conftest import REPOSITORY
from tests.integration.installations import FLEET, enter, new_house
from warehouse.lake import Lake

pytestmark = pytest.mark.slow

RUN_TIMES = (
    *("known_from", "known_to", "landed_at", "landed_day", "decided_at", "superseded_at", "learned_at"),
    *("received_on_time", "backlog_p50_s", "backlog_max_s"),
)
"""Columns that say when something was done."""

BOOKKEEPING = ("touched", "audit_log", "meters")
"""Tables of how the work was done: a repeated run notes its work twice, and a key when it first served."""

FIRST = date(2025, 10, 21)
DAYS = ("2025-10-21", "2025-10-22")

IN_PARTS = ("corrections",)
"""Tables that one run writes in several commits."""


@dataclass(frozen=True)
class Interrupted:
    """An installation that is about to take files which supersede readings, and what must come of it."""

    home: Path
    files: Path
    before: dict[str, pl.DataFrame]
    undisturbed: dict[str, pl.DataFrame]

    def run(self, home: Path, fatal: Collection[str]) -> str:
        """Takes the files; the process dies after its first write to one of the tables, which is named."""
        command = ["-W", "ignore", "-m", "tests.integration.dying_run", str(home), ",".join(fatal), str(self.files)]
        done = subprocess.run(
            [sys.executable, *command], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        if done.returncode == 0:
            return ""
        assert done.returncode == -signal.SIGKILL
        return done.stdout.decode().splitlines()[-1]

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.home, self.home.with_name(name)))


def tables(home: Path) -> dict[str, pl.DataFrame]:
    lake = Lake(home / "lake")
    found = {}
    for table in lake.tables():
        if table.name not in BOOKKEEPING:
            rows = lake.scan(table).collect().drop(RUN_TIMES, strict=False)
            found[table.name] = rows.sort(rows.columns)
    enter(home)
    words = ["report", "consumption", "--from", str(FIRST), "--to", str(FIRST + timedelta(days=1)), "--format", "csv"]
    found["report"] = pl.read_csv(CliRunner().invoke(app, words).stdout_bytes, infer_schema=False)
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
    two_days = [file for file in (fleet / "frames").iterdir() if file.name[15:25] in DAYS]
    late = [file for file in two_days if file.name.startswith("concentrator-1")]
    for file in (*late, *(fleet / "frames_late").iterdir()):
        shutil.copy(file, files)
    assert house.ingest(*sorted(set(two_days) - set(late))) == 0
    made = Interrupted(house.installation.settings.home, files, {}, {})
    made.before.update(tables(made.home))
    home = made.copy("undisturbed")
    made.run(home, ())
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


def assert_readable(it: Interrupted, home: Path, died: str) -> None:
    """Every table is as it was or as it will be; of those written in several commits, every row is."""
    for name, rows in tables(home).items():
        states = [state[name] for state in (it.before, it.undisturbed) if name in state]
        if name in IN_PARTS:
            assert rows.join(pl.concat(states), on=rows.columns, how="anti", nulls_equal=True).is_empty(), (died, name)
        else:
            assert rows.is_empty() or any(rows.equals(state) for state in states), (died, name)


@pytest.mark.parametrize("table", ["receptions", "readings"])
def test_a_killed_run_is_repeated(interrupted: Interrupted, table: str) -> None:
    home = interrupted.copy(f"killed-{table}")
    assert interrupted.run(home, [table]) == table
    assert_readable(interrupted, home, table)
    interrupted.run(home, ())
    assert_as_undisturbed(interrupted, home)


def test_a_run_is_killed_again_and_again(interrupted: Interrupted) -> None:
    home = interrupted.copy("killed-again")
    for table in ("telegrams", "readings_history", "records", "outcomes", "corrections", "consumption_hourly"):
        assert interrupted.run(home, [table]) == table
        assert_readable(interrupted, home, table)
    interrupted.run(home, ())
    assert_as_undisturbed(interrupted, home)
