"""An installation whose registry lies in PostgreSQL: the same figures as with SQLite, from the first file to SQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.installation import open_installation
from assets.steps.backing_up import back_up
from assets.steps.restoring import restore
from cli.main import app
from pipelines.instance import prepare_instance
from registry import audit
from registry.errors import RegistryError
from registry.store import Registry
from simulator import Fleet, simulate
from tests.integration.installations import House, enter, fill, new_house
from tests.integration.test_truth import FIGURES, HISTORY
from tests.postgresql import PostgreSql

SMALL = Fleet(meters=8, days=3, start=date(2025, 10, 25), timezone="Europe/Copenhagen", seed=11)
ENTITIES = (
    "frames",
    "meters",
    "metering_points",
    "installations",
    "exchanges",
    "collectors",
    "groups",
    "group_members",
    "rejected_rows",
    "audit_log",
)
OF_THIS_RUN = (*HISTORY, "at", "digest", "decided_at", "seen_at", "imported_at")
"""Columns that tell when a run took place."""
OF_THIS_IMPORT = {"group_members": ("valid_from",)}
"""Members of built-in groups belong to them from the import on."""

METERHOUSE = str(Path(sys.executable).parent / "meterhouse")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    simulate(SMALL, folder)
    return folder


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    before = dict(os.environ)
    yield before
    os.environ.clear()
    os.environ.update(before)


def test_figures_are_those_of_sqlite(
    tmp_path: Path, small: Path, postgresql: PostgreSql, environment: dict[str, str]
) -> None:
    def made(name: str) -> House:
        (tmp_path / name).mkdir()
        house = new_house(tmp_path / name)
        fill(house, small, "meters", "customers", "exchanges", "frames")
        return house

    usual = made("sqlite")
    with postgresql.fresh() as url:
        os.environ["METERHOUSE_REGISTRY_URL"] = url
        served = made("postgresql")
        assert not list(tmp_path.glob("postgresql/**/registry.sqlite*"))
        for table in (*FIGURES, *ENTITIES):
            ours, theirs = (rows(house, table) for house in (served, usual))
            assert ours.height > 0 or table in ("groups", "rejected_rows"), table
            assert ours.equals(theirs), (table, [n for n in ours.columns if not ours[n].equals(theirs[n])])
        chain = audit.walk(served.installation.registry)
        assert (chain.events, chain.broken) == (served.ask("from audit_log").height, None)
        served.installation.registry.engine.dispose()


def test_a_registry_moves_there_and_work_goes_on(
    tmp_path: Path, small: Path, postgresql: PostgreSql, environment: dict[str, str]
) -> None:
    """With SQLite up to the last file; then moved, backed up, restored into another database, and the last file."""
    frames = sorted(path for path in (small / "frames").iterdir() if path.is_file())
    moved = new_house(tmp_path)
    fill(moved, small, "meters", "customers", "exchanges")
    assert moved.ingest(*frames[:-1]) == 0
    before = {table: rows(moved, table) for table in (*FIGURES, "frames")}
    home = moved.installation.settings.home
    with postgresql.fresh() as url, postgresql.fresh() as other:
        run = CliRunner().invoke(app, ["registry", "move", "--to", url])
        assert run.exit_code == 0, run.exception
        with pytest.raises(RegistryError, match="was moved to postgresql"):
            Registry.open(moved.installation.settings.registry_address)
        os.environ["METERHOUSE_REGISTRY_URL"] = url
        open_installation.cache_clear()
        served = House(open_installation(home))
        back_up(served.installation, tmp_path / "backups", keep=None, identity="test", now=datetime.now(UTC))
        os.environ["METERHOUSE_REGISTRY_URL"] = other
        restored = restore(tmp_path / "backups", "", tmp_path / "new", identity="test", now=datetime.now(UTC)).house
        prepare_instance(restored.settings.dagster_path)
        enter(restored.settings.home)
        open_installation.cache_clear()
        again = House(open_installation(restored.settings.home))
        for table, figures in before.items():
            assert rows(again, table).equals(figures), table
        assert again.ingest(*frames) == 0
        assert rows(again, "frames").height > before["frames"].height
        assert audit.walk(again.installation.registry).broken is None
        for house in (served, again):
            house.installation.registry.engine.dispose()
        restored.registry.engine.dispose()
    open_installation.cache_clear()


def rows(house: House, table: str) -> pl.DataFrame:
    # Runs are events under a name of their own.
    kind = "where event not like 'run.%'" if table == "audit_log" else ""
    found = house.ask(f"select * from {table} {kind}")
    dropped = (*OF_THIS_RUN, *OF_THIS_IMPORT.get(table, ()))
    kept = found.drop(name for name in dropped if name in found.columns)
    return kept.sort(pl.exclude(pl.Binary).cast(pl.String))


def test_a_registry_that_does_not_answer_is_told_in_a_line(
    tmp_path: Path, small: Path, postgresql: PostgreSql, environment: dict[str, str]
) -> None:
    new_house(tmp_path)
    address = f"postgresql://meterhouse:s3cret@127.0.0.1:{postgresql.port}/postgres"
    done = subprocess.run(
        [METERHOUSE, "import", "meters", str(small / "meters.csv")],
        env={**os.environ, "METERHOUSE_REGISTRY_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "password authentication failed" in done.stderr
    assert "s3cret" not in done.stderr
