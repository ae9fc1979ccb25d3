"""Pages as people see them, on the small installation of ``house``."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.viewer import Viewer
from registry.people.rights import AREAS, DATA_ACCESS, MANAGER
from registry.vault import KeyVault
from tests.unit.dashboards import house

ANALYST = Viewer("user:1", house.ORGANISATION, areas={MANAGER: frozenset(AREAS)})
"""Somebody who may do everything; actions ask the registry, which knows nobody of this number."""

READER = Viewer("user:2", house.ORGANISATION, areas={MANAGER: frozenset({DATA_ACCESS})})

OWNER = Viewer("local:test", house.ORGANISATION, areas={MANAGER: frozenset(AREAS)})
"""Somebody whose actions the registry allows."""

Opened = Callable[..., AppTest]


def _draw(name: str) -> None:
    from dashboards.pages import open_page, page_named

    open_page(page_named(name))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small installation, which tests that change nothing share."""
    return house.home_with_figures(tmp_path_factory.mktemp("filled") / "home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small installation for a test that changes it."""
    made = house.home_with_figures(tmp_path / "home")
    monkeypatch.setenv("METERHOUSE_HOME", str(made))
    return made


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyVault:
    """A master key for it."""
    key = tmp_path / "master.key"
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_FILE", str(key))
    return KeyVault.create(key)


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with what goes on in it; shared, too."""
    return house.home_in_operation(tmp_path_factory.mktemp("operated") / "home")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test sees what another one has opened."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, filled: Path) -> Opened:
    """Opens a page: ``open_page(name, home=..., viewer=..., parameter=...)``; the shared installation by default."""

    def opened(name: str, *, home: Path = filled, viewer: Viewer = ANALYST, **parameters: str | list[str]) -> AppTest:
        monkeypatch.setenv("METERHOUSE_HOME", str(home))
        st.cache_resource.clear()
        app = AppTest.from_function(_draw, default_timeout=30, kwargs={"name": name})
        app.session_state["viewer"] = viewer
        for parameter, value in parameters.items():
            app.query_params[parameter] = value
        return app.run()

    return opened


def figures(app: AppTest) -> dict[str, str]:
    """The key figures of a page by their labels, with plain blanks."""
    assert not app.exception
    return {metric.label: metric.value.replace("\N{NARROW NO-BREAK SPACE}", " ") for metric in app.metric}


def messages(app: AppTest) -> str:
    """All sentences that a page says."""
    assert not app.exception
    said = (*app.info, *app.warning, *app.error, *app.success, *app.caption)
    return " ".join(str(element.value) for element in said)


def pick(app: AppTest, table: str, *rows: int) -> AppTest:
    """Chooses rows of a table's first page by their numbers."""
    (key,) = [shown.key for shown in app.dataframe if shown.key and shown.key.startswith(f"{table}_rows_1")]
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()
