"""Signing in and out, and the pages around passwords."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.authentication import client_address, person_in
from gateway.cookies import form_cookie, is_secure, session_cookie
from gateway.door import Door
from gateway.forms import BadFormError, TooLargeError, read_form
from gateway.rendering import form_page, message_page, page
from gateway.wording import texts_of
from registry.people import accounts, domains, invitations, links, passwords, sessions, users
from registry.people.domains import domain_of, normal_email
from registry.people.errors import PasswordError, PeopleError, SignInError, TokenError
from registry.people.locale import Locale
from registry.people.sessions import SignedIn

_OLD = (("old", "password.old", "password", "current-password"),)
WHO = (("email", "login.email", "email", "username"), ("name", "profile.name", "text", "name"))
_NEW = (
    ("password", "password.new", "password", "new-password"),
    ("again", "password.again", "password", "new-password"),
)
_Endpoint = Callable[[Request], Awaitable[Response]]


def to_sign_in(request: Request) -> tuple[str, str]:
    """A link to the sign-in."""
    return "/login", texts_of(request)("go.sign_in")


def own_path(wanted: str) -> str:
    r"""A path of this installation to go on to; the start page where it is none.

    Browsers read ``//host`` and ``/\host`` as another host, and drop control characters before they look.
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
        except TooLargeError:
            t = texts_of(request)
            return message_page(request, t("refused.too_large_title"), t("refused.too_large"), status=413)
        except BadFormError:
            t = texts_of(request)
            link = (request.url.path, t("go.anew"))
            return message_page(request, t("refused.title"), t("refused.expired"), status=403, link=link)

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
            "/password": self.password,
            "/activate": self.link,
            "/reset": self.link,
            "/setup": self.setup,
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
            return self._login_page(request, wanted, texts_of(request).problem(exc), 401)
        if request.scope["user"] is not None:
            await self._end_session(request)
        return with_session(request, signed_in, wanted)

    async def logout(self, request: Request) -> Response:
        """Ends the session."""
        person = person_in(request)
        if request.method == "GET":
            return page(
                request, "logout.html", title=texts_of(request)("logout.title"), name=person.name or person.email
            )
        await read_form(request)
        await self._end_session(request)
        response = RedirectResponse("/login", 303)
        secure = is_secure(request.scope)
        response.delete_cookie(session_cookie(secure), httponly=True, samesite="lax", secure=secure, path="/")
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    async def password(self, request: Request) -> Response:
        """Changes the password of who is signed in; other sessions of the same person end."""
        person = person_in(request)
        t = texts_of(request)
        title, text = t("password.title"), t("password.must") if person.must_change_password else ""
        if request.method == "GET":
            return form_page(request, _OLD + _NEW, title, text=text)
        fields = await read_form(request)
        problem, status = t("password.unequal"), 422
        if fields.get("password", "") == fields.get("again"):
            try:
                await run_in_threadpool(
                    users.change_password,
                    self._door.house.registry,
                    person.user_id,
                    fields.get("old", ""),
                    fields["password"],
                    now=self._door.now(),
                    keep=request.cookies.get(session_cookie(is_secure(request.scope))),
                )
            except SignInError:
                problem, status = t("password.wrong"), 401
            except PeopleError as exc:
                problem = t.problem(exc)
            else:
                return message_page(request, t("password.changed_title"), t("password.changed"))
        return form_page(request, _OLD + _NEW, title, text=text, problem=problem, status=status)

    async def link(self, request: Request) -> Response:
        """Takes a link that activates an account or sets a new password."""
        t = texts_of(request)
        title, rules = t("link.activate" if request.url.path == "/activate" else "link.reset"), t("password.rules")
        if request.method == "GET":
            hidden = {"token": request.query_params.get("token", "")}
            return form_page(request, _NEW, title, hidden=hidden, text=rules)
        fields = await read_form(request)
        token, problem = fields.get("token", ""), t("password.unequal")
        if fields.get("password", "") == fields.get("again"):
            try:
                await run_in_threadpool(
                    links.accept, self._door.house.registry, token, fields["password"], now=self._door.now()
                )
            except PasswordError as exc:
                problem = t.problem(exc)
            except TokenError as exc:
                return message_page(request, t("link.broken"), t.problem(exc), status=403, link=to_sign_in(request))
            else:
                return message_page(request, t("link.done"), t("link.set"), link=to_sign_in(request))
        return form_page(request, _NEW, title, hidden={"token": token}, text=rules, problem=problem, status=422)

    async def setup(self, request: Request) -> Response:
        """Lets whoever has the link that the door printed at its start name the first administrator."""
        t = texts_of(request)
        fields = await read_form(request) if request.method == "POST" else dict(request.query_params)
        token = fields.get("token", "")
        expected = self._door.setup_token
        is_known = bool(expected) and hmac.compare_digest(token.encode(), expected.encode())
        if not is_known or not await run_in_threadpool(self._door.is_new):
            return message_page(request, t("link.broken"), t("setup.spent"), status=403, link=to_sign_in(request))
        problem, status = None, 200
        if request.method == "POST":
            problem, status = t("password.unequal"), 422
            if fields.get("password", "") == fields.get("again"):
                try:
                    signed_in = await run_in_threadpool(
                        self._first_administrator, fields, t.language, client_address(request)
                    )
                except PeopleError as exc:
                    problem = t.problem(exc)
                else:
                    return with_session(request, signed_in, "/")
        return form_page(
            request,
            WHO + _NEW,
            t("setup.title"),
            hidden={"token": token},
            text=t("setup.text"),
            button=t("setup.button"),
            problem=problem,
            status=status,
            shown=fields,
        )

    def _first_administrator(self, fields: Mapping[str, str], language: str, address: str) -> SignedIn:
        house, owner, now = self._door.house, self._door.owner, self._door.now()
        email, name, password = fields.get("email", ""), fields.get("name", ""), fields["password"]
        # Checked first: an account without password would keep the address taken.
        passwords.check(passwords.KEYVAULT, password, name=name, email=email)
        accounts.full_name(name)
        # Whoever has the link is at home here: no second administrator is there to confirm another domain.
        domain = domain_of(normal_email(email))
        domains.allow(house.registry, house.organisation, domain, identity=owner, now=now)
        number = invitations.create(
            house.registry,
            house.vault,
            house.organisation,
            email=email,
            name=name,
            roles={},
            locale=Locale(language=language),
            is_external=False,
            identity=owner,
            now=now,
        )
        sent = invitations.send(house.registry, house.organisation, number, identity=owner, now=now)
        links.accept(house.registry, sent.token, password, now=now)
        return sessions.sign_in(house.registry, email, password, address=address, now=now)

    def _login_page(self, request: Request, wanted: str, problem: str | None = None, status: int = 200) -> Response:
        return page(
            request,
            "login.html",
            status,
            title=texts_of(request)("login.title"),
            problem=problem,
            next=wanted,
            provider=self._provider,
            can_mail=self._door.house.letters is not None,
        )

    async def _end_session(self, request: Request) -> None:
        token = request.cookies.get(session_cookie(is_secure(request.scope)), "")
        await run_in_threadpool(sessions.sign_out, self._door.house.registry, token, self._door.now())
