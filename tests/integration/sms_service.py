"""A real HTTP service for text messages on loopback, with or without TLS."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.integration.mail_server import Authority

TOKEN = "Bearer sms-t0ken"


@dataclass
class Phones:
    """What a service has taken, and how it behaves.

    Attributes:
        taken: What it was told with each request it answered with yes, and the headers.
        answer: Status code and body for a request.
    """

    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], tuple[int, str]] = lambda _: (200, "{}")


@contextmanager
def sms_service(phones: Phones, tls: Authority | None = None, port: int = 0) -> Iterator[str]:
    """Runs a service; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            is_json = "json" in self.headers.get("Content-Type", "")
            self.reply(json.loads(body) if is_json else dict(parse_qsl(body)))

        def do_GET(self) -> None:
            self.reply(dict(parse_qsl(urlsplit(self.path).query)))

        def reply(self, told: dict[str, Any]) -> None:
            code, content = phones.answer(told)
            if code < 300:
                phones.taken.append(told)
                phones.headers.append(dict(self.headers))
            self.send_response(code)
            self.send_header("Content-Length", str(len(content.encode())))
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Tests say what they need."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls:
        server.socket = tls.context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{server.server_port}/v1/messages"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
