"""Sign-in with an OpenID Connect provider: a small real one over HTTP that signs real tokens."""

import base64
import hashlib
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from assets.installation import Installation
from registry.models import User
from registry.people import invitations, throttle
from registry.people.access import roles_of
from registry.people.domains import set_domain
from registry.people.locale import Locale
from settings import InstallationError
from settings.model import Oidc
from tests.conftest import require
from tests.unit.gateway.doors import Browser, Served, add_person, listening, make_house, served

try:
    import authlib
    from joserfc import jwt
    from joserfc.jwk import KeySet, OctKey, RSAKey
except ImportError:
    authlib = None

ANNA = "anna@example.org"
CLIENT, SECRET = "meterhouse", "secret-of-the-client"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib.*")


@pytest.fixture(autouse=True, scope="module")
def needs_authlib() -> None:
    require(authlib is not None, "Authlib is not installed (extra oidc)")


@dataclass
class IdentityProvider:
    """A provider with one account; what it does wrong is set by the test."""

    issuer: str = ""
    claims: dict[str, Any] = field(
        default_factory=lambda: {"email": ANNA, "email_verified": True, "name": "Person anna"}
    )
    userinfo: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], None] = lambda _: None
    sign_with: Any = None
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256"})
    metadata_change: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    described: int = 0

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1", "alg": "RS256"}, auto_kid=False)
        paths = {
            "/.well-known/openid-configuration": self.metadata,
            "/authorize": self.authorize,
            "/jwks": self.jwks,
            "/userinfo": self.about,
        }
        routes = [Route(path, endpoint) for path, endpoint in paths.items()]
        self.app = Starlette(routes=[*routes, Route("/token", self.token, methods=["POST"])])

    async def metadata(self, _: Request) -> Response:
        self.described += 1
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "jwks",
            "userinfo_endpoint": "userinfo",
        }
        endpoints = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return JSONResponse({"issuer": self.issuer, **endpoints, **self.metadata_change})

    async def jwks(self, _: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 303)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {basic}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        self.change(claims)
        signed = jwt.encode(
            {"kid": "1", **self.header}, claims, self.sign_with or self.key, algorithms=[self.header["alg"]]
        )
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": signed})

    async def about(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer access"
        return JSONResponse(self.userinfo)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    found = IdentityProvider()
    with listening(found.app) as found.issuer:
        yield found


def with_provider(house: Installation, issuer: str, folder: Path, **settings: Any) -> Installation:
    (folder / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    oidc = Oidc(
        issuer=issuer, client_id=CLIENT, client_secret_file=folder / "secret", name="Example Utility", **settings
    )
    return Installation(house.settings.model_copy(update={"oidc": oidc}))


@pytest.fixture
def door(provider: IdentityProvider, tmp_path: Path) -> Iterator[Served]:
    with served(with_provider(make_house(tmp_path), provider.issuer, tmp_path)) as found:
        found.clock.at = datetime.now(UTC)  # tokens are signed by the real clock
        yield found


def to_provider(browser: Browser, path: str = "/oidc/start") -> str:
    """Follows to the provider; gives the path by which it sends the browser back."""
    started = browser.get(path)
    assert started.status_code == 303, started.text
    back = requests.get(started.headers["location"], allow_redirects=False, timeout=20)
    assert back.headers["location"].startswith(browser.base)
    return back.headers["location"].removeprefix(browser.base)


def test_person_signs_in_with_the_provider(door: Served) -> None:
    anna = add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    assert "Sign in with Example Utility" in browser.get("/login").text

    answer = browser.get(to_provider(browser, "/oidc/start?next=/consumption%3Fpoint%3DP-1"))

    assert (answer.status_code, answer.headers["location"]) == (303, "/consumption?point=P-1")
    assert browser.get("/api/v1/me").json()["user_id"] == anna
    assert "meterhouse-oidc" not in browser.session.cookies


def test_request_to_the_provider_is_bound_to_this_sign_in(door: Served) -> None:
    asked = [parse_qs(urlsplit(door.browser().get("/oidc/start").headers["location"]).query) for _ in range(2)]

    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43
    assert SECRET not in str(asked)


def refused(answer: requests.Response) -> str:
    assert answer.status_code == 403
    assert "meterhouse-session" not in answer.cookies
    return answer.text


def test_answer_of_another_browser_is_refused(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    one, other = door.browser(), door.browser()
    path = to_provider(one)
    to_provider(other)

    assert "not to a sign-in of this browser" in refused(other.get(path))
    assert "not to a sign-in of this browser" in refused(door.browser().get(path))
    assert "not to a sign-in of this browser" in refused(one.get(path.replace("state=", "state=x")))
    assert "not to a sign-in of this browser" in refused(one.get(path)), "the sign-in ended with the wrong answer"


def test_code_works_once(door: Served) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    path = to_provider(browser)
    kept = dict(browser.cookie_header)
    assert browser.get(path).status_code == 303

    again = requests.get(door.base + path, headers=kept, allow_redirects=False, timeout=20)
    assert "did not redeem the code" in refused(again)
    cancelled = door.browser()
    state = path.partition("state=")[2]
    assert "browser" in refused(cancelled.get(f"/oidc/callback?error=access_denied&state={state}"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("another issuer", lambda claims: claims.update(iss="https://elsewhere.example.org")),
        ("another client", lambda claims: claims.update(aud="another")),
        ("several clients", lambda claims: claims.update(aud=[CLIENT, "another"])),
        ("asked by another client", lambda claims: claims.update(azp="another")),
        ("another sign-in", lambda claims: claims.update(nonce="another")),
        ("no sign-in", lambda claims: claims.pop("nonce")),
        ("expired", lambda claims: claims.update(exp=int(time.time()) - 120)),
        ("without end", lambda claims: claims.pop("exp")),
        ("from the future", lambda claims: claims.update(iat=int(time.time()) + 3600)),
        ("nobody", lambda claims: claims.pop("sub")),
        ("unverified address", lambda claims: claims.update(email_verified=False)),
        ("address said to be verified", lambda claims: claims.update(email_verified="true")),
        ("nothing about the address", lambda claims: claims.pop("email_verified")),
        ("no address", lambda claims: claims.pop("email")),
    ],
)
def test_token_that_does_not_hold_is_refused(
    door: Served, provider: IdentityProvider, name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    add_person(door.registry, ANNA, manager="user")
    provider.change = change
    browser = door.browser()

    text = refused(browser.get(to_provider(browser)))
    assert "Sign-in failed" in text
    assert ANNA not in text


def test_token_of_another_key_or_no_key_is_refused(door: Served, provider: IdentityProvider) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    provider.sign_with = RSAKey.generate_key(2048, parameters={"kid": "1"}, auto_kid=False)
    assert "does not hold" in refused(browser.get(to_provider(browser)))
    # The classic confusion: the public key as the secret of a symmetric signature.
    provider.sign_with, provider.header = OctKey.import_key(provider.key.as_pem(private=False).hex()), {"alg": "HS256"}
    assert "does not hold" in refused(browser.get(to_provider(browser)))


def test_address_may_come_from_the_user_information(door: Served, provider: IdentityProvider) -> None:
    add_person(door.registry, ANNA, manager="user")
    provider.userinfo = {"sub": "subject-1", **provider.claims}
    provider.claims = {}
    browser = door.browser()
    assert browser.get(to_provider(browser)).status_code == 303

    provider.userinfo["sub"] = "subject-2"
    assert "somebody else" in refused(browser.get(to_provider(browser)))


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://elsewhere.example.org"},
        {"authorization_endpoint": "http://elsewhere.example.org/authorize"},
        {"authorization_endpoint": None},
    ],
)
def test_provider_that_describes_itself_wrongly_is_refused(
    door: Served, provider: IdentityProvider, change: dict[str, Any]
) -> None:
    provider.metadata_change = change
    assert "Sign-in failed" in refused(door.browser().get("/oidc/start"))


def test_provider_that_is_away_is_said(tmp_path: Path) -> None:
    with served(with_provider(make_house(tmp_path), "http://127.0.0.1:9", tmp_path)) as door:
        assert "does not answer as it should" in refused(door.browser().get("/oidc/start"))
        assert door.browser().get("/login").status_code == 200


def test_description_of_the_provider_is_kept_for_minutes(door: Served, provider: IdentityProvider) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser = door.browser()
    assert browser.get(to_provider(browser)).status_code == 303
    assert door.browser().get("/oidc/start").status_code == 303
    assert provider.described == 1
    provider.metadata_change = {"issuer": "https://elsewhere.example.org"}
    door.clock.pass_by(timedelta(minutes=6))
    refused(door.browser().get("/oidc/start"))
    assert provider.described == 2, "what does not hold is not kept"


@contextmanager
def silent() -> Iterator[socket.socket]:
    """A provider that takes connections and never answers, until it is closed."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


def test_a_silent_provider_stalls_nobody_else(tmp_path: Path) -> None:
    with (
        silent() as listener,
        served(with_provider(make_house(tmp_path), f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path)) as door,
    ):
        add_person(door.registry, ANNA, manager="user")
        anna = door.signed_in(ANNA)
        with ThreadPoolExecutor(50) as crowd:
            asked = [crowd.submit(door.browser().get, "/oidc/start") for _ in range(50)]
            try:
                time.sleep(1)
                began = time.monotonic()
                assert anna.get("/api/v1/me").status_code == 200
                assert door.browser().get("/login").status_code == 200
                door.signed_in(ANNA)
                assert time.monotonic() - began < 5
                answered = [answer.result() for answer in islice(as_completed(asked, timeout=6), 40)]
                assert {answer.status_code for answer in answered} == {503}
                assert "are under way" in answered[0].text
            finally:
                listener.close()


def test_sign_ins_that_nobody_finishes_lock_their_address_for_a_while(door: Served, provider: IdentityProvider) -> None:
    add_person(door.registry, ANNA, manager="user")
    for _ in range(3):
        browser = door.browser()
        assert browser.get(to_provider(browser)).status_code == 303, "those that succeed do not count"
    browser = door.browser()
    back = to_provider(browser)
    for _ in range(throttle.PROVIDER.free - 1):
        assert browser.get("/oidc/start").status_code == 303
    assert door.browser().get("/oidc/start").status_code == 429
    assert browser.get(back).status_code == 403, "another sign-in has begun in that browser"
    door.clock.pass_by(throttle.PROVIDER.first + timedelta(seconds=1))
    assert browser.get(to_provider(browser)).status_code == 303


def test_invented_codes_lock_their_address_for_a_while(door: Served) -> None:
    browser = door.browser()
    state = to_provider(browser).partition("state=")[2]
    kept = dict(browser.cookie_header)

    def answer() -> int:
        path = f"/oidc/callback?code=invented&state={state}"
        return requests.get(door.base + path, headers=kept, allow_redirects=False, timeout=20).status_code

    assert {answer() for _ in range(throttle.PROVIDER.free)} == {403}
    assert answer() == 429


def test_who_has_no_account_is_refused_unless_the_domain_is_admitted(
    provider: IdentityProvider, tmp_path: Path
) -> None:
    house = make_house(tmp_path)
    with served(with_provider(house, provider.issuer, tmp_path)) as door:
        door.clock.at = datetime.now(UTC)
        add_person(door.registry, "admin@example.org", manager="administrator")
        with door.registry.begin() as session:
            set_domain(session, "default", "example.org", is_allowed=True, identity="local:test", now=door.clock())
        browser = door.browser()
        assert "no account for you" in refused(browser.get(to_provider(browser)))
    with served(with_provider(house, provider.issuer, tmp_path, admits_domains=True)) as door:
        door.clock.at = datetime.now(UTC)
        browser = door.browser()
        assert browser.get(to_provider(browser)).status_code == 303
        assert browser.get("/api/v1/me").json()["roles"] == {"portal": "user"}
        provider.claims["email"] = "eve@elsewhere.example.net"
        assert "no account for you" in refused(browser.get(to_provider(browser)))


def test_invitation_is_taken_by_signing_in_unless_it_is_held(door: Served, provider: IdentityProvider) -> None:
    add_person(door.registry, "admin@example.org", manager="administrator")
    with door.registry.begin() as session:
        set_domain(session, "default", "example.org", is_allowed=True, identity="local:test", now=door.clock())
    browser = door.browser()
    for email in (ANNA, "partner@elsewhere.example.net"):
        invitations.create(
            door.registry,
            door.door.house.vault,
            "default",
            email=email,
            name="Person",
            roles={"manager": "user"},
            locale=Locale(),
            identity="local:test",
            now=door.clock(),
        )
    assert browser.get(to_provider(browser)).status_code == 303
    with door.registry.begin(readonly=True) as session:
        anna = session.query(User).filter_by(email=ANNA).one()
        assert anna.activated_at is not None
        assert roles_of(session, anna.id) == {"portal": "user", "manager": "user"}
    provider.claims["email"] = "partner@elsewhere.example.net"
    assert "no account for you" in refused(browser.get(to_provider(browser)))


def test_disabled_account_stays_out(door: Served) -> None:
    anna = add_person(door.registry, ANNA, manager="user")
    with door.registry.begin() as session:
        session.get_one(User, anna).is_enabled = False
    browser = door.browser()
    assert "no account for you" in refused(browser.get(to_provider(browser)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"issuer": "http://identity.example.org", "client_id": CLIENT}, "https"),
        ({"issuer": "https://identity.example.org"}, "CLIENT_ID"),
        (
            {"issuer": "https://identity.example.org", "client_id": CLIENT, "client_secret_file": "/nowhere"},
            "SECRET_FILE",
        ),
    ],
)
def test_settings_that_do_not_hold_are_named(settings: dict[str, Any], said: str) -> None:
    from gateway.oidc import Provider

    with pytest.raises(InstallationError, match=said):
        Provider(Oidc(**settings))
