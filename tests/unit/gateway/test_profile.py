"""The profile: one's own fields, and who can help."""

from html import unescape
from importlib.metadata import version

import pytest

from registry.models import User
from tests.unit.gateway.doors import Served, add_person

ANNA = "anna@example.org"
MINE = {
    "name": "Anna Sample",
    "language": "da",
    "csv_delimiter": ";",
    "thousands_separator": ".",
    "decimal_separator": ",",
}


def test_people_change_their_own_profile(door: Served) -> None:
    number = add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)
    shown = unescape(browser.get("/profile").text)
    assert 'value="Person anna"' in shown
    assert "manager: user" in shown
    assert f"Meterhouse {version('meterhouse')}" in shown
    assert "Gemt." in browser.submit("/profile", **MINE).text
    with door.registry.begin(readonly=True) as session:
        user = session.get_one(User, number)
        assert {name: getattr(user, name) for name in MINE} == MINE
    assert '<option value=";" selected>' in browser.get("/profile").text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": " "}, "between 1 and"),
        ({"decimal_separator": "."}, "cannot have the same separator"),
        ({"language": "tlh"}, "no language on offer"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_changes(door: Served, change: dict[str, str], problem: str) -> None:
    number = add_person(door.registry, ANNA)
    answer = door.signed_in(ANNA).submit("/profile", **{**MINE, **change})
    assert answer.status_code == 422
    assert problem in unescape(answer.text)
    with door.registry.begin(readonly=True) as session:
        assert session.get_one(User, number).name == "Person anna"


def test_nobody_raises_themselves(door: Served) -> None:
    add_person(door.registry, ANNA)
    browser = door.signed_in(ANNA)
    browser.submit("/profile", **MINE, email="other@example.org", is_external="false", role="administrator")
    assert 'value="anna@example.org" disabled' in browser.get("/profile").text


def test_who_can_help_is_told_to_everybody_of_the_organisation(door: Served) -> None:
    add_person(door.registry, ANNA)
    browser = door.signed_in(ANNA)
    assert "Nobody yet" in browser.get("/profile").text
    add_person(door.registry, "kim@example.org", manager="superuser")
    add_person(door.registry, "lee@elsewhere.example", organisation="other", manager="administrator")
    shown = browser.get("/profile").text
    assert "Person kim" in shown
    assert "Person lee" not in shown


def test_the_profile_is_for_who_is_signed_in(door: Served) -> None:
    assert door.browser().get("/profile").status_code == 303
