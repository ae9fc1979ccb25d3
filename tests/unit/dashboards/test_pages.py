"""The page map: who sees and reaches which page, and that every page is what the map says."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import pages
from dashboards.handbook import FILE, handbook
from dashboards.page import Page
from dashboards.viewer import SEE, Viewer
from dashboards.words import LANGUAGES, words_in
from registry.people.rights import AREAS, DATA_ACCESS, KEYS, MANAGER, SYSTEM_CONFIGURATION, Right
from settings.features import FEATURES
from tests.conftest import REPOSITORY
from tests.unit.dashboards.conftest import READER, Opened, messages

APP = str(REPOSITORY / "dashboards" / "app.py")
EVERY = list(pages.every_page())


def test_areas_are_those_that_people_know() -> None:
    assert list(pages.AREAS) == ["home", "meters", "analysis", "operation", "configuration"]


def test_every_page_has_a_place_of_its_own_and_features_there_are() -> None:
    names = [page.name for page in EVERY]
    assert len(set(names)) == len(names)
    assert {page.feature for page in EVERY if page.feature} <= FEATURES.keys()
    assert all(page.rights for page in EVERY)


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_title_and_help(page: Page, language: str) -> None:
    say = words_in(language, "UTC")
    assert say(f"page.{page.name}").strip()
    assert len(say(f"help.{page.name}")) > 100


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_page_is_neither_seen_nor_reached_without_the_right(open_page: Opened, page: Page) -> None:
    others = {MANAGER: frozenset(AREAS) - {right.area for right in page.rights}}
    nobody = Viewer("user:3", "default", areas=others)

    app = open_page(page.name, viewer=nobody)

    assert "is not open to your account" in messages(app)
    assert not app.metric
    assert not app.dataframe
    assert page.name not in pages.reachable(nobody)


def test_right_of_another_service_is_none() -> None:
    assert not Viewer("user:1", "default", areas={KEYS: frozenset({DATA_ACCESS})}).may(*SEE)
    assert READER.may(*SEE)
    assert not READER.may(Right(SYSTEM_CONFIGURATION))
    assert not READER.may(Right(DATA_ACCESS, capability="otc_admin"))


@pytest.mark.parametrize("page", [page for page in EVERY if page.feature], ids=lambda page: page.name)
def test_page_of_a_feature_that_is_off_says_so(open_page: Opened, monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    monkeypatch.setenv("METERHOUSE_FEATURES", f'{{"{page.feature}": false}}')

    app = open_page(page.name)

    assert f"{page.feature} = true" in messages(app)
    assert not app.metric
    assert page.name not in pages.reachable(READER)


def test_script_shows_nothing_to_who_did_not_come_through_the_door(
    monkeypatch: pytest.MonkeyPatch, filled: Path
) -> None:
    monkeypatch.setenv("METERHOUSE_HOME", str(filled))
    app = AppTest.from_file(APP, default_timeout=30).run()

    assert "You are signed out" in messages(app)
    assert not app.metric
    assert not app.dataframe


@pytest.mark.parametrize(("number", "page"), list(enumerate(EVERY)), ids=lambda value: getattr(value, "name", ""))
def test_pages_open_in_other_languages(open_page: Opened, number: int, page: Page) -> None:
    language = sorted(LANGUAGES)[number % len(LANGUAGES)]  # the texts of each are compared one by one elsewhere
    app = open_page(page.name, viewer=replace(READER, language=language))

    assert not app.exception
    assert app.title[0].value == words_in(language, "UTC")(f"page.{page.name}")


def test_document_of_the_pages_says_what_their_help_says() -> None:
    assert FILE.read_text(encoding="utf-8") == handbook(), "write it anew: python -m dashboards.handbook"
