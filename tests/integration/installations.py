"""Installations for tests: made in a folder of their own, filled from a simulated fleet."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.installation import Installation, open_installation
from cli.ingest import run_ingest
from cli.installation import make
from cli.registry import run_import
from simulator import Fleet, simulate
from tests.registries import new_registry
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


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    simulate(FLEET, folder)
    return folder


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
    shutil.copytree(folder / "home", to / "home")
    os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(shutil.copy2(folder / "master.key", to))
    enter(to / "home")
    return House(open_installation(to / "home"))


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory, fleet: Path) -> Path:
    """Folder of an installation that knows the fleet's meters and customers and has all frames that came in time."""
    folder = tmp_path_factory.mktemp("filled")
    with kept_environment():
        made = new_house(folder)
        for kind in ("meters", "customers"):
            made.take(kind, fleet / f"{kind}.csv")
        assert made.ingest(fleet / "frames") == 0
    return folder


@pytest.fixture
def filled(filled_folder: Path, tmp_path: Path) -> Iterator[House]:
    """A copy of that installation."""
    with kept_environment():
        yield copied(filled_folder, tmp_path)
