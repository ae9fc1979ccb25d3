"""What every answer of the door brings along for browsers, and whose name it answers to."""

from http.client import HTTPConnection
from http.cookies import SimpleCookie

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from assets.installation import Installation
from gateway.hosts import Hosts
from settings.model import Gateway
from tests.unit.gateway.doors import PASSWORD, Browser, Served, add_person, served

ANNA = "anna@example.org"
OWN = ("/login", "/activate", "/reset", "/setup", "/forgotten", "/register")
SIGNED_IN = ("/profile", "/password", "/logout", "/dagster/")
OTHERS = ("/", "/consumption", "/media/x.csv", "/api/v1/me", "/api/v1/none", "/health")


@pytest.fixture
def anna(door: Served) -> Browser:
    add_person(door.registry, ANNA, manager="user")
    return door.signed_in(ANNA)


def test_every_answer_brings_its_security_headers(door: Served, anna: Browser) -> None:
    nobody = door.browser()
    answers = [nobody.get(path) for path in (*OWN, *OTHERS)] + [anna.get(path) for path in (*SIGNED_IN, *OTHERS)]
    answers += [nobody.submit("/login", email=ANNA, password="x"), nobody.post("/login", {}), anna.submit("/logout")]
    for answer in answers:
        said, path = answer.headers, answer.request.url
        assert "frame-ancestors 'none'" in said["content-security-policy"] or (
            "frame-ancestors 'self'" in said["content-security-policy"]
        ), path
        assert "object-src 'none'" in said["content-security-policy"] or (
            "default-src 'none'" in said["content-security-policy"]
        ), path
        assert said["x-content-type-options"] == "nosniff", path
        assert said["referrer-policy"] == "same-origin", path
        assert said["x-frame-options"] == "SAMEORIGIN", path
        assert said["cache-control"] == "no-store", path


def test_own_pages_run_no_script_and_go_into_no_frame(door: Served, anna: Browser) -> None:
    for browser, paths in ((door.browser(), OWN), (anna, SIGNED_IN)):
        for path in paths:
            answer = browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'"), path
            assert "frame-ancestors 'none'" in policy
            assert "form-action 'self'" in policy
            assert "script" not in policy
            assert "<script" not in answer.text


def test_policies_are_not_reused(door: Served) -> None:
    policies = {door.browser().get("/login").headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3, "each page has a number of its own for its styles"


def test_every_cookie_is_out_of_reach(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser, set_cookies = door.browser(), []
    for answer in (
        browser.get("/login"),
        browser.submit("/login", email=ANNA, password=PASSWORD),
        browser.get("/profile"),
        browser.submit("/logout"),
    ):
        set_cookies += answer.raw.headers.getlist("set-cookie")
    assert len(set_cookies) >= 4
    for text in set_cookies:
        ((_, cookie),) = SimpleCookie(text).items()
        assert cookie["httponly"], text
        assert cookie["samesite"].lower() == "lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]


def status(door: Served, host: str | None, path: str = "/login") -> tuple[int, str]:
    connection = HTTPConnection(door.base.removeprefix("http://"), timeout=20)
    try:
        connection.putrequest("GET", path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode() + str(answer.headers)
    finally:
        connection.close()


def test_foreign_host_is_refused_and_never_repeated(house: Installation) -> None:
    public = Gateway(public_url="https://meters.example.org")
    with served(Installation(house.settings.model_copy(update={"gateway": public}))) as door:
        assert status(door, "meters.example.org")[0] == 200
        assert status(door, "METERS.example.org")[0] == 200
        assert status(door, "127.0.0.1:8501")[0] == 200, "whoever looks after the machine itself"
        for host in ("evil.example", "meters.example.org.evil.example", "evil.example:443", "192.0.2.1", ""):
            for path in ("/login", "/", "/health", "/api/v1/me", "/oidc/start", "/dagster/"):
                code, text = status(door, host, path)
                assert code == 400, (host, path)
                assert not host or host not in text
        with pytest.raises(InvalidStatus):
            connect(
                door.base.replace("http", "ws") + "/_stcore/stream",
                origin="http://evil.example",
                additional_headers={"Host": "evil.example"},
                proxy=None,
            )


@pytest.mark.parametrize(
    ("host", "with_public", "without"),
    [
        ("meters.example.org", True, False),
        ("localhost:8501", True, True),
        ("[::1]:8501", True, True),
        ("127.0.0.1", True, True),
        ("192.0.2.7:8501", False, True),
        ("evil.example", False, False),
        ("localhost@evil.example", False, False),
        ("evil.example/localhost", False, False),
        ("localhost.evil.example", False, False),
        ("[::1", False, False),
        ("", False, False),
    ],
)
def test_hosts_of_ours(host: str, with_public: bool, without: bool) -> None:
    scope = {"type": "http", "headers": Headers({"host": host}).raw}
    assert Hosts(Gateway(public_url="https://meters.example.org")).admits(scope) is with_public
    assert Hosts(Gateway()).admits(scope) is without
    assert not Hosts(Gateway()).admits({"type": "http", "headers": []})
