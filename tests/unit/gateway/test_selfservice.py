"""What people do without an administrator: letters with links, which say nothing of who has an account."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from assets.installation import Installation
from registry import mail
from registry.models import User
from registry.people import domains, throttle
from settings.model import Gateway, Smtp
from tests.unit.gateway.doors import FIELD, PASSWORD, Served, add_person, make_house, served

ANNA = "anna@example.org"
NEW = "Another horse 8!"
PUBLIC = "https://meters.example.org"


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    made = make_house(tmp_path)
    mailing = {"smtp": Smtp(host="smtp.example.org"), "gateway": Gateway(public_url=PUBLIC)}
    return Installation(made.settings.model_copy(update=mailing))


@pytest.fixture
def door(house: Installation) -> Iterator[Served]:
    with served(house) as found:
        domains.allow(found.registry, "default", "example.org", identity="local:test", now=found.clock())
        yield found


def outbox(door: Served, messages: int = 1) -> list[mail.Entry]:
    """What waits or has gone; letters are written after the answer, so that as many are waited for."""
    deadline = time.monotonic() + 10
    while True:
        with door.registry.begin(readonly=True) as session:
            entries = mail.entries(session, "default")
        if len(entries) >= messages or time.monotonic() > deadline:
            return entries
        time.sleep(0.02)


def letter(door: Served) -> str:
    """The text of the message that waits."""
    assert outbox(door)
    mail_id = mail.claim(door.registry, door.clock())
    assert mail_id, outbox(door)
    due = mail.compose(door.registry, door.door.house.vault, mail_id, door.clock())
    assert due
    mail.sent(door.registry, mail_id, door.clock())
    return due.content.text


def path_in(text: str) -> str:
    found = re.search(rf"{PUBLIC}(/\S+\?token=\S+)", text)
    assert found, text
    return found[1]


def test_who_forgot_the_password_is_sent_a_link_that_works_once(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    assert 'href="/forgotten"' in browser.get("/login").text
    known = browser.submit("/forgotten", email=f" {ANNA.upper()} ")
    unknown = browser.submit("/forgotten", email="nobody@example.org")
    bodies = [re.sub(r'nonce="[^"]+"', "", answer.text) for answer in (known, unknown)]
    assert bodies[0] == bodies[1], "the answer does not tell whether there is an account"
    assert [entry.kind for entry in outbox(door)] == ["password_reset"]
    text = letter(door)
    assert "2026-03-02 13:00 CET" in text, "four hours later, in the zone of the utility"
    path = path_in(text)
    assert path.startswith("/reset?token=")
    assert "is set" in browser.submit(path, token=path.partition("=")[2], password=NEW, again=NEW).text
    assert browser.submit(path, token=path.partition("=")[2], password=NEW, again=NEW).status_code == 403

    assert door.browser().sign_in(ANNA, NEW).get("/consumption").status_code == 200


def test_a_second_letter_withdraws_the_first(door: Served) -> None:
    add_person(door.registry, ANNA)
    browser = door.browser()
    for _ in range(2):
        browser.submit("/forgotten", email=ANNA)
        outbox(door)
        door.clock.pass_by(timedelta(seconds=1))
    newest, oldest = outbox(door, 2)
    assert (newest.state, oldest.state) == ("queued", "failed")
    assert "works no longer" in (oldest.error or "")


def test_an_account_of_ones_own_has_no_access_until_it_is_given(door: Served) -> None:
    browser = door.browser()
    refused = browser.submit("/register", email="x@elsewhere.example", name="Person X")
    assert refused.status_code == 422
    assert "ask for an invitation" in refused.text
    assert 'value="Person X"' in refused.text
    add_person(door.registry, "taken@example.org")
    nameless = {browser.submit("/register", email=f"{who}@example.org", name=" ").status_code for who in ("taken", "x")}
    assert nameless == {422}, "what is wrong is said whether there is an account"
    page = browser.get("/register", headers={"Accept-Language": "de-AT,de;q=0.9"})
    token = FIELD.search(page.text)
    assert token
    fields = {"csrf": token[1], "email": ANNA, "name": "Person Anna"}
    answer = browser.post("/register", fields, headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert "unterwegs" in answer.text
    assert "on its way" in browser.submit("/register", email=ANNA, name="Somebody Else").text, "taken: not shown"
    (entry,) = outbox(door)
    assert (entry.kind, entry.language) == ("confirm_address", "de")
    path = path_in(letter(door))
    browser.submit(path, token=path.partition("=")[2], password=PASSWORD, again=PASSWORD)
    with door.registry.begin(readonly=True) as session:
        user = session.scalars(select(User).where(User.email == ANNA)).one()
        assert (user.name, user.activated_at) == ("Person Anna", door.clock())


def test_letters_are_throttled_by_address(door: Served) -> None:
    add_person(door.registry, ANNA)
    browser = door.browser()
    answers = [browser.submit("/forgotten", email="nobody@example.org") for _ in range(throttle.LETTERS.free + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert "wait a while" in unescape(answers[-1].text)
    assert browser.submit("/register", email=ANNA, name="A").status_code == 429
    door.clock.pass_by(throttle.LETTERS.forget)
    assert browser.submit("/forgotten", email=ANNA).status_code == 200


def test_without_a_mail_server_nothing_is_promised(tmp_path: Path) -> None:
    with served(make_house(tmp_path / "other")) as door:
        browser = door.browser()
        assert "Ask one of your administrators" in browser.get("/login").text
        for path in ("/forgotten", "/register"):
            answer = browser.get(path)
            assert answer.status_code == 404
            assert "No letters are sent from here" in answer.text
