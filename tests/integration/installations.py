"""Installations for tests: made in a folder of their own, filled from a simulated fleet."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.installation import Installation, open_installation
from assets.steps.importing import import_file
from cli.ingest import run_ingest
from cli.installation import make
from cli.registry import run_import
from simulator import Fleet, simulate
from tests.registries import new_registry
from warehouse.schemas import RECEPTIONS
from warehouse.sql import Reader, query

FLEET = Fleet(meters=24, days=8, start=date(2025, 10, 20), timezone="Europe/Copenhagen", seed=11)
"""Eight days around the end of summer time, with every incident."""


@dataclass(frozen=True)
class House:
    """An installation and short ways to work with it."""

    installation: Installation

    def ask(self, sql: str) -> pl.DataFrame:
        return query(Reader(self.installation.lake), sql)

    def take(self, kind: str, file: Path) -> int:
        return run_import(self.installation, kind, file)

    def register(self, kind: str, file: Path) -> None:
        """Imports a file and reckons nothing: what comes next does."""
        report = import_file(self.installation, kind, file, identity="local:test", now=datetime.now(UTC))  # type: ignore[arg-type]
        assert report.stored, report.rejected

    def take_text(self, kind: str, text: str) -> int:
        """Imports a file of that text, which lies beside the installation."""
        file = self.installation.settings.home.parent / f"{kind}.csv"
        file.write_text(text)
        return self.take(kind, file)

    def ingest(self, *paths: Path, **options) -> int:
        return run_ingest(self.installation, list(paths), **options)


def new_house(folder: Path) -> House:
    """A new installation; its master key lies beside it."""
    os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(folder / "master.key")
    if "METERHOUSE_REGISTRY_URL" not in os.environ:
        new_registry(folder / "home" / "registry.sqlite")
    home = make(folder / "home", FLEET.timezone)
    enter(home)
    return House(open_installation(home))


def enter(home: Path) -> None:
    """Names the installation to everything this process runs."""
    os.environ["METERHOUSE_HOME"] = str(home)
    os.environ["DAGSTER_HOME"] = str(home / "dagster")


def fill(house: House, fleet: Path, *steps: str) -> None:
    """Takes parts of a fleet's files in an order; before the first frames there is nothing to reckon."""
    for step in steps:
        file = fleet / ("keys_late.csv" if step == "keys_late" else f"{step}.csv")
        if step in ("frames", "frames_late"):
            assert house.ingest(fleet / step) == 0
            continue
        kind = "meters" if step == "keys_late" else step
        if house.installation.lake.version(RECEPTIONS) is None:
            house.register(kind, file)
        else:
            assert house.take(kind, file) == 0


@dataclass(frozen=True)
class Workshop:
    """Where what costs seconds is made once for all test processes; nobody changes what lies there."""

    folder: Path

    def made(self, name: str, make: Callable[[Path], object]) -> Path:
        """A folder of that name; the first one to ask for it has it made."""
        folder = self.folder / name
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                beside = self.folder / f"{name}.half"
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                make(beside)
                beside.rename(folder)
        return folder

    def house(self, name: str, fill: Callable[[House], object]) -> Path:
        """Folder of an installation that somebody fills; work on a copy."""

        def make(folder: Path) -> None:
            with kept_environment():
                fill(new_house(folder))

        return self.made(name, make)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """That of this run of the tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "workshop"
    folder.mkdir(exist_ok=True)
    return Workshop(folder)


@pytest.fixture(scope="session")
def fleet(workshop: Workshop) -> Path:
    """Files of the fleet, and its truth."""
    return workshop.made("fleet", lambda folder: simulate(FLEET, folder))


@contextmanager
def kept_environment() -> Iterator[None]:
    """Undoes what is done to the environment meanwhile."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with kept_environment():
        yield new_house(tmp_path)


def copied(folder: Path, to: Path) -> House:
    """A copy of an installation that :func:`new_house` made in a folder."""
    to.mkdir(exist_ok=True)
    shutil.copytree(folder / "home", to / "home")
    os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(shutil.copy2(folder / "master.key", to))
    enter(to / "home")
    return House(open_installation(to / "home"))


@pytest.fixture(scope="session")
def filled_folder(workshop: Workshop, fleet: Path) -> Path:
    """Folder of an installation that knows the fleet's meters and customers and has all frames that came in time."""
    return workshop.house("filled", lambda house: fill(house, fleet, "meters", "customers", "frames"))


@pytest.fixture(scope="session")
def everything(workshop: Workshop, fleet: Path) -> Path:
    """Folder of an installation that has all of the fleet's files; what is needed came before what needs it."""
    steps = ("meters", "keys_late", "customers", "exchanges", "frames_late", "frames")
    return workshop.house("everything", lambda house: fill(house, fleet, *steps))


@pytest.fixture(scope="session")
def everything_late(workshop: Workshop, fleet: Path) -> Path:
    """The same files in the worst order: frames before their meters, customers after their readings, keys last."""
    steps = ("frames", "meters", "customers", "exchanges", "frames_late", "keys_late")
    return workshop.house("everything-late", lambda house: fill(house, fleet, *steps))


@pytest.fixture
def filled(filled_folder: Path, tmp_path: Path) -> Iterator[House]:
    """A copy of that installation."""
    with kept_environment():
        yield copied(filled_folder, tmp_path)
