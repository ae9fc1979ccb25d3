"""Names of the door's cookies.

Under TLS they carry the prefix ``__Host-``: the browser then takes them from this very host alone, over TLS alone.
"""

from starlette.types import Scope


def is_secure(scope: Scope) -> bool:
    """Whether the browser talks TLS, to the door itself or to a proxy that it trusts."""
    return bool(scope["scheme"] in ("https", "wss"))


def session_cookie(secure: bool) -> str:
    """Cookie with the session's token."""
    return "__Host-meterhouse-session" if secure else "meterhouse-session"


def form_cookie(secure: bool) -> str:
    """Cookie with the token of forms before sign-in."""
    return "__Host-meterhouse-form" if secure else "meterhouse-form"


def oidc_cookie(secure: bool) -> str:
    """Cookie that ties an answer of the identity provider to the browser that asked."""
    return "__Host-meterhouse-oidc" if secure else "meterhouse-oidc"
