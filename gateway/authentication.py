"""Who asks: looked up at each request, for HTTP and WebSockets alike, before anything else sees it.

People have a session; programs show the secret of a service, to the API alone.
"""

from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.identity import IDENTITY_PREFIX, SESSION_HEADER, USER_HEADER
from gateway.access_log import note_identity
from gateway.cookies import is_secure, session_cookie
from gateway.door import Door
from gateway.hosts import Hosts
from gateway.rendering import message_page
from gateway.wording import asked_for, texts, texts_of
from registry.errors import RegistryError
from registry.people.errors import Denied, ThrottledError
from registry.people.sessions import Person

OPEN = frozenset(
    ("/login", "/activate", "/reset", "/forgotten", "/register", "/setup", "/oidc/start", "/oidc/callback", "/health")
)
"""What answers without a session."""

WHILE_PASSWORD_MUST_CHANGE = frozenset(("/password", "/logout"))
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
UNAUTHENTICATED, FORBIDDEN, TRY_AGAIN = 4401, 4403, 1013
_API = "/api/"


class Authentication:
    """Pure ASGI middleware: nothing passes it without a session, or to the API a service's secret, but the open paths.

    What it finds is in ``scope["user"]`` for the door's own routes, and in identity headers for the pages; what a
    client sends under those names is dropped.

    Args:
        app: What it guards.
        door: Where sessions are looked up.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self._door = door
        self._hosts = Hosts(door.house.settings.gateway)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through with its person, or answers it itself."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if not pair[0].lower().startswith(IDENTITY_PREFIX.encode())]
        language = asked_for(Headers(scope=scope)) or self._door.house.settings.gateway.language
        scope = {**scope, "headers": headers, "user": None, "texts": texts(language)}
        if not self._hosts.admits(scope):
            await _answer(scope, receive, send, FORBIDDEN, _foreign_host)
            return
        connection = HTTPConnection(scope)
        if scope["type"] == "http" and scope["path"].startswith(_API) and "authorization" in connection.headers:
            await self._program(scope, receive, send)
            return
        token = connection.cookies.get(session_cookie(is_secure(scope)), "")
        if not has_own_origin(scope, has_session=bool(token)):
            await _answer(scope, receive, send, FORBIDDEN, _foreign_origin)
            return
        try:
            person = await self._door.person_of(token)
        except RegistryError:
            await _answer(scope, receive, send, TRY_AGAIN, _registry_away)
            return
        if person is None:
            if scope["path"] in OPEN:
                await self.app(scope, receive, send)
            else:
                await _answer(scope, receive, send, UNAUTHENTICATED, _unauthenticated)
            return
        scope["texts"] = texts(person.language)
        if person.must_change_password and scope["path"] not in OPEN | WHILE_PASSWORD_MUST_CHANGE:
            await _answer(scope, receive, send, FORBIDDEN, _password_first)
            return
        identity = ((USER_HEADER, str(person.user_id)), (SESSION_HEADER, token))
        scope["headers"] = headers + [(name.encode(), value.encode()) for name, value in identity]
        scope["user"] = person
        note_identity(scope, person)
        await self.app(scope, receive, send)

    async def _program(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a program through that shows the secret of a service, whatever cookies it sends.

        No page elsewhere can send this header for a browser, so that neither origin nor form token is asked for.
        """
        request = Request(scope, receive)
        try:
            service = await self._door.service_of(_secret_in(request.headers), client_address(request))
        except ThrottledError as exc:
            answer: Response = JSONResponse({"error": str(exc)}, 429)
        except Denied as exc:
            answer = JSONResponse({"error": str(exc)}, 401, {"WWW-Authenticate": "Bearer"})
        except RegistryError:
            answer = _registry_away(request)
        else:
            scope["user"] = service
            note_identity(scope, service)
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)


def _secret_in(headers: Headers) -> str:
    """The secret that a program shows.

    Raises:
        Denied: It shows none, or several.
    """
    given = headers.getlist("authorization")
    scheme, _, secret = given[0].partition(" ")
    if len(given) != 1 or scheme.lower() != "bearer" or not secret.strip():
        raise Denied("Programs show the secret of a service: 'Authorization: Bearer SECRET'.")
    return secret.strip()


def client_address(request: HTTPConnection) -> str:
    """Network address a request comes from."""
    return request.client.host if request.client else "unknown"


def person_in(request: HTTPConnection) -> Person:
    """Who the middleware let through; only for routes that are not open."""
    person = request.scope["user"]
    if not isinstance(person, Person):
        raise TypeError("This path is open, or not guarded.")
    return person


def has_own_origin(scope: Scope, *, has_session: bool) -> bool:
    """Whether a WebSocket, or a request that changes something, comes from a page of ours.

    Browsers say where such a request comes from. A program that has no session need not.
    """
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return True
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    if not origins:
        return scope["type"] == "http" and not has_session
    parts = urlsplit(origins[0])
    return len(origins) == 1 and parts.scheme in ("http", "https") and parts.netloc == headers.get("host")


async def _answer(scope: Scope, receive: Receive, send: Send, code: int, page) -> None:  # type: ignore[no-untyped-def]
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": code})
        return
    response: Response = page(Request(scope, receive))
    await response(scope, receive, send)


def _foreign_host(_: Request) -> Response:
    text = "This is not an address of this installation: see METERHOUSE_GATEWAY_PUBLIC_URL."
    return JSONResponse({"error": text}, 400)


def _unauthenticated(request: Request) -> Response:
    if _is_for_program(request):
        return JSONResponse({"error": "Not signed in."}, 401)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)


def _password_first(request: Request) -> Response:
    if _is_for_program(request):
        return JSONResponse({"error": "The password must be changed first."}, 403)
    return RedirectResponse("/password", 303)


def _foreign_origin(request: Request) -> Response:
    if request.url.path.startswith(_API):
        return JSONResponse({"error": texts("en")("refused.foreign")}, 403)
    t = texts_of(request)
    return message_page(request, t("refused.title"), t("refused.foreign"), status=403)


def _registry_away(request: Request) -> Response:
    if _is_for_program(request):
        return JSONResponse({"error": texts("en")("refused.away")}, 503)
    return away_page(request)


def away_page(request: Request) -> Response:
    """Says that the registry does not answer."""
    t = texts_of(request)
    return message_page(request, t("refused.away_title"), t("refused.away"), status=503)


def _is_for_program(request: Request) -> bool:
    """Whether nobody would see a page: programs, and the parts of a page that scripts load."""
    if request.url.path.startswith(_API) or request.method not in ("GET", "HEAD"):
        return True
    return "text/html" not in request.headers.get("accept", "")
