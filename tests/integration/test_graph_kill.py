"""Whatever the moment at which a run is killed: repeated, it leaves what an undisturbed run leaves."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.installation import Installation, open_installation
from assets.steps.publishing import publish_registry
from cli.main import app
from registry.alerts import Wanted, add
from registry.inventory.roles import set_role
from registry.policies import decide
from tests.conftest import REPOSITORY
from tests.integration.installations import House, enter, fill, new_house
from tests.integration.steps_of_a_run import left_by_death, run_steps
from warehouse.lake import Lake
from warehouse.policies import shipped_document
from warehouse.schemas import TABLES

pytestmark = pytest.mark.slow

RUN_TIMES = (
    *("known_from", "known_to", "landed_at", "landed_day", "decided_at", "superseded_at", "learned_at"),
    *("received_on_time", "backlog_p50_s", "backlog_max_s"),
)
"""Columns that say when something was done."""

BOOKKEEPING = ("touched", "audit_log", "meters", "meters_history")
"""Tables of how the work was done: a repeated run notes its work twice, and a key when it first served."""

FIRST = date(2025, 10, 21)
DAYS = ("2025-10-21", "2025-10-22")

WRITTEN = (
    *("receptions", "rejected_rows", "telegrams", "records", "readings_history", "readings", "outcomes", "touched"),
    *("register_events", "vee_exceptions", "corrections", "heat_daily", "energy_signatures", "heat_faults"),
    *("consumption_hourly", "consumption_daily", "consumption_monthly", "consumption_yearly", "info_code_events"),
    *("reading_performance_daily", "missing_causes_daily", "link_daily", "meter_links", "collector_daily"),
    *(
        "flow_daily",
        "leak_events",
        "alert_events",
        "alert_usage",
        "water_balance_daily",
        "water_balance_monthly",
        "night_flow_daily",
    ),
)
"""Tables that the run writes; of those of former versions, which are written before, one stands for all."""

AT_ONCE = ("telegrams", "records")
"""Of the written tables those that are written at the same time: where a run dies at one, the other may be whole."""

IN_PARTS = (
    *("corrections", "vee_exceptions"),
    *("reading_performance_daily", "reading_performance_daily_history"),
    *("missing_causes_daily", "missing_causes_daily_history"),
)
"""Tables that one run writes in several commits: for parts of the points, registers and figures, ranges of days."""


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


def stored(home: Path, known: dict[str, int | None]) -> dict[str, pl.DataFrame]:
    """Tables of the lake whose version is not the known one, which is noted."""
    lake = Lake(home / "lake")
    found = {}
    for table in lake.tables():
        if table.name not in BOOKKEEPING and known.get(table.name) != (version := lake.version(table)):
            rows = lake.scan(table).collect().drop(RUN_TIMES, strict=False)
            found[table.name] = rows.sort(rows.columns)
            known[table.name] = version
    return found


def tables(home: Path) -> dict[str, pl.DataFrame]:
    """Tables of the lake and a report."""
    found = stored(home, {})
    enter(home)
    words = ["report", "consumption", "--from", str(FIRST), "--to", str(FIRST + timedelta(days=1)), "--format", "csv"]
    found["report"] = pl.read_csv(CliRunner().invoke(app, words).stdout_bytes, infer_schema=False)
    return found


def _watch(house: House) -> None:
    """A district, and alerts that are told on two of the days."""
    water = (
        "select distinct metering_point from installations join meters using (meter_id) where meters.medium = 'water'"
    )
    inflow, *points = sorted(house.ask(water)["metering_point"])
    inside = f"inflow: [{inflow}], points: [{', '.join(points[:5])}]"
    district = f"{{{inside}, mains_km: 2.5, connections: 5, average_pressure_m: 45, tariff: 2}}"
    document = shipped_document("districts").replace("districts: {}", f"districts: {{D: {district}}}")
    now = datetime.now(UTC)
    with house.installation.registry.begin() as session:
        set_role(session, "default", inflow, "district_inflow", identity="test", now=now)
        decide(session, "default", "districts", document, reason="test", identity="test", now=now)
        for point in points:
            since = datetime(2025, 10, 20, 12, tzinfo=UTC)
            alert = Wanted(point, "volume_m3", Decimal("0.2"), since, period="day")
            add(session, "default", alert, most=99, identity="test", now=now)
    publish_registry(house.installation)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, fleet: Path) -> Iterator[Interrupted]:
    """Two concentrators' files are in; those of the third, which heard much of the same earlier, are to come."""
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("killed")
    house = new_house(folder)
    fill(house, fleet, "meters", "customers", "exchanges")
    files = folder / "files"
    files.mkdir()
    frames = list((fleet / "frames").iterdir())
    first = [file for file in frames if file.name[15:25] in DAYS and not file.name.startswith("concentrator-1")]
    for file in (*set(frames).difference(first), *(fleet / "frames_late").iterdir()):
        shutil.copy(file, files)
    _watch(house)
    assert house.ingest(*first) == 0
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


def torn(it: Interrupted, found: dict[str, pl.DataFrame]) -> list[str]:
    """Tables, or of those written in several commits rows, that are neither as they were nor as they will be."""
    names = []
    for name, rows in found.items():
        states = [state[name] for state in (it.before, it.undisturbed) if name in state]
        if name in IN_PARTS:
            whole = rows.join(pl.concat(states), on=rows.columns, how="anti", nulls_equal=True).is_empty()
        else:
            whole = rows.is_empty() or any(rows.equals(state) for state in states)
        if not whole:
            names.append(name)
    return names


def test_a_killed_run_is_repeated(interrupted: Interrupted) -> None:
    home = interrupted.copy("killed")
    for table in ("receptions", "readings"):
        assert interrupted.run(home, [table]) == table
        assert torn(interrupted, tables(home)) == [], table
    interrupted.run(home, ())
    assert_as_undisturbed(interrupted, home)


def test_a_run_that_dies_at_every_table_leaves_each_readable_and_is_repeated(interrupted: Interrupted) -> None:
    home, died_at = interrupted.copy("died"), list[str]()
    found: list[tuple[str, str]] = []
    spared = {name for name in TABLES if name.endswith("_history") and name not in WRITTEN}
    known: dict[str, int | None] = {}
    stored(home, known)

    def take(house: Installation) -> None:
        run_steps(house, interrupted.files)

    while True:
        left = home.with_name(f"left-{len(died_at)}")
        table = left_by_death(home, take, set(TABLES).difference(spared, died_at), left)
        if table is None:
            break
        shutil.rmtree(home)
        home = left
        died_at.append(table)
        found += [(table, name) for name in torn(interrupted, stored(home, known))]
    assert len(died_at) == len(set(died_at))
    assert set(died_at) <= set(WRITTEN)
    assert set(WRITTEN).difference(died_at) in [set(), *({name} for name in AT_ONCE)]
    assert found == [], "tables torn when a run died at another"
    enter(home)
    publish_registry(open_installation(home))  # which the graph does by assets of its own
    assert_as_undisturbed(interrupted, home)
