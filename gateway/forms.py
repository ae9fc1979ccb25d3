"""Forms: bounded bodies, and the token that shows a form came from a page of ours."""

import hmac
import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from gateway.cookies import form_cookie, is_secure
from registry.people.sessions import Person

LIMIT = 16 * 2**10
MAX_FIELDS = 20
FIELD = "csrf"


class TooLargeError(Exception):
    """A body is larger than it may be."""


class BadFormError(Exception):
    """A form is not one that a page of ours sent."""


async def read_body(request: Request, limit: int) -> bytes:
    """Reads a body without ever holding much more than its limit.

    Args:
        request: Its request.
        limit: Largest size [B].

    Returns:
        The body.

    Raises:
        TooLargeError: It is larger.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError
    return bytes(body)


async def read_form(request: Request) -> dict[str, str]:
    """Reads a form that must carry the token of the page it was sent from.

    Args:
        request: Its request.

    Returns:
        Fields by name.

    Raises:
        TooLargeError: The body is larger than :data:`LIMIT`.
        BadFormError: The body is no form, or its token is missing or another's.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BadFormError
    body = await read_body(request, LIMIT)
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as exc:
        raise BadFormError from exc
    expected = _expected(request)
    if not expected or not hmac.compare_digest(fields.pop(FIELD, "").encode(), expected.encode()):
        raise BadFormError
    return fields


def token_of(request: Request) -> str:
    """The token that a form on the answer to this request carries.

    Signed in, it is the session's own; before, it is one that a cookie holds, too.
    """
    known = _expected(request)
    if known:
        return known
    if not hasattr(request.state, "form_token"):
        request.state.form_token = secrets.token_urlsafe(32)
    return str(request.state.form_token)


def remember_token(request: Request, response: Response) -> None:
    """Sets the cookie of a token that :func:`token_of` has just made."""
    if hasattr(request.state, "form_token"):
        secure = is_secure(request.scope)
        response.set_cookie(
            form_cookie(secure), request.state.form_token, httponly=True, samesite="lax", secure=secure, path="/"
        )


def _expected(request: Request) -> str:
    person = request.scope.get("user")
    if isinstance(person, Person):
        return person.csrf
    return request.cookies.get(form_cookie(is_secure(request.scope)), "")
