"""The proxy before the Dagster UI, against a small webserver that tells what reached it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from assets.installation import Installation
from gateway import dagster
from gateway.app import DagsterAddresses
from pipelines.asking import HEADER
from registry.models import AuditEvent
from registry.people import sessions
from tests.unit.gateway.doors import Browser, Served, add_person, listening, served

ADMIN, SUPER, USER = "admin@example.org", "super@example.org", "user@example.org"


class Webserver:
    """Stands for a Dagster webserver."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.release = threading.Event()
        paths = {
            "/dagster/chunks": self.chunks,
            "/dagster/away": self.away,
            "/dagster/{path:path}": self.echo,
        }
        methods = ["GET", "POST", "PUT", "DELETE"]
        routes = [Route(path, endpoint, methods=methods) for path, endpoint in paths.items()]
        self.app = Starlette(routes=[WebSocketRoute("/dagster/graphql", self.graphql), *routes])

    async def echo(self, request: Request) -> Response:
        body = await request.body()
        found = {
            "name": self.name,
            "method": request.method,
            "target": str(request.url).partition(request.url.netloc)[2],
            "headers": dict(request.headers),
            "body": body.decode(),
        }
        return JSONResponse(found, headers={"Set-Cookie": "theirs=1", "Content-Security-Policy": "theirs"})

    async def chunks(self, _: Request) -> Response:
        import asyncio

        async def parts():
            yield b"first"
            while not self.release.is_set():
                await asyncio.sleep(0.01)
            yield b"second"

        return StreamingResponse(parts())

    async def away(self, request: Request) -> Response:
        return RedirectResponse(f"{request.base_url}dagster/runs?x=1")

    async def graphql(self, websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="graphql-ws")
        await websocket.send_json({"name": self.name, "headers": dict(websocket.headers)})
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") == "end":
                    await websocket.close(1001)
                    return
                await websocket.send({**message, "type": "websocket.send"})
        except WebSocketDisconnect:
            return


@pytest.fixture
def webservers() -> Iterator[tuple[Webserver, Webserver, DagsterAddresses]]:
    full, read_only = Webserver("full"), Webserver("read-only")
    with listening(full.app) as first, listening(read_only.app) as second:
        yield full, read_only, DagsterAddresses(first, second)


@pytest.fixture
def door(house: Installation, webservers) -> Iterator[Served]:
    with served(house, webservers[2]) as found:
        add_person(found.registry, ADMIN, manager="administrator")
        add_person(found.registry, SUPER, manager="superuser")
        add_person(found.registry, USER, manager="user", keys="superuser", portal="superuser")
        yield found


def socket_of(door: Served, browser: Browser):
    return connect(
        door.base.replace("http", "ws") + "/dagster/graphql",
        origin=door.base,
        additional_headers=browser.cookie_header,
        subprotocols=["graphql-ws"],
        proxy=None,
    )


def test_each_role_has_its_webserver(door: Served) -> None:
    assert door.signed_in(ADMIN).get("/dagster/runs?a=%2F&b=1").json()["name"] == "full"
    assert door.signed_in(SUPER).get("/dagster/runs").json()["name"] == "read-only"
    add_person(door.registry, "other@example.org", organisation="other", manager="administrator")
    for email in (USER, "other@example.org"):
        refused = door.signed_in(email).get("/dagster/runs")
        assert refused.status_code == 403
        assert "administrators" in refused.text


def test_websocket_goes_to_the_webserver_of_the_role(door: Served) -> None:
    for email, name in ((ADMIN, "full"), (SUPER, "read-only")):
        with socket_of(door, door.signed_in(email)) as opened:
            assert opened.subprotocol == "graphql-ws"
            assert json.loads(opened.recv())["name"] == name
            opened.send("text")
            assert opened.recv() == "text"
            opened.send(b"\x00bytes")
            assert opened.recv() == b"\x00bytes"
    with pytest.raises(InvalidStatus):
        socket_of(door, door.signed_in(USER))


def test_what_reaches_the_webserver(door: Served) -> None:
    browser = door.signed_in(ADMIN)
    sent = {
        "Connection": "keep-alive, X-Private",
        "X-Private": "1",
        "Authorization": "Bearer x",
        "X-Forwarded-For": "10.0.0.1",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Origin": door.base,
        HEADER.title(): "user:1000",
    }
    found = browser.post("/dagster/graphql?a=%2F%20b", b'{"query": "{version}"}', headers=sent).json()

    assert (found["method"], found["target"], found["body"]) == (
        "POST",
        "/dagster/graphql?a=%2F%20b",
        '{"query": "{version}"}',
    )
    assert found["headers"]["accept"] == "application/json"
    for name in ("cookie", "authorization", "x-private", "x-forwarded-for", "origin"):
        assert name not in found["headers"]
    ours = {name: value for name, value in found["headers"].items() if name.startswith("x-meterhouse")}
    assert ours == {HEADER: f"user:{browser.get('/api/v1/me').json()['user_id']}"}, "it is told who asks"
    with socket_of(door, browser) as opened:
        assert "cookie" not in json.loads(opened.recv())["headers"]


