"""What is read before somebody opens the first pages."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import streamlit as st

from assets.installation import Installation, open_installation
from dashboards import ahead
from dashboards.remembering import Memory, recalled
from registry.errors import RegistryError
from tests.unit.dashboards.conftest import ANALYST, Opened
from tests.unit.dashboards.house import ORGANISATION, OTHER
from warehouse.excerpt import Readable
from warehouse.schemas import METERS


@pytest.fixture
def house(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("METERHOUSE_HOME", str(filled))
    return open_installation(filled)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the queries that were asked of the tables."""
    names: set[str] = set()
    put = Memory.put

    def noted(self: Memory, key: tuple[object, ...], kept: object) -> None:
        names.add(str(key[2]))
        put(self, key, kept)  # type: ignore[arg-type]

    monkeypatch.setattr(Memory, "put", noted)
    return names


NAMES = {f"{query.__module__}.{query.__qualname__}" for query, _ in ahead.ASKED}


def test_the_first_page_and_the_map_ask_nothing_again_that_was_read_ahead(
    house: Installation, asked: set[str], open_page: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead.read_ahead(house)
    assert asked == NAMES

    monkeypatch.setattr(st.cache_resource, "clear", lambda: None)  # what is remembered is what this is about
    asked.clear()
    for page in ("home", "map"):
        assert not open_page(page).exception
    assert asked, "what depends on policies is asked by the pages"
    assert not asked & NAMES


def test_pages_ask_all_of_it_where_nothing_was_read_ahead(asked: set[str], open_page: Opened) -> None:
    for page in ("home", "map"):
        assert not open_page(page).exception
    assert asked > NAMES


def test_who_sees_single_meters_is_shown_nothing_that_was_read_for_others(
    house: Installation, asked: set[str], open_page: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead.read_ahead(house)
    monkeypatch.setattr(st.cache_resource, "clear", lambda: None)
    asked.clear()
    open_page("home", viewer=replace(ANALYST, meters=frozenset({OTHER})))
    assert asked & NAMES


def test_who_asks_at_the_same_time_waits_for_one_answer(house: Installation) -> None:
    asked: list[str] = []

    def slow(lake: Readable, organisation: str) -> str:
        asked.append(organisation)
        time.sleep(0.2)
        return f"{organisation} {lake.scan(METERS).select(pl.len()).collect().item()}"

    def ask(_: int) -> str:
        return recalled(house.lake, ORGANISATION, None, slow)

    with ThreadPoolExecutor(3) as pool:
        answers = {*pool.map(ask, range(3))}
    assert len(answers) == 1
    assert asked == [ORGANISATION]


def test_it_is_read_for_few_organisations_however_many_there_are(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[str] = []
    monkeypatch.setattr(ahead.organisations, "visible", lambda *_: [f"o{number}" for number in range(40)])
    monkeypatch.setattr(ahead, "recalled", lambda lake, owner, *_: owners.append(owner))

    ahead.read_ahead(house)

    assert list(dict.fromkeys(owners)) == [f"o{number}" for number in range(ahead.MOST_OWNERS)]


def test_a_registry_that_is_away_is_told_by_its_kind_alone(
    house: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> list[str]:
        raise RegistryError("The registry of Harbour Street cannot be opened.")

    monkeypatch.setattr(ahead.organisations, "visible", away)
    with caplog.at_level(logging.WARNING, "dashboards"):
        ahead.read_ahead(house)
    assert caplog.messages == ["Nothing is read ahead for the pages: RegistryError."]


def test_it_is_read_again_and_again_until_the_door_closes(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[int] = []
    thrice = threading.Event()

    def read(_: Installation) -> None:
        times.append(1)
        if len(times) == 3:
            thrice.set()

    monkeypatch.setattr(ahead, "read_ahead", read)
    with ahead.reading_ahead(house, every_s=0.01):
        assert thrice.wait(10)
    done = len(times)
    assert "reading ahead" not in {thread.name for thread in threading.enumerate()}
    assert len(times) == done
