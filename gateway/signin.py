"""Signing in and out, and the pages around passwords."""

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.authentication import person_in
from gateway.cookies import form_cookie, is_secure, session_cookie
from gateway.door import Door
from gateway.forms import BadForm, TooLarge, read_form
from gateway.rendering import message_page, page
from registry.people import sessions
from registry.people.errors import SignInError
from registry.people.sessions import SignedIn

_NEW_PASSWORD = (
    ("password", "New password", "password", "new-password"),
    ("again", "New password, once more", "password", "new-password"),
)
_UNEQUAL = "The two passwords are not the same."
_Endpoint = Callable[[Request], Awaitable[Response]]


def client_address(request: Request) -> str:
    """Network address a request comes from."""
    return request.client.host if request.client else "unknown"


def own_path(wanted: str) -> str:
    """A path of this installation to go on to; the start page where it is none.

    Browsers read ``//host`` and ``/\\host`` as another host, and drop control characters before they look.
    """
    parts = urlsplit(wanted)
    is_own = wanted.startswith("/") and not wanted.startswith("//") and not parts.scheme and not parts.netloc
    is_plain = wanted.isprintable() and "\\" not in wanted
    return wanted if is_own and is_plain and parts.path not in ("/login", "/logout") else "/"


def with_session(request: Request, signed_in: SignedIn, wanted: str) -> Response:
    """Goes on with the cookie of a session that has begun."""
    response = RedirectResponse(quote(own_path(wanted), safe="/?&=%:@!$'()*+,;~#"), 303)
    secure = is_secure(request.scope)
    response.set_cookie(session_cookie(secure), signed_in.token, httponly=True, samesite="lax", secure=secure, path="/")
    response.delete_cookie(form_cookie(secure), httponly=True, samesite="lax", secure=secure, path="/")
    return response


def form_errors_as_pages(endpoint: _Endpoint) -> _Endpoint:
    """Answers a form that is too large or none of ours with a page."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except TooLarge:
            return message_page(request, "Too large", "The form is too large.", status=413)
        except BadForm:
            text = "The form has expired, or was not sent from a page of ours. Open the page anew and try again."
            return message_page(request, "Refused", text, status=403, link=(request.url.path, "Open the page anew"))

    return answered


class SignIn:
    """The routes.

    Args:
        door: Where accounts and sessions are.
        provider: Name of the identity provider to offer, if one is configured.
    """

    def __init__(self, door: Door, provider: str | None = None) -> None:
        self._door = door
        self._provider = provider

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        both = ["GET", "POST"]
        endpoints = {
            "/login": self.login,
            "/logout": self.logout,
        }
        return [Route(path, form_errors_as_pages(endpoint), methods=both) for path, endpoint in endpoints.items()]

    async def login(self, request: Request) -> Response:
        """Asks for e-mail and password; begins a session."""
        if request.method == "GET":
            wanted = own_path(request.query_params.get("next", "/"))
            if request.scope["user"] is not None:
                return RedirectResponse(quote(wanted, safe="/?&=%"), 303)
            return self._login_page(request, wanted)
        fields = await read_form(request)
        wanted = own_path(fields.get("next", "/"))
        try:
            signed_in = await run_in_threadpool(
                sessions.sign_in,
                self._door.house.registry,
                fields.get("email", ""),
                fields.get("password", ""),
                address=client_address(request),
                now=self._door.now(),
            )
        except SignInError as exc:
            return self._login_page(request, wanted, str(exc), 401)
        if request.scope["user"] is not None:
            await self._end_session(request)
        return with_session(request, signed_in, wanted)

    async def logout(self, request: Request) -> Response:
        """Ends the session."""
        person = person_in(request)
        if request.method == "GET":
            return page(request, "logout.html", title="Sign out", name=person.name or person.email)
        await read_form(request)
        await self._end_session(request)
        response = RedirectResponse("/login", 303)
        secure = is_secure(request.scope)
        response.delete_cookie(session_cookie(secure), httponly=True, samesite="lax", secure=secure, path="/")
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def _login_page(self, request: Request, wanted: str, problem: str | None = None, status: int = 200) -> Response:
        return page(
            request, "login.html", status, title="Sign in", problem=problem, next=wanted, provider=self._provider
        )

    async def _end_session(self, request: Request) -> None:
        token = request.cookies.get(session_cookie(is_secure(request.scope)), "")
        await run_in_threadpool(sessions.sign_out, self._door.house.registry, token, self._door.now())
