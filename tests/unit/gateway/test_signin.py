"""Signing in and out, links, passwords, the first administrator: what a browser gets, and what it may send."""

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from http.cookies import SimpleCookie

import pytest
import requests
from sqlalchemy import select

from assets.installation import Installation
from gateway import forms
from gateway.access_log import log_to
from gateway.signin import own_path
from registry import audit
from registry.models import AuditEvent, User, UserSession
from registry.people import domains, invitations, links, tokens
from registry.people.access import roles_of
from registry.people.locale import Locale
from tests.unit.gateway.doors import FIELD, PASSWORD, Browser, Served, add_person, served

ANNA = "anna@example.org"
NEW = "Another horse 8!"
SETUP = "setup-token-of-this-start"


def said(answer: requests.Response) -> str:
    return unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL))


def csrf_of(browser: Browser, path: str) -> str:
    found = FIELD.search(browser.get(path).text)
    assert found
    return found[1]


def test_sign_in_leads_on_and_survives_a_refresh(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    shown = browser.get("/login?next=%2Fconsumption%3Fpoint%3DP-1%26interval%3DDaily").text
    assert 'name="next" value="/consumption?point=P-1&amp;interval=Daily"' in shown
    answer = browser.submit(
        "/login", email=" ANNA@example.org ", password=PASSWORD, next="/consumption?point=P-1&interval=Daily"
    )
    assert answer.headers["location"] == "/consumption?point=P-1&interval=Daily"
    assert [browser.get("/consumption").status_code for _ in range(2)] == [200, 200]


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(door: Served) -> None:
    add_person(door.registry, ANNA)
    browser = door.browser()
    answer = browser.submit("/login", email=ANNA, password=PASSWORD)

    cookie = SimpleCookie(answer.headers["set-cookie"].split(", meterhouse-form")[0])["meterhouse-session"]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    with door.registry.begin() as session:
        assert session.scalars(select(UserSession.digest)).all() == [tokens.digest(cookie.value)]


def test_cookies_under_tls_are_of_this_host_alone(house: Installation) -> None:
    with served(house, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as door:
        add_person(door.registry, ANNA, manager="user")
        https = {"X-Forwarded-Proto": "https"}
        page = requests.get(f"{door.base}/login", headers=https, timeout=20)
        form = SimpleCookie(page.headers["set-cookie"])["__Host-meterhouse-form"]
        assert form["secure"]
        assert form["httponly"]
        assert page.headers["strict-transport-security"]
        answer = requests.post(
            f"{door.base}/login",
            {"csrf": form.value, "email": ANNA, "password": PASSWORD},
            headers={**https, "Origin": door.base, "Cookie": f"__Host-meterhouse-form={form.value}"},
            allow_redirects=False,
            timeout=20,
        )
        token = answer.cookies.get("__Host-meterhouse-session")
        assert token
        plain_name = {"Cookie": f"meterhouse-session={token}", "Accept": "text/html", **https}
        unread = requests.get(f"{door.base}/", headers=plain_name, allow_redirects=False, timeout=20)
        assert unread.status_code == 303, "under TLS the cookie without the prefix is not read: another host can set it"


@pytest.mark.parametrize(
    ("email", "password"), [(ANNA, "wrong"), ("nobody@example.org", PASSWORD), ("", ""), ("off@example.org", PASSWORD)]
)
def test_failures_say_the_same_whatever_failed(door: Served, email: str, password: str) -> None:
    add_person(door.registry, ANNA)
    off = add_person(door.registry, "off@example.org")
    with door.registry.begin() as session:
        session.get_one(User, off).is_enabled = False

    answer = door.browser().submit("/login", email=email, password=password)

    assert answer.status_code == 401
    assert "The sign-in failed: check e-mail address and password, or wait a while" in said(answer)
    assert "meterhouse-session" not in answer.cookies
    assert "wrong" not in answer.text


def test_repeated_failures_lock_out_and_that_ends(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    for _ in range(5):
        assert browser.submit("/login", email=ANNA, password="wrong").status_code == 401

    locked = browser.submit("/login", email=ANNA, password=PASSWORD)
    assert locked.status_code == 401
    assert "wait a while" in said(locked)
    door.clock.pass_by(timedelta(minutes=1))
    assert browser.submit("/login", email=ANNA, password=PASSWORD).status_code == 303
    with door.registry.begin(readonly=True) as session:
        assert "user.lockout" in session.scalars(select(AuditEvent.event)).all()


def test_sign_out_ends_the_session_itself(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)
    kept = dict(browser.cookie_header)

    assert browser.get("/logout").status_code == 200, "a link alone signs nobody out"
    assert browser.get("/").status_code == 200
    answer = browser.submit("/logout")

    assert answer.headers["location"] == "/login"
    assert not browser.session.cookies
    stolen = requests.get(f"{door.base}/", headers={**kept, "Accept": "text/html"}, allow_redirects=False, timeout=20)
    assert stolen.status_code == 303


@pytest.mark.parametrize("path", ["/login", "/logout", "/password", "/activate", "/reset", "/setup"])
@pytest.mark.parametrize("token", [None, "", "invented"])
def test_form_without_its_token_is_refused(door: Served, path: str, token: str | None) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser() if path in ("/login", "/setup") else door.signed_in(ANNA)
    fields = {"email": ANNA, "password": PASSWORD, "again": PASSWORD, "old": PASSWORD, "token": SETUP}

    answer = browser.post(path, {**fields, **({} if token is None else {"csrf": token})})

    assert answer.status_code == 403
    assert "Open the page anew" in said(answer)
    assert "meterhouse-session" not in answer.cookies


def test_token_of_one_browser_does_not_fit_another(door: Served) -> None:
    add_person(door.registry, ANNA)
    add_person(door.registry, "eve@example.org")
    anna, eve = door.signed_in(ANNA), door.signed_in("eve@example.org")

    assert anna.post("/logout", {"csrf": csrf_of(eve, "/logout")}).status_code == 403
    before = csrf_of(door.browser(), "/login")
    assert door.browser().post("/login", {"csrf": before, "email": ANNA, "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_only_forms_are_read(door: Served, kind: str) -> None:
    answer = door.browser().post("/login", b"csrf=x", headers={"Content-Type": kind})
    assert answer.status_code == 403


def test_forms_have_a_largest_size(door: Served) -> None:
    browser = door.browser()
    token = csrf_of(browser, "/login")

    def pieces() -> Iterator[bytes]:
        yield f"csrf={token}&email=".encode()
        yield b"a" * forms.LIMIT

    head = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post("/login", {"csrf": token, "email": "a" * forms.LIMIT}).status_code == 413
    assert browser.post("/login", pieces(), headers={**head, "Origin": door.base}).status_code == 413
    many = "&".join([f"csrf={token}", *(f"f{number}=" for number in range(forms.MAX_FIELDS))])
    assert browser.post("/login", many.encode(), headers={**head, "Origin": door.base}).status_code == 403
    odd = f"csrf={token}&email=%ff".encode()
    assert browser.post("/login", odd, headers={**head, "Origin": door.base}).status_code == 401
    assert browser.post("/login", b"csrf=\xff", headers={**head, "Origin": door.base}).status_code == 403


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example.org/",
        "//elsewhere.example.org",
        "/\\elsewhere.example.org",
        "/\t/elsewhere.example.org",
        "/\n/elsewhere.example.org",
        "javascript:alert(1)",
        "elsewhere",
        "",
        "/logout",
        "/login?next=/",
    ],
)
def test_sign_in_leads_nowhere_else(door: Served, wanted: str) -> None:
    add_person(door.registry, ANNA)
    browser = door.browser()
    answer = browser.post(
        "/login", {"csrf": csrf_of(browser, "/login"), "email": ANNA, "password": PASSWORD, "next": wanted}
    )
    assert answer.headers["location"] == "/"


def test_own_paths_stay_as_they_are() -> None:
    for path in ("/", "/consumption?point=P-1&days=a%2Fb", "/dagster/runs#x"):
        assert own_path(path) == path


def test_password_change_ends_other_sessions_and_lets_on(door: Served) -> None:
    add_person(door.registry, ANNA, must_change_password=True, manager="user")
    browser, other = door.signed_in(ANNA), door.signed_in(ANNA)
    assert browser.get("/").headers["location"] == "/password"
    assert "must be changed" in said(browser.get("/password"))

    for fields, problem in (
        ({"old": PASSWORD, "password": NEW, "again": "else"}, "not the same"),
        ({"old": "wrong", "password": NEW, "again": NEW}, "old password is wrong"),
        ({"old": PASSWORD, "password": "short", "again": "short"}, "at least 8 characters"),
        ({"old": PASSWORD, "password": "Anna-Person-1", "again": "Anna-Person-1"}, "neither your name"),
        ({"old": PASSWORD, "password": PASSWORD, "again": PASSWORD}, "must differ"),
    ):
        refused = browser.submit("/password", **fields)
        assert problem in said(refused)
        assert refused.status_code in (401, 422)
    assert browser.get("/").status_code == 303

    assert "Password changed" in said(browser.submit("/password", old=PASSWORD, password=NEW, again=NEW))
    assert browser.get("/").status_code == 200
    assert other.get("/").headers["location"].startswith("/login")
    assert door.browser().submit("/login", email=ANNA, password=PASSWORD).status_code == 401
    door.browser().sign_in(ANNA, NEW)


def test_what_is_done_at_the_door_is_told_with_the_address_it_came_from(house: Installation) -> None:
    with served(house, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as door:
        add_person(door.registry, ANNA, manager="user")
        browser = door.signed_in(ANNA)
        browser.session.headers["X-Forwarded-For"] = "198.51.100.7"
        browser.submit("/password", old="wrong", password=NEW, again=NEW)
        browser.submit("/password", old=PASSWORD, password=NEW, again=NEW)
        with door.registry.begin(readonly=True) as session:
            told = session.execute(
                select(AuditEvent.event, AuditEvent.computer).where(AuditEvent.event.startswith("user.password"))
            ).all()
        assert told == [("user.password.failed", "198.51.100.7"), ("user.password", "198.51.100.7")]


def invited(door: Served) -> str:
    number = invitations.create(
        door.registry,
        door.door.house.vault,
        "default",
        email=ANNA,
        name="Person anna",
        roles={"manager": "user"},
        locale=Locale(),
        is_external=False,
        identity="local:test",
        now=door.clock(),
    )
    return invitations.send(door.registry, "default", number, identity="local:test", now=door.clock()).token


def test_activation_link_works_once_and_for_a_time(door: Served) -> None:
    add_person(door.registry, "admin@example.org", manager="administrator")
    with door.registry.begin() as session:
        from registry.people.domains import set_domain

        set_domain(session, "default", "example.org", is_allowed=True, identity="local:test", now=door.clock())
    token = invited(door)
    path = f"/activate?token={token}"
    browser = door.browser()

    weak = browser.submit(path, token=token, password="short", again="short")
    assert weak.status_code == 422
    assert f'name="token" value="{token}"' in weak.text, "the link still works"
    assert "Sign in with it now" in said(browser.submit(path, token=token, password=NEW, again=NEW))
    assert door.browser().sign_in(ANNA, NEW).get("/").status_code == 200
    again = browser.submit(path, token=token, password=PASSWORD, again=PASSWORD)
    assert again.status_code == 403
    assert "used" in said(again)

    reset = links.request_reset(door.registry, ANNA, now=door.clock())
    assert reset is not None
    door.clock.pass_by(tokens.TTL + timedelta(seconds=1))
    late = browser.submit(f"/reset?token={reset.token}", token=reset.token, password=PASSWORD, again=PASSWORD)
    assert late.status_code == 403


def test_first_administrator(house: Installation) -> None:
    with served(house, setup_token=SETUP) as door:
        browser = door.browser()
        path = f"/setup?token={SETUP}"
        fields = {"token": SETUP, "email": ANNA, "name": "Person <b>One</b>", "password": NEW, "again": NEW}
        assert browser.get("/setup").status_code == 403
        assert browser.get("/setup?token=guess").status_code == 403
        assert browser.submit(path, **{**fields, "token": "guess"}).status_code == 403
        for wrong, problem in (
            ({"again": "x"}, "not the same"),
            ({"password": "Short 1!", "again": "Short 1!"}, "at least 12 characters"),
            ({"email": "nobody"}, "no e-mail address"),
            ({"name": " "}, "full name"),
        ):
            refused = browser.submit(path, **{**fields, **wrong})
            assert problem in said(refused)
            assert "<b>" not in refused.text
        assert browser.get("/").headers["location"].startswith("/login")

        answer = browser.submit(path, **fields)

        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert browser.get("/api/v1/me").json()["roles"] == {
            "portal": "superuser",
            "keys": "superuser",
            "manager": "administrator",
            "analytics": "administrator",
        }
        assert door.browser().get(path).status_code == 403, "once"
        with door.registry.begin(readonly=True) as session:
            assert roles_of(session, 1)["manager"] == "administrator"
            texts = [str(vars(event)) for event in session.scalars(select(AuditEvent))]
        assert not [text for text in texts if ANNA in text or NEW in text or SETUP in text]
        assert audit.walk(door.registry).broken is None


def test_first_administrator_may_have_an_address_of_another_domain(house: Installation) -> None:
    with served(house, setup_token=SETUP) as door:
        who = {"identity": "local:test", "now": door.clock()}
        domains.allow(door.registry, "default", "elsewhere.example", **who)
        fields = {"token": SETUP, "email": ANNA, "name": "Person One", "password": NEW, "again": NEW}
        browser = door.browser()
        assert browser.submit(f"/setup?token={SETUP}", **fields).status_code == 303
        assert browser.get("/api/v1/me").json()["roles"]["manager"] == "administrator"


def test_without_setup_token_nobody_names_the_first_administrator(door: Served) -> None:
    assert door.browser().get("/setup").status_code == 403
    assert door.browser().get("/setup?token=").status_code == 403


def test_access_log_holds_neither_tokens_nor_names(house: Installation) -> None:
    log_to(house.settings.home / "logs")
    with served(house, setup_token=SETUP) as door:
        anna = add_person(door.registry, ANNA, manager="user")
        browser = door.signed_in(ANNA)
        browser.get(f"/activate?token=secret-token&email={ANNA}")
        browser.get("/a%0Aforged line")
        session_token = browser.session.cookies["meterhouse-session"]
    lines = (house.settings.home / "logs" / "access.log").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if f" user:{anna} GET /activate 200 " in line]
    assert [line for line in lines if " user:- POST /login 303 " in line]
    assert not [line for line in lines if not re.match(r"\d{4}-\d\d-\d\dT[\d:]+Z 127\.0\.0\.1 user:", line)]
    for secret in ("secret-token", "anna", "@", SETUP, session_token, PASSWORD):
        assert secret not in "".join(lines)


def test_busy_registry_is_said(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import text

    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)
    with door.registry.engine.begin() as connection:
        connection.execute(text("ALTER TABLE user_sessions RENAME TO away"))
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "Try again" in said(answer)
    assert browser.get("/api/v1/me").json().keys() == {"error"}
    assert socket.gethostname() not in answer.text
