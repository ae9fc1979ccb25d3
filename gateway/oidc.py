"""Sign-in with an OpenID Connect provider: authorisation code with PKCE, state and nonce.

The provider says who somebody is; what the person may do stays in the registry. Needs Authlib (the extra ``oidc``).
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.fernet import Fernet, InvalidToken
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.authentication import client_address
from gateway.cookies import is_secure, oidc_cookie
from gateway.door import Door
from gateway.rendering import message_page
from gateway.signin import own_path, to_sign_in, with_session
from gateway.wording import texts_of
from registry.people import vouching
from registry.people.errors import PeopleError, ThrottledError
from settings import InstallationError
from settings.model import Oidc

SCOPES = "openid email profile"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures that are believed: those of a private key that the provider alone holds."""

CALLBACK = "/oidc/callback"
_PENDING_S = 600
_TIMEOUT_S = 10
_LEEWAY_S = 60
_ANSWER_LIMIT = 2**20
_KEPT = timedelta(minutes=5)
"""How long the provider's description of itself is believed."""

_PLACES, _PATIENCE_S = 8, 3
"""Threads that may wait for the provider at once, of those that look up sessions, too; and how long others wait [s]."""


class OidcError(Exception):
    """The provider's answer does not hold; the message says which part, and shows none of it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that has gone to the provider and not come back yet; the browser keeps it, encrypted.

    Attributes:
        state: What ties the answer to this browser.
        nonce: What ties the token to this sign-in.
        verifier: What ties the code to this sign-in (PKCE).
        wanted: Path to go on to.
    """

    state: str
    nonce: str
    verifier: str
    wanted: str


class BusyError(Exception):
    """The provider is slow, and as many wait for it as may."""


