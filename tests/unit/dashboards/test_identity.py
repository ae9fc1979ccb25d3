"""Who looks at the pages: what the door's headers say, held against the database at each rerun."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st

from assets.installation import Installation
from dashboards.identity import SESSION_HEADER, USER_HEADER, language_of, person_of, viewer_of
from registry.models import MeterGrant, User
from registry.people import sessions
from registry.people.rights import ACCESS_CONTROL, GROUP_MANAGEMENT, Right
from tests.unit.gateway.doors import PASSWORD, START, add_person, make_house

ANNA = "anna@example.org"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    made = make_house(tmp_path)
    monkeypatch.setenv("METERHOUSE_HOME", str(made.settings.home))
    st.cache_resource.clear()
    yield made
    st.cache_resource.clear()


def signed_in(house: Installation) -> dict[str, str]:
    begun = sessions.sign_in(house.registry, ANNA, PASSWORD, address="192.0.2.1", now=START)
    return {USER_HEADER: str(begun.user.user_id), SESSION_HEADER: begun.token}


def test_person_is_who_holds_the_session(house: Installation) -> None:
    anna = add_person(house.registry, ANNA, manager="user")
    other = add_person(house.registry, "other@example.org", manager="administrator")
    headers = signed_in(house)

    found = person_of(headers, START)
    assert found is not None
    assert (found.user_id, found.roles) == (anna, {"manager": "user"})
    for forged in (
        {},
        {USER_HEADER: str(anna)},
        {**headers, USER_HEADER: str(other)},
        {**headers, SESSION_HEADER: "x"},
    ):
        assert person_of(forged, START) is None
    assert person_of(headers, START + sessions.IDLE + timedelta(seconds=1)) is None
    with house.registry.begin() as session:
        session.get_one(User, anna).is_enabled = False
    assert person_of(headers, START) is None


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ({}, frozenset()),
        ({"portal": "superuser", "keys": "superuser"}, frozenset()),
        ({"manager": "user"}, None),
        ({"analytics": "user"}, None),
    ],
)
def test_pages_are_for_those_who_may_see_all_meters(
    house: Installation, roles: dict[str, str], seen: frozenset[str] | None
) -> None:
    add_person(house.registry, ANNA, **roles)
    person = person_of(signed_in(house), START)
    assert person is not None
    assert viewer_of(person, {}, START).meters == seen


def test_right_to_single_meters_is_one_to_those_alone(house: Installation) -> None:
    anna = add_person(house.registry, ANNA, manager="user")
    with house.registry.begin() as session:
        session.get_one(User, anna).is_external = True
        session.add(
            MeterGrant(
                organisation="default",
                user_id=anna,
                meter_id="KAM-90000001-1b-16",
                valid_from=START,
                granted_by="local:test",
            )
        )
    person = person_of(signed_in(house), START)
    assert person is not None
    assert viewer_of(person, {}, START).meters == {"KAM-90000001-1b-16"}


@pytest.mark.parametrize(
    ("own", "browser", "language"),
    [("de", "fr", "de"), ("es", "pt, fr;q=0.5", "fr"), ("es", "es", "en"), ("es", "", "en")],
)
def test_language_is_the_person_s_own_then_the_browser_s(
    house: Installation, own: str, browser: str, language: str
) -> None:
    anna = add_person(house.registry, ANNA, manager="user")
    with house.registry.begin() as session:
        session.get_one(User, anna).language = own

    person = person_of(signed_in(house), START)

    assert language_of(person, {"Accept-Language": browser}) == language
    assert person is not None
    assert viewer_of(person, {"Accept-Language": browser}, START).language == language


def test_viewer_may_what_the_role_allows(house: Installation) -> None:
    add_person(house.registry, ANNA, manager="superuser")
    person = person_of(signed_in(house), START)
    assert person is not None

    who = viewer_of(person, {}, START)

    assert who.may(Right(GROUP_MANAGEMENT))
    assert not who.may(Right(ACCESS_CONTROL))
    assert who.locale.csv_delimiter == ";"
