"""Nothing passes the door without a session, and nobody names themselves."""

from datetime import timedelta

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from registry.people import sessions, users
from tests.unit.gateway.doors import Served, add_person

ANNA = "anna@example.org"


def test_page_without_session_leads_to_the_sign_in_and_back(door: Served) -> None:
    answer = door.browser().get("/consumption?point=P-1")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fconsumption%3Fpoint%3DP-1"


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/none"])
def test_api_without_session_is_unauthenticated(door: Served, path: str) -> None:
    answer = door.browser().get(path)

    assert answer.status_code == 401
    assert answer.json() == {"error": "Not signed in."}


@pytest.mark.parametrize(
    "path", ["/static/js/index.js", "/_stcore/health", "/_stcore/metrics", "/media/x", "/dagster/"]
)
def test_files_and_inner_routes_are_behind_the_sign_in(door: Served, path: str) -> None:
    assert requests.get(door.base + path, headers={"Accept": "*/*"}, timeout=20).status_code == 401


@pytest.mark.parametrize("path", ["//login", "/login/", "/login/../consumption", "/%6cogin/x", "/setup/x", "/LOGIN"])
def test_only_the_open_paths_themselves_are_open(door: Served, path: str) -> None:
    request = requests.Request("GET", door.base).prepare()
    request.url = door.base + path
    answer = requests.Session().send(request, allow_redirects=False, timeout=20)

    assert answer.status_code == 401


def test_person_is_named_to_what_is_behind_the_door(door: Served) -> None:
    number = add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)

    headers = browser.get("/consumption").json()["headers"]
    assert [value for name, value in headers if name == "x-meterhouse-user"] == [str(number)]
    assert browser.get("/api/v1/me").json() == {
        "user_id": number,
        "organisation": "default",
        "email": ANNA,
        "name": "Person anna",
        "language": "en",
        "roles": {"manager": "user"},
        "is_external": False,
    }


def test_forged_identity_headers_are_dropped(door: Served) -> None:
    anna = add_person(door.registry, ANNA, manager="user")
    forged = {"X-Meterhouse-User": "1000", "x-meterhouse-SESSION": "stolen", "X-Meterhouse-Role": "administrator"}

    assert door.browser().get("/", headers=dict(forged)).status_code == 303
    headers = door.signed_in(ANNA).get("/", headers=dict(forged)).json()["headers"]

    ours = {name: value for name, value in headers if name.startswith("x-meterhouse-")}
    assert ours.keys() == {"x-meterhouse-user", "x-meterhouse-session"}
    assert ours["x-meterhouse-user"] == str(anna)
    assert ours["x-meterhouse-session"] != "stolen"
    assert len([name for name, _ in headers if name.startswith("x-meterhouse-")]) == 2


def test_websocket_without_session_is_refused(door: Served) -> None:
    url = door.base.replace("http", "ws") + "/_stcore/stream"
    for cookie in ("", "meterhouse-session=", "meterhouse-session=invented"):
        with pytest.raises(InvalidStatus) as refused:
            connect(url, origin=door.base, additional_headers={"Cookie": cookie}, proxy=None)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [None, "http://elsewhere.example.org", "null", "https://127.0.0.1:1"])
def test_websocket_from_elsewhere_is_refused(door: Served, origin: str | None) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)
    url = door.base.replace("http", "ws") + "/_stcore/stream"

    with pytest.raises(InvalidStatus):
        connect(url, origin=origin, additional_headers=browser.cookie_header, proxy=None)
    with connect(url, origin=door.base, additional_headers=browser.cookie_header, proxy=None) as open_socket:
        assert "x-meterhouse-user" in open_socket.recv()


@pytest.mark.parametrize("origin", ["http://elsewhere.example.org", "null", ""])
def test_change_from_elsewhere_is_refused(door: Served, origin: str) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)

    assert browser.post("/_stcore/upload_file/x", b"x", headers={"Origin": origin}).status_code == 403
    assert browser.post("/_stcore/upload_file/x", b"x", headers={"Origin": None}).status_code == 403
    assert browser.post("/_stcore/upload_file/x", b"x").status_code == 200


def test_session_ends_when_idle_and_when_old(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)

    for _ in range(20):
        door.clock.pass_by(sessions.IDLE - timedelta(minutes=1))
        assert browser.get("/").status_code == 200, "each request keeps it"
    door.clock.pass_by(sessions.IDLE + timedelta(seconds=1))
    assert browser.get("/").status_code == 303

    browser.sign_in(ANNA)
    for _ in range(int(sessions.ABSOLUTE / timedelta(minutes=20))):
        door.clock.pass_by(timedelta(minutes=20))
        last = browser.get("/").status_code
    door.clock.pass_by(timedelta(minutes=1))
    assert (last, browser.get("/").status_code) == (200, 303)


def test_revoked_session_and_disabled_account_end_at_the_next_request(door: Served) -> None:
    from registry.models import User

    anna = add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)
    users.revoke_sessions(door.registry, "default", anna, identity="local:test", now=door.clock())
    assert browser.get("/").status_code == 303

    browser.sign_in(ANNA)
    with door.registry.begin() as session:
        session.get_one(User, anna).is_enabled = False
    assert browser.get("/api/v1/me").status_code == 401


def test_password_that_must_change_blocks_all_else(door: Served) -> None:
    add_person(door.registry, ANNA, must_change_password=True, manager="administrator")
    browser = door.signed_in(ANNA)

    for path in ("/", "/consumption", "/dagster/"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/password"), path
    assert browser.get("/api/v1/me").status_code == 403
    with pytest.raises(InvalidStatus):
        connect(
            door.base.replace("http", "ws") + "/_stcore/stream",
            origin=door.base,
            additional_headers=browser.cookie_header,
            proxy=None,
        )
    assert browser.get("/logout").status_code == 200


def test_security_headers_are_on_every_answer(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.signed_in(ANNA)

    for answer in (
        browser.get("/"),
        browser.get("/api/v1/none"),
        door.browser().get("/"),
        door.browser().get("/login"),
    ):
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    assert "script-src" not in door.browser().get("/login").headers["content-security-policy"], "no script at all"


def test_health_tells_nothing_but_that(door: Served) -> None:
    assert door.browser().get("/health").text == "ok"
