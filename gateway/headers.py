"""Security headers on every answer that leaves by the door."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGES_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "media-src 'self' data: blob:",
        "frame-src 'self' blob:",
        "frame-ancestors 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
"""What Streamlit's pages may load: their own files alone. Streamlit and its charts need inline script and eval."""

ALWAYS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Not no-referrer: with it browsers send "Origin: null" even from our own forms, and the origin check would refuse them.
HSTS = "max-age=31536000"


_ASSETS = ("text/css", "text/javascript", "application/javascript", "font/", "image/", "application/wasm")
"""Kinds of files that are the same for everybody, and may be kept as long as who sends them says."""


class SecurityHeaders:
    """Pure ASGI middleware.

    Args:
        app: What it guards.
        tiles: Address of the tile server that maps may load from, if any.
    """

    def __init__(self, app: ASGIApp, tiles: str = "") -> None:
        self.app = app
        self._policy = pages_policy(tiles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds the headers to HTTP answers; a content policy that an answer brings itself stays."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                policy = headers.setdefault("Content-Security-Policy", self._policy)
                if "frame-ancestors" not in policy:
                    headers.append("Content-Security-Policy", "frame-ancestors 'self'")  # both hold
                if not _is_asset(scope, headers):
                    headers["Cache-Control"] = "no-store"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        await self.app(scope, receive, send_guarded)


def pages_policy(tiles: str) -> str:
    """The content policy of the pages.

    Args:
        tiles: Address of the tile server; empty for none.

    Returns:
        :data:`PAGES_POLICY`, with that server for images and connections.
    """
    if not tiles:
        return PAGES_POLICY
    parts = urlsplit(tiles)
    host = f"{parts.scheme}://{parts.netloc}"
    return PAGES_POLICY.replace("img-src 'self'", f"img-src 'self' {host}").replace(
        "connect-src 'self'", f"connect-src 'self' {host}"
    )


def _is_asset(scope: Scope, headers: MutableHeaders) -> bool:
    """Whether an answer is part of the pages themselves, not of what they show: ``/media`` holds charts and exports."""
    kept = headers.get("content-type", "").startswith(_ASSETS)
    return kept and "cache-control" in headers and not scope["path"].startswith("/media/")
