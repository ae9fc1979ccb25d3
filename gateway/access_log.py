"""Who opened what, when: without queries, which may hold tokens, and without names."""

import logging
import time
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.people.services import Service
from registry.people.sessions import Person

LOGGER = logging.getLogger("meterhouse.access")
KEEP_DAYS = 30


def log_to(folder: Path) -> None:
    """Sends the access log to a file of its own, a new one each day (UTC).

    Args:
        folder: Where; made if missing.
    """
    folder.mkdir(exist_ok=True)
    handler = TimedRotatingFileHandler(
        folder / "access.log", when="midnight", utc=True, backupCount=KEEP_DAYS, encoding="utf-8"
    )
    formatter = logging.Formatter("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    for former in LOGGER.handlers:
        former.close()
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


class AccessLog:
    """Pure ASGI middleware around all others; a line per answer.

    Args:
        app: What it watches.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Writes address, user or service, method, path, status and milliseconds; of WebSockets when they open."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        scope = {**scope, "seen": {}}

        async def send_noted(message: Message) -> None:
            status = {
                "http.response.start": message.get("status"),
                "websocket.accept": 101,
                "websocket.close": message.get("code"),
            }.get(message["type"])
            if status is not None:
                _note(scope, status, time.monotonic() - started)
            await send(message)

        await self.app(scope, receive, send_noted)


def note_identity(scope: Scope, who: Person | Service) -> None:
    """Tells the log whose request it is."""
    scope.get("seen", {})["who"] = who.identity


def _note(scope: Scope, status: int, seconds: float) -> None:
    client = scope.get("client") or ("-", 0)
    method = scope.get("method", "WEBSOCKET")
    path = quote(scope["path"], safe="/-._~")  # a line break in it would forge a line
    who = scope["seen"].get("who", "user:-")
    LOGGER.info("%s %s %s %s %s %.0f", client[0], who, method, path, status, seconds * 1000)
