"""The zone of an installation with figures is changed by one command, and by nothing else."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.installation import Installation, open_installation
from assets.steps.rezoning import FIGURES
from cli.installation import make
from cli.main import app
from registry import audit
from registry.trail import Filter, events
from settings import InstallationError, load
from simulator import Fleet, simulate
from tests.integration.installations import House, enter, fill
from tests.integration.test_truth import HISTORY

COPENHAGEN, LONDON = "Europe/Copenhagen", "Europe/London"
SMALL = Fleet(meters=8, days=3, start=date(2025, 10, 25), timezone=COPENHAGEN, seed=11)


def meterhouse(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def made(folder: Path, zone: str, fleet: Path) -> House:
    os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(folder / "master.key")
    home = make(folder / "home", zone)
    enter(home)
    known = House(open_installation(home))
    fill(known, fleet, "meters", "customers", "exchanges", "frames")
    return known


def figures(known: Installation) -> dict[str, pl.DataFrame]:
    def rows(name: str) -> pl.DataFrame:
        found = known.lake.scan(next(table for table in FIGURES if table.name == name)).collect()
        return found.drop([column for column in HISTORY if column in found.columns])

    return {table.name: rows(table.name).sort(pl.all()) for table in FIGURES}


def opened(home: Path) -> Installation:
    return Installation(load(home))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, environment: None) -> tuple[Installation, dict[str, pl.DataFrame]]:
    """An installation in Copenhagen, and the figures of a fresh one in London."""
    fleet = tmp_path_factory.mktemp("fleet")
    simulate(SMALL, fleet)
    # Its times are local and without offset: they were read in the zone of their arrival, and stay what they are.
    (fleet / "frames" / "receiver-1.rtl_wmbus.txt").unlink()
    fresh = figures(made(tmp_path_factory.mktemp("london"), LONDON, fleet).installation)
    return made(tmp_path_factory.mktemp("copenhagen"), COPENHAGEN, fleet).installation, fresh


def test_a_zone_is_migrated(both: tuple[Installation, dict[str, pl.DataFrame]]) -> None:
    """Dry run, refusal beside a run, migration: in this order, on one installation."""
    known, london = both
    home, before = known.settings.home, figures(known)
    assert not before["consumption_daily"].equals(london["consumption_daily"])

    dry = meterhouse("timezone", "migrate", LONDON, "--dry-run")
    assert dry.exit_code == 0
    assert f"consumption_daily,{before['consumption_daily'].height}" in dry.stdout.splitlines()
    for work in ("decoding", "figures"):
        with known.alone(work):
            refused = meterhouse("timezone", "migrate", LONDON)
            assert f"A run is at work in {home} ({work})" in str(refused.exception)
    for words, reason in (
        ((COPENHAGEN,), "are those of Europe/Copenhagen already"),
        (("London",), "no IANA time zone"),
    ):
        assert reason in str(meterhouse("timezone", "migrate", *words).exception)
    assert opened(home).settings.timezone == COPENHAGEN
    for name, rows in figures(known).items():
        assert rows.equals(before[name]), name

    done = meterhouse("timezone", "migrate", LONDON)
    assert done.exit_code == 0, (done.stderr, done.exception)
    moved = opened(home)
    assert moved.settings.timezone == LONDON
    for name, rows in figures(moved).items():
        assert rows.equals(london[name]), name
    assert london["consumption_daily"].height
    (event,) = events(moved.registry, Filter("default", None, None, "timezone.migrate", None, None), 10)
    assert (event.before, event.after) == ('{"timezone": "Europe/Copenhagen"}', '{"timezone": "Europe/London"}')
    assert audit.walk(moved.registry).broken is None
    with pytest.raises(InstallationError, match="Start again what was started before"):
        _ = Installation(known.settings).registry  # the zone of before


def test_one_that_was_cut_off_is_repeated(
    both: tuple[Installation, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, london = both
    home = known.settings.home

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    there = opened(home).settings.timezone
    back = COPENHAGEN if there == LONDON else LONDON
    with monkeypatch.context() as patch:
        patch.setattr("settings.write_zone", die)
        assert meterhouse("timezone", "migrate", back).exit_code != 0
    with pytest.raises(InstallationError, match="finished by the same command"):
        _ = opened(home).registry
    assert "was cut off: repeat it" in str(meterhouse("timezone", "migrate", "Europe/Athens").exception)
    open_installation.cache_clear()
    assert meterhouse("timezone", "migrate", back).exit_code == 0
    open_installation.cache_clear()
    assert meterhouse("timezone", "migrate", LONDON).exit_code == 0
    for name, rows in figures(opened(home)).items():
        assert rows.equals(london[name]), name


def test_a_zone_of_the_environment_is_refused(
    both: tuple[Installation, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_installation.cache_clear()
    monkeypatch.setenv("METERHOUSE_TIMEZONE", "Europe/Athens")
    assert "is set by METERHOUSE_TIMEZONE" in str(meterhouse("timezone", "migrate", "Europe/Oslo").exception)
    open_installation.cache_clear()
