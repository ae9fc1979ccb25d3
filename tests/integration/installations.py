"""Installations for tests: made in a folder of their own, filled from a simulated fleet."""

import os
from collections.abc import Iterator
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


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    before = dict(os.environ)
    yield new_house(tmp_path)
    os.environ.clear()
    os.environ.update(before)
