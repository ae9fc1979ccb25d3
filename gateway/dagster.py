"""The Dagster UI behind the door: administrators use it, superusers look at it, users do not see it.

Two webservers listen on the loopback address, one of them read-only. Neither is told who asks, and none of the door's
cookies reaches them; the full one is told whom a request is from, so that runs say who asked for them. What changes
something is written into the audit log before it is passed on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import urllib3
import websockets
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gateway.authentication import person_in
from gateway.forms import TooLargeError, read_body
from gateway.graphql import Asked, BadQueryError, is_subscription, other_change, read_query
from gateway.rendering import message_page
from gateway.wording import texts_of
from pipelines.asking import HEADER
from registry.errors import RegistryError
from registry.people.sessions import Person

PREFIX = "/dagster"
CONNECT_S = 5
READ_S = 120
RECHECK_S = 20
BODY_LIMIT = 10 * 2**20
MESSAGE_LIMIT = 10 * 2**20
CHUNK = 64 * 2**10

FORBIDDEN = 4403
_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
_NOT_UPSTREAM = _HOP_BY_HOP | {"host", "cookie", "authorization", "content-length", "forwarded", "origin", "referer"}
_NOT_BACK = _HOP_BY_HOP | {"set-cookie", "server", "date"}

Recheck = Callable[[HTTPConnection], Awaitable[Person | None]]
Note = Callable[[Person, Asked], Awaitable[None]]


class DagsterUi:
    """ASGI application under :data:`PREFIX`, for people whose session the door has already looked up.

    Args:
        full: Address of the webserver that can do all, e.g. ``http://127.0.0.1:3000``; ``None`` where none runs.
        read_only: Address of the read-only webserver.
        recheck: Looks up once more who holds the session of a connection that stays open.
        note: Writes into the audit log what a person is about to change.
        organisation: Whose runs they show.
    """

    def __init__(
        self, full: str | None, read_only: str | None, recheck: Recheck, note: Note, organisation: str
    ) -> None:
        self._addresses = {"administrator": full, "superuser": read_only}
        self._pools = {
            address: urllib3.connection_from_url(
                address,
                maxsize=20,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            )
            for address in (full, read_only)
            if address
        }
        self._recheck, self._note, self._organisation = recheck, note, organisation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request or a WebSocket on to the webserver that the person's role opens."""
        role = role_in(scope.get("user"), self._organisation)
        if scope["type"] == "websocket":
            await self._websocket(WebSocket(scope, receive, send), role)
            return
        request = Request(scope, receive)
        response = await self._http(request, role)
        await response(scope, receive, send)

    async def _http(self, request: Request, role: str | None) -> Response:
        if role is None:
            return _said(request, "closed_title", "closed", 403)
        if not _is_harmless(request, role):
            return _said(request, "", "odd", 403)
        address = self._addresses[role]
        if address is None:
            return _unreachable(request)
        try:
            body = await read_body(request, BODY_LIMIT)
        except TooLargeError:
            t = texts_of(request)
            return message_page(request, t("refused.too_large_title"), t("refused.too_large"), status=413)
        if request.method not in ("GET", "HEAD"):
            try:
                if _is_graphql(request):
                    asked = await run_in_threadpool(read_query, body)
                else:
                    asked = other_change(request.url.path, body)
            except BadQueryError:
                return _refused("This request is not one that the Dagster UI makes.", 400)
            if asked.is_mutation and role != "administrator":
                return _refused("Only administrators change anything here.", 403)
            try:
                await self._note(person_in(request), asked)
            except RegistryError:
                return _refused("The registry does not answer; nothing was changed. Try again in a minute.", 503)
            body = asked.content
        try:
            answer = await run_in_threadpool(
                self._pools[address].urlopen,
                request.method,
                _target(request.scope),
                body=body or None,
                headers={**_upstream_headers(request.headers), HEADER: person_in(request).identity},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.ReadTimeoutError:
            return _said(request, "silent_title", "silent", 504)
        except urllib3.exceptions.HTTPError:
            return _unreachable(request)
        response = StreamingResponse(_body_of(answer), status_code=answer.status)
        response.raw_headers = [
            (name.lower().encode("latin-1"), _relative(name, value, address).encode("latin-1"))
            for name, value in answer.headers.items()
            if name.lower() not in _NOT_BACK
        ]
        return response

    async def _websocket(self, client: WebSocket, role: str | None) -> None:
        address = self._addresses.get(role or "")
        if address is None:
            await client.close(FORBIDDEN)
            return
        offered = [Subprotocol(name) for name in client.scope.get("subprotocols", ())]
        try:
            upstream = await connect(
                "ws" + address.removeprefix("http") + _target(client.scope),
                subprotocols=offered or None,
                open_timeout=CONNECT_S,
                max_size=MESSAGE_LIMIT,
                proxy=None,
            )
        except (OSError, TimeoutError, websockets.WebSocketException):
            await client.close(1013)
            return
        async with upstream:
            await client.accept(subprotocol=upstream.subprotocol)
            await self._relay(client, upstream, role)

    async def _relay(self, client: WebSocket, upstream: ClientConnection, role: str | None) -> None:
        """Carries messages both ways until one side ends, or the session or the role does."""

        async def allowed() -> bool:
            person = await self._recheck(client)
            return (
                person is not None and not person.must_change_password and role_in(person, self._organisation) == role
            )

        async def outwards() -> int:
            while True:
                message = await client.receive()
                if message["type"] == "websocket.disconnect":
                    return 1000
                content = message["text"] if message.get("text") is not None else message["bytes"]
                if not await allowed() or not await run_in_threadpool(is_subscription, content):
                    return FORBIDDEN
                await upstream.send(content)

        async def inwards() -> int:
            async for message in upstream:
                if isinstance(message, str):
                    await client.send_text(message)
                else:
                    await client.send_bytes(message)
            return upstream.close_code if upstream.close_code in (1000, 1001, 1011) else 1011

        async def watch() -> int:
            while await allowed():
                await asyncio.sleep(RECHECK_S)
            return FORBIDDEN

        tasks = [asyncio.create_task(part()) for part in (outwards, inwards, watch)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        code = 1011
        with suppress(websockets.WebSocketException, WebSocketDisconnect, OSError):
            code = next(iter(done)).result()
        with suppress(RuntimeError, WebSocketDisconnect, OSError):  # the client may have gone first
            await client.close(code)


def role_in(person: object, organisation: str) -> str | None:
    """The role that opens the Dagster UI: ``administrator`` or ``superuser`` of the service ``manager``.

    Runs and their logs are those of the installation's own organisation; people of others see none.
    """
    if not isinstance(person, Person) or person.organisation != organisation:
        return None
    role = str(person.roles.get("manager", ""))
    return role if role in ("administrator", "superuser") else None


def _is_harmless(request: Request, role: str) -> bool:
    """Whether a request is one of the UI's own.

    The webserver runs GraphQL mutations that stand in the query of a GET, which a link elsewhere could carry; the UI
    posts. And its routes that report assets by POST know no read-only mode.
    """
    graphql = _is_graphql(request)
    if graphql and "query" in parse_qs(request.url.query, keep_blank_values=True):
        return False
    if request.method in ("GET", "HEAD"):
        return True
    if graphql:
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        return request.method == "POST" and kind == "application/json"
    return role == "administrator"


def _is_graphql(request: Request) -> bool:
    return request.url.path.rstrip("/") == f"{PREFIX}/graphql"


def _refused(text: str, status: int) -> Response:
    return JSONResponse({"data": None, "errors": [{"message": text}]}, status)


def _target(scope: Scope) -> str:
    path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _upstream_headers(headers: Headers) -> dict[str, str]:
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    return {
        name: value
        for name, value in headers.items()
        if name not in _NOT_UPSTREAM and name not in named and not name.startswith(("x-meterhouse-", "x-forwarded-"))
    }


def _relative(name: str, value: str, address: str) -> str:
    """A redirection to the webserver's own address, as one to the door's."""
    if name.lower() != "location" or not value.startswith(address):
        return value
    return urlsplit(value)._replace(scheme="", netloc="").geturl() or "/"


async def _body_of(answer: urllib3.BaseHTTPResponse) -> AsyncIterator[bytes]:
    chunks: Iterable[bytes] = answer.stream(CHUNK, decode_content=False)
    try:
        async for chunk in iterate_in_threadpool(chunks):
            yield chunk
    finally:
        answer.close()


def _unreachable(request: Request) -> Response:
    return _said(request, "away_title", "away", 502)


def _said(request: Request, title: str, text: str, status: int) -> Response:
    t = texts_of(request)
    heading = t(f"dagster.{title}") if title else t("refused.title")
    return message_page(request, heading, t(f"dagster.{text}"), status=status)
