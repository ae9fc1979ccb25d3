"""The steps of a run without the orchestrator, and what is left of one that dies among them."""

import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import pytest

from assets.installation import Installation, open_installation
from assets.steps.alerts import evaluate_alerts
from assets.steps.decoding import decode_days
from assets.steps.figures import reckon_figures
from assets.steps.heating import reckon_heating
from assets.steps.info_codes import reckon_info_codes
from assets.steps.landing import frame_files, land_paths, read_landed_files
from assets.steps.leaks import reckon_leaks
from assets.steps.performance import reckon_performance
from assets.steps.radio import reckon_radio
from assets.steps.retention import run
from assets.steps.staleness import stale_days
from assets.steps.validating import validate_figures
from assets.steps.water import reckon_water
from tests.integration.dying_run import METHODS, telling
from tests.integration.installations import House, enter
from warehouse.lake import Lake
from warehouse.schemas import Table

FIGURES = (
    reckon_figures,
    reckon_heating,
    reckon_info_codes,
    reckon_performance,
    reckon_radio,
    reckon_leaks,
    evaluate_alerts,
    reckon_water,
    validate_figures,
)


class _DiedError(BaseException):
    """The run is not to go on."""


def run_steps(house: Installation, files: Path) -> None:
    """Takes files in and reckons what they touch, as a run of the graph does."""
    now = datetime.now(UTC)
    land_paths(house, frame_files([files]), now.date(), now)
    days = sorted({*stale_days(house), now.date()})
    read_landed_files(house, days)
    decode_days(house, days, now)
    reckon_again(house)


def _snapshot(home: Path, left: Path) -> None:
    """Copies an installation in which others may go on writing: what the logs name is there once they are copied."""
    shutil.copytree(home, left, copy_function=_copy, ignore=shutil.ignore_patterns("dagster", "*.parquet"))
    shutil.copytree(home, left, copy_function=_copy, ignore=_but_rows, dirs_exist_ok=True)


def _but_rows(folder: str, names: list[str]) -> list[str]:
    others = [name for name in names if not name.endswith(".parquet")]
    return [name for name in others if name == "dagster" or Path(folder, name).is_file()]


def _copy(file: str, copy: str) -> None:
    """Copies a file, unless it was a temporary one; those that nobody writes to again need no copy of their own."""
    with suppress(FileNotFoundError):
        if file.endswith(".parquet"):
            os.link(file, copy)
        else:
            shutil.copy2(file, copy)


def reckon_again(house: Installation) -> None:
    """Reckons what was touched, as a run of the graph does."""
    for step in FIGURES:
        step(house, datetime.now(UTC))


def dead_retention(house: House, fatal: str, left: Path, now: datetime) -> House:
    """What is left of an installation whose run of retention dies at its first commit to a table.

    Args:
        house: The installation; it is abandoned.
        fatal: The table.
        left: New folder, in which what is left is its ``home``.
        now: Instant of the run.
    """
    left.mkdir()
    home = left / "home"
    died = left_by_death(house.installation.settings.home, lambda it: run(it, identity="test", now=now), {fatal}, home)
    assert died
    enter(home)
    return House(open_installation(home))


def left_by_death(home: Path, work: Callable[[Installation], object], fatal: Collection[str], left: Path) -> str | None:
    """Carries out work until the first commit to one of some tables.

    Args:
        home: The installation; it is abandoned.
        work: What is done.
        fatal: The tables.
        left: Where the installation is copied to at that instant, before anything of the run can clean up: what a
            process that is killed there leaves on the disk.

    Returns:
        The table; ``None`` where the run came to its end, and nothing was copied.
    """
    died, turn = list[str](), Lock()

    def die(table: Table) -> None:
        if table.name not in fatal:
            return
        with turn:
            if not died:
                _snapshot(home, left)
                died.append(table.name)
        raise _DiedError

    with pytest.MonkeyPatch.context() as patched:
        for name in METHODS:
            patched.setattr(Lake, name, telling(getattr(Lake, name), die))
        with suppress(_DiedError):
            enter(home)
            work(open_installation(home))
    return died[0] if died else None
