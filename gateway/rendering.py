"""The door's own pages: plain HTML, no script."""

import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.forms import remember_token, token_of
from gateway.wording import texts_of

_TEMPLATES = Environment(loader=PackageLoader("gateway"), autoescape=True, undefined=StrictUndefined)
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Renders a page with a form token; it is not kept by any cache.

    Args:
        request: What it answers.
        template: Name below ``gateway/templates``.
        status: HTTP status.
        values: What the template shows.
    """
    nonce = secrets.token_urlsafe(16)
    t = texts_of(request)
    text = _TEMPLATES.get_template(template).render(t=t, csrf=token_of(request), nonce=nonce, **values)
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": t.language,
        "Content-Security-Policy": _POLICY.format(nonce=nonce),
        "Vary": "Accept-Language, Cookie",
    }
    response = HTMLResponse(text, status, headers)
    remember_token(request, response)
    return response


def message_page(
    request: Request, title: str, text: str, status: int = 200, link: tuple[str, str] | None = None
) -> Response:
    """A page that says one thing.

    Args:
        request: What it answers.
        title: Heading.
        text: The sentence.
        status: HTTP status.
        link: Address and words of a link; by default the start page.
    """
    address, words = link or ("/", texts_of(request)("go.start"))
    return page(request, "message.html", status, title=title, text=text, address=address, words=words)


def form_page(
    request: Request,
    fields: Sequence[tuple[str, str, str, str]],
    title: str,
    *,
    hidden: Mapping[str, str] = MappingProxyType({}),
    text: str = "",
    problem: str | None = None,
    status: int = 200,
    shown: Mapping[str, str] = MappingProxyType({}),
    button: str = "",
) -> Response:
    """A form; it shows again what was filled in, passwords excepted.

    Args:
        request: What it answers; the form goes to the same path.
        fields: Name, name of the label's text, input type and autocomplete hint of each field.
        title: Heading.
        hidden: Fields that are not shown.
        text: Sentence before the fields.
        problem: What was wrong with what was sent.
        status: HTTP status.
        shown: What was filled in before.
        button: Words of the button; by default the heading.
    """
    return page(
        request,
        "form.html",
        status,
        title=title,
        action=request.url.path,
        fields=[
            (name, texts_of(request)(label), kind, hint, "" if kind == "password" else shown.get(name, ""))
            for name, label, kind, hint in fields
        ],
        hidden=hidden,
        text=text,
        problem=problem,
        button=button or title,
    )
