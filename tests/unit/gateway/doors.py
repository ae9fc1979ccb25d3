"""A door in this process: real uvicorn, real registry; a page that echoes what reaches it stands for Streamlit."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from assets.installation import Installation
from gateway.app import DagsterAddresses, parts
from gateway.door import Door
from registry.models import User, UserRole
from registry.store import Registry
from tests.registries import new_registry
from tests.unit.passwords import kept

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PASSWORD = "Correct horse 7"
KEPT = kept(PASSWORD)
FIELD = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, time: timedelta) -> None:
        self.at += time


@dataclass
class Browser:
    """A client that keeps cookies, sends the origin as browsers do, and fills in forms."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options) -> requests.Response:
        options.setdefault("headers", {}).setdefault("Accept", "text/html")
        return self.session.get(self.base + path, allow_redirects=False, timeout=20, **options)

    def post(self, path: str, fields: dict[str, str] | bytes, **options) -> requests.Response:
        options.setdefault("headers", {}).setdefault("Origin", self.base)
        return self.session.post(self.base + path, data=fields, allow_redirects=False, timeout=20, **options)

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Opens a page, and sends its form."""
        found = FIELD.search(self.get(path).text)
        assert found, f"no form on {path}"
        return self.post(path.partition("?")[0], {"csrf": found[1], **fields})

    def sign_in(self, email: str, password: str = PASSWORD) -> "Browser":
        answer = self.submit("/login", email=email, password=password)
        assert answer.status_code == 303, answer.text
        return self

    @property
    def cookie_header(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())}


@dataclass
class Served:
    """A door that is served."""

    base: str
    registry: Registry
    clock: Clock
    door: Door

    def browser(self) -> Browser:
        return Browser(self.base)

    def signed_in(self, email: str) -> Browser:
        return self.browser().sign_in(email)


def add_person(
    registry: Registry, email: str, *, must_change_password: bool = False, organisation: str = "default", **roles: str
) -> int:
    """An activated account with roles by service."""
    with registry.begin() as session:
        user = User(
            organisation=organisation,
            email=email,
            name=f"Person {email.partition('@')[0]}",
            language="en",
            csv_delimiter=";",
            thousands_separator=".",
            decimal_separator=",",
            is_external=False,
            is_enabled=True,
            must_change_password=must_change_password,
            password_hash=KEPT,
            password_policy="basic",
            created_at=START,
            activated_at=START,
        )
        session.add(user)
        session.flush()
        for service, role in roles.items():
            session.add(
                UserRole(
                    organisation=organisation,
                    user_id=user.id,
                    service=service,
                    role=role,
                    granted_at=START,
                    granted_by="test",
                )
            )
        return user.id


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path, "headers": request.headers.items()})


async def _echo_socket(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
    await websocket.send_json(websocket.headers.items())
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        return


ECHO: list[BaseRoute] = [
    WebSocketRoute("/{path:path}", _echo_socket),
    Route("/{path:path}", _echo, methods=["GET", "POST", "PUT", "DELETE"]),
]


@contextmanager
def listening(app: ASGIApp, **options) -> Iterator[str]:
    """Serves an application from a thread; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", server_header=False, timeout_graceful_shutdown=1, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        scheme = "https" if options.get("ssl_certfile") else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@contextmanager
def served(
    house: Installation, dagster: DagsterAddresses | None = None, *, setup_token: str = "", **options
) -> Iterator[Served]:
    """A door before a page that echoes."""
    clock = Clock()
    door = Door(house, clock, "local:test", setup_token)
    routes, middleware = parts(door, dagster or DagsterAddresses())
    with listening(Starlette(routes=[*routes, *ECHO], middleware=middleware), **options) as base:
        yield Served(base, house.registry, clock, door)


def make_house(folder: Path) -> Installation:
    """An installation with a registry and a master key in a folder of its own."""
    import settings
    from registry.vault import KeyVault

    home = settings.create(folder / "home", "Europe/Copenhagen")
    KeyVault.create(folder / "master.key")
    loaded = settings.load(home)
    new_registry(home / "registry.sqlite")
    return Installation(loaded.model_copy(update={"master_key_file": folder / "master.key"}))