def test_what_comes_back(door: Served) -> None:
    browser = door.signed_in(ADMIN)
    answer = browser.get("/dagster/runs")

    assert "theirs" not in answer.cookies
    assert answer.headers["content-security-policy"] == "theirs, frame-ancestors 'self'"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert browser.get("/dagster/away").headers["location"] == "/dagster/runs?x=1"
    assert browser.get("/dagster").headers["location"] == "/dagster/"


def test_answers_are_passed_on_as_they_come(door: Served, webservers) -> None:
    browser = door.signed_in(ADMIN)
    with browser.session.get(f"{door.base}/dagster/chunks", stream=True, timeout=20) as answer:
        chunks = answer.iter_content(None)
        assert next(chunks) == b"first"
        webservers[0].release.set()
        assert next(chunks) == b"second"


def test_superuser_changes_nothing_and_no_link_does(door: Served) -> None:
    superuser, administrator = door.signed_in(SUPER), door.signed_in(ADMIN)

    assert graphql(superuser, {"query": "{ version }"}).status_code == 200
    assert superuser.post("/dagster/report_asset_materialization/x", b"{}").status_code == 403
    assert administrator.post("/dagster/report_asset_materialization/x", b"{}").status_code == 200
    assert [change[1] for change in changes(door)] == ["report_asset_materialization"]
    for browser in (superuser, administrator):
        assert browser.get("/dagster/graphql?query=mutation%7Bx%7D").status_code == 403
        assert browser.get("/dagster/graphql/?query").status_code == 403
        assert browser.get("/dagster/%67raphql?%71uery=x").status_code == 403
        assert browser.get("/dagster/graphql").status_code == 200


def changes(door: Served) -> list[tuple[str, str | None, list[str]]]:
    """Who changed what in the orchestrator, as the audit log knows it."""
    with door.registry.begin(readonly=True) as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.event == "orchestrator.change")).all()
    return [(event.identity, event.object, json.loads(event.details or "{}")["about"]) for event in events]


def graphql(browser: Browser, body: object, path: str = "/dagster/graphql", kind: str = "application/json"):
    content = json.dumps(body).encode() if isinstance(body, dict | list) else body
    return browser.post(path, content, headers={"Content-Type": kind, "Origin": browser.base})


@pytest.mark.parametrize(
    "document",
    [
        "mutation { launchRun(executionParams: {}) { __typename } }",
        "query A { version } mutation B { wipeAssets { __typename } }",
        "mutation { ...f } fragment f on Mutation { stopSensor { __typename } }",
        "# query\nmutation{logTelemetry{__typename}}",
    ],
)
def test_superuser_sends_no_mutation_in_any_guise(door: Served, document: str) -> None:
    superuser = door.signed_in(SUPER)
    answer = graphql(superuser, {"query": document, "operationName": "A"})
    assert answer.status_code == 403
    assert "Only administrators" in answer.json()["errors"][0]["message"]
    twice = b'{"query": "{ version }", "query": %s}' % json.dumps(document).encode()
    assert graphql(superuser, twice).status_code == 403
    assert graphql(superuser, json.dumps({"query": document}).encode("utf-16")).status_code == 403
    for kind in ("application/graphql", "text/plain", "application/json-x", ""):
        assert graphql(superuser, document.encode(), kind=kind).status_code == 403, kind
    for path in ("/dagster/graphql?query=x", "/dagster/graphql/?query=x", "/dagster/%67raphql?%71uery=x"):
        assert graphql(superuser, {"query": "{ version }"}, path).status_code == 403, path
    with socket_of(door, superuser) as opened:
        opened.recv()
        opened.send(json.dumps({"type": "start", "id": "1", "payload": {"query": document}}))
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv()
        assert closed.value.rcvd.code == 4403
    assert changes(door) == []


def test_only_one_readable_query_passes_at_once(door: Served) -> None:
    bodies = (
        [{"query": "{ version }"}, {"query": "mutation { launchRun { __typename } }"}],
        {"query": ["mutation { launchRun { __typename } }"]},
        {"query": "mutation {"},
        {"variables": {}},
        b"",
        b"not JSON",
        b"[" * 100_000,
        {"query": "{" + "a " * 20_000 + "}"},
        {"query": "{ a " * 3_000 + "}" * 3_000},
    )
    for email in (SUPER, ADMIN):
        browser = door.signed_in(email)
        for body in bodies:
            assert graphql(browser, body).status_code == 400, str(body)[:60]
    assert changes(door) == []


