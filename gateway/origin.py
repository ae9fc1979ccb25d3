"""Where a request comes from, for the audit log."""

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.audit import computer_at_work


class Origin:
    """Pure ASGI middleware around all that may change something: events name the client's address.

    Args:
        app: What it goes round.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Names the client's address while a request is answered, also in the threads that it is answered in."""
        client = scope.get("client")
        token = computer_at_work.set(client[0] if client else None)
        try:
            await self.app(scope, receive, send)
        finally:
            computer_at_work.reset(token)
