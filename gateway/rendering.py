"""The door's own pages: plain HTML, no script."""

import secrets
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.forms import remember_token, token_of

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
    text = _TEMPLATES.get_template(template).render(csrf=token_of(request), nonce=nonce, **values)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY.format(nonce=nonce)}
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
    address, words = link or ("/", "To the start page")
    return page(request, "message.html", status, title=title, text=text, address=address, words=words)