def test_what_is_passed_on_is_what_was_looked_at(door: Served) -> None:
    twice = b'{"query": "mutation { launchRun { __typename } }", "query": "{ version }"}'
    found = graphql(door.signed_in(SUPER), twice).json()
    assert (found["name"], json.loads(found["body"])) == ("read-only", {"query": "{ version }"})
    assert "launchRun" not in found["body"]


def test_what_an_administrator_changes_is_in_the_audit_log(door: Served) -> None:
    administrator = door.signed_in(ADMIN)
    number = administrator.get("/api/v1/me").json()["user_id"]
    graphql(administrator, {"query": "{ version }"})
    graphql(administrator, {"query": "mutation { logTelemetry { __typename } }"})
    document = "mutation M { ...f t: terminateRuns { __typename } } fragment f on Mutation { ...f launchRun { x } }"
    variables = {"p": {"executionMetadata": {"parentRunId": "r-1"}}, "runIds": ["r-2", "r-3"], "secret": "hidden"}
    answer = graphql(administrator, {"query": document, "variables": variables})

    assert answer.json()["name"] == "full"
    assert answer.json()["headers"][HEADER] == f"user:{number}"
    assert changes(door) == [(f"user:{number}", "launchRun terminateRuns", ["r-1", "r-2", "r-3"])]
    with door.registry.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_log RENAME TO away"))
    unwritten = graphql(administrator, {"query": document})
    assert unwritten.status_code == 503, "what cannot be written down is not done"


def test_administrator_sends_no_mutation_past_the_audit_log(door: Served) -> None:
    with socket_of(door, door.signed_in(ADMIN)) as opened:
        opened.recv()
        subscription = json.dumps({"type": "start", "payload": {"query": "subscription { pipelineRunLogs { x } }"}})
        opened.send(subscription)
        assert opened.recv() == subscription
        opened.send(json.dumps({"type": "start", "payload": {"query": "mutation { launchRun { x } }"}}))
        with pytest.raises(ConnectionClosed):
            opened.recv()


def test_open_websocket_ends_with_the_session(door: Served) -> None:
    browser = door.signed_in(ADMIN)
    with socket_of(door, browser) as opened:
        opened.recv()
        browser.submit("/logout")
        opened.send("anything")
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv()
        assert closed.value.rcvd.code == 4403


def test_idle_websocket_ends_with_the_role(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from registry.models import UserRole

    monkeypatch.setattr(dagster, "RECHECK_S", 0.1)
    with socket_of(door, door.signed_in(ADMIN)) as opened:
        opened.recv()
        with door.registry.begin() as session:
            for role in session.query(UserRole).filter_by(role="administrator"):
                role.role = "superuser"
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=10)
        assert closed.value.rcvd.code == 4403


def test_webserver_ends_a_websocket(door: Served) -> None:
    with socket_of(door, door.signed_in(ADMIN)) as opened:
        opened.recv()
        opened.send("end")
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv()
        assert closed.value.rcvd.code == 1001


def test_request_may_not_be_endless(door: Served) -> None:
    browser = door.signed_in(ADMIN)

    def endless() -> Iterator[bytes]:
        for _ in range(dagster.BODY_LIMIT // 2**20 + 1):
            yield bytes(2**20)

    assert graphql(browser, b"x" * (dagster.BODY_LIMIT + 1)).status_code == 413
    with suppress(requests.ConnectionError):  # the door may close before all is sent
        assert graphql(browser, endless()).status_code == 413


def test_webserver_that_is_down_or_not_there_is_a_page(house: Installation) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with served(house, DagsterAddresses(nowhere, None)) as door:
            add_person(door.registry, ADMIN, manager="administrator")
            add_person(door.registry, SUPER, manager="superuser")
            for email in (ADMIN, SUPER):
                browser = door.signed_in(email)
                answer = browser.get("/dagster/")
                assert answer.status_code == 502
                assert "meterhouse serve all" in answer.text
                with pytest.raises(InvalidStatus):
                    socket_of(door, browser)


def test_webserver_that_is_silent_times_out(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagster, "READ_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with served(house, DagsterAddresses(f"http://127.0.0.1:{silent.getsockname()[1]}", None)) as door:
            add_person(door.registry, ADMIN, manager="administrator")
            started = time.monotonic()
            answer = door.signed_in(ADMIN).get("/dagster/")
            assert answer.status_code == 504
            assert time.monotonic() - started < timedelta(seconds=10).total_seconds()


def test_time_out_is_the_registry_s(door: Served) -> None:
    browser = door.signed_in(ADMIN)
    door.clock.pass_by(sessions.IDLE + timedelta(seconds=1))
    assert browser.get("/dagster/").status_code == 303