class Provider:
    """An OpenID Connect provider.

    Args:
        configured: How to reach it.

    Raises:
        InstallationError: The settings do not hold, or Authlib is not installed.
    """

    def __init__(self, configured: Oidc) -> None:
        try:
            import authlib.integrations.requests_client  # noqa: F401  optional
        except ImportError as exc:
            raise InstallationError(
                "METERHOUSE_OIDC_ISSUER is set, but Authlib is missing: install the extra oidc."
            ) from exc
        if not _is_safe(configured.issuer):
            raise InstallationError("METERHOUSE_OIDC_ISSUER must be an https address.")
        if not configured.client_id:
            raise InstallationError("METERHOUSE_OIDC_CLIENT_ID is missing.")
        self._issuer = configured.issuer
        self._client_id = configured.client_id
        self._secret = _secret(configured)
        self._known: tuple[datetime, dict[str, Any]] | None = None

    def authorization(self, pending: Pending, redirect_uri: str, now: datetime) -> str:
        """Address at the provider to send the browser to.

        Args:
            pending: The sign-in.
            redirect_uri: Where the provider sends the browser back to.
            now: Instant of the request.

        Raises:
            OidcError: The provider's description of itself does not hold.
        """
        endpoint = self._endpoint(self._metadata(now), "authorization_endpoint")
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                endpoint, state=pending.state, code_verifier=pending.verifier, nonce=pending.nonce
            )
        return str(url)

    def verified_email(self, pending: Pending, redirect_uri: str, code: str, now: datetime) -> tuple[str, str]:
        """Redeems a code for who signed in.

        Args:
            pending: The sign-in that the code answers.
            redirect_uri: The same as before.
            code: The provider's code.
            now: Instant at which the token must be valid.

        Returns:
            E-mail address, which the provider has verified, and full name, which may be empty.

        Raises:
            OidcError: Any part of the answer does not hold.
        """
        from authlib.common.errors import AuthlibBaseError

        metadata = self._metadata(now)
        try:
            with self._session(redirect_uri) as session:
                token = session.fetch_token(
                    self._endpoint(metadata, "token_endpoint"),
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                    timeout=_TIMEOUT_S,
                    allow_redirects=False,
                )
                claims = self._claims(metadata, str(token.get("id_token", "")), pending.nonce, now)
                if "email" not in claims and metadata.get("userinfo_endpoint"):
                    answer = session.get(
                        self._endpoint(metadata, "userinfo_endpoint"), timeout=_TIMEOUT_S, allow_redirects=False
                    )
                    answer.raise_for_status()
                    further = answer.json()
                    if further.get("sub") != claims["sub"]:
                        raise OidcError("its user information is of somebody else")
                    claims = {**further, **claims}
        except (AuthlibBaseError, requests.RequestException, ValueError) as exc:
            raise OidcError(f"it did not redeem the code ({type(exc).__name__})") from None
        if claims.get("email_verified") is not True or not claims.get("email"):
            raise OidcError("it does not vouch for an e-mail address of yours")
        return str(claims["email"]), str(claims.get("name") or "")

    def _claims(self, metadata: dict[str, Any], id_token: str, nonce: str, now: datetime) -> dict[str, Any]:
        """Claims of an ID token whose signature, issuer, audience, times and nonce hold."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = _fetch(self._endpoint(metadata, "jwks_uri"))
        wanted = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
            wanted.validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as exc:
            raise OidcError(f"its ID token does not hold ({type(exc).__name__})") from None
        audiences = token.claims["aud"]
        if token.claims.get("azp", self._client_id) != self._client_id or (
            isinstance(audiences, list) and len(audiences) > 1 and "azp" not in token.claims
        ):
            raise OidcError("its ID token is for another client")
        return dict(token.claims)

    def _metadata(self, now: datetime) -> dict[str, Any]:
        """What the provider says of itself; its keys are fetched anew each time, after it has redeemed a code."""
        if self._known and timedelta(0) <= now - self._known[0] < _KEPT:
            return self._known[1]
        metadata = _fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != self._issuer:
            raise OidcError("it names itself otherwise than METERHOUSE_OIDC_ISSUER does")
        self._known = now, metadata
        return metadata

    def _endpoint(self, metadata: dict[str, Any], name: str) -> str:
        url = str(metadata.get(name, ""))
        if not _is_safe(url):
            raise OidcError(f"its {name} is no https address")
        return url

    def _session(self, redirect_uri: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self._client_id,
            self._secret,
            scope=SCOPES,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )


class OidcSignIn:
    """The routes of signing in with the provider.

    Args:
        door: Where accounts and sessions are.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._settings = door.house.settings.oidc
        self._provider = Provider(self._settings)
        self._cipher = Fernet(Fernet.generate_key())
        self._places = asyncio.Semaphore(_PLACES)
        self.name = self._settings.name

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route("/oidc/start", self.start), Route(CALLBACK, self.callback)]

    async def start(self, request: Request) -> Response:
        """Sends the browser to the provider."""
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            wanted=own_path(request.query_params.get("next", "/")),
        )
        now = self._door.now()
        try:
            async with self._place(request, vouching.START, now):
                url = await run_in_threadpool(self._provider.authorization, pending, self._redirect_uri(request), now)
        except OidcError as exc:
            return _failed(request, str(exc))
        except ThrottledError:
            return _failed(request, texts_of(request)("provider.busy"), 429)
        except BusyError:
            return _failed(request, texts_of(request)("provider.busy"), 503)
        response = RedirectResponse(url, 303)
        secure = is_secure(request.scope)
        kept = self._cipher.encrypt(json.dumps(asdict(pending)).encode()).decode()
        response.set_cookie(
            oidc_cookie(secure), kept, max_age=_PENDING_S, httponly=True, samesite="lax", secure=secure, path="/"
        )
        return response

    async def callback(self, request: Request) -> Response:
        """Takes the provider's answer; begins a session."""
        response = await self._answer(request)
        secure = is_secure(request.scope)
        response.delete_cookie(oidc_cookie(secure), httponly=True, samesite="lax", secure=secure, path="/")
        return response

    async def _answer(self, request: Request) -> Response:
        t = texts_of(request)
        pending = self._pending(request)
        given = request.query_params
        if pending is None or not secrets.compare_digest(given.get("state", "").encode(), pending.state.encode()):
            return _failed(request, t("provider.other_browser"))
        if "code" not in given:
            return _failed(request, t("provider.refused"))
        now = self._door.now()
        try:
            async with self._place(request, vouching.ANSWER, now):
                email, name = await run_in_threadpool(
                    self._provider.verified_email, pending, self._redirect_uri(request), given["code"], now
                )
            signed_in = await run_in_threadpool(
                vouching.sign_in,
                self._door.house.registry,
                self._door.house.vault,
                self._door.house.organisation,
                email=email,
                name=name,
                admits_domains=self._settings.admits_domains,
                address=client_address(request),
                now=now,
            )
        except OidcError as exc:
            return _failed(request, str(exc))
        except ThrottledError:
            return _failed(request, t("provider.busy"), 429)
        except BusyError:
            return _failed(request, t("provider.busy"), 503)
        except PeopleError:
            return _failed(request, t("provider.no_account"))
        return with_session(request, signed_in, pending.wanted)

    @asynccontextmanager
    async def _place(self, request: Request, step: str, now: datetime) -> AsyncIterator[None]:
        """A place among those who wait for the provider: whoever is not signed in must not take all threads.

        Raises:
            ThrottledError: Too many sign-ins from that address were not finished.
            BusyError: No place gets free.
        """
        await run_in_threadpool(vouching.admit, self._door.house.registry, step, client_address(request), now)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._places.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            yield
        finally:
            self._places.release()

    def _pending(self, request: Request) -> Pending | None:
        kept = request.cookies.get(oidc_cookie(is_secure(request.scope)), "")
        try:
            return Pending(**json.loads(self._cipher.decrypt(kept.encode(), ttl=_PENDING_S)))
        except InvalidToken:
            return None

    def _redirect_uri(self, request: Request) -> str:
        base = self._door.house.settings.gateway.public_url or f"{request.url.scheme}://{request.url.netloc}"
        return base + CALLBACK


def _failed(request: Request, reason: str, status: int = 403) -> Response:
    t = texts_of(request)
    text = t("provider.failed", reason=reason)
    return message_page(request, t("provider.title"), text, status=status, link=to_sign_in(request))


def _fetch(url: str) -> dict[str, Any]:
    """A JSON object of the provider's; redirections are not followed."""
    try:
        with requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False, stream=True) as answer:
            answer.raise_for_status()
            content = answer.raw.read(_ANSWER_LIMIT, decode_content=True)
        found = json.loads(content)
    except (requests.RequestException, ValueError) as exc:
        raise OidcError(f"the provider does not answer as it should ({type(exc).__name__})") from None
    if not isinstance(found, dict):
        raise OidcError("the provider does not answer as it should")
    return found


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))


def _secret(configured: Oidc) -> str | None:
    if configured.client_secret_file is None:
        return None
    try:
        return configured.client_secret_file.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise InstallationError(f"METERHOUSE_OIDC_CLIENT_SECRET_FILE cannot be read: {exc.strerror}.") from exc
