"""A real FTP server on loopback, with TLS."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import yaml
from OpenSSL import SSL

from connectors.destinations import FtpsDestination, read_destination
from tests.integration.mail_server import Authority

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # modules that Python 3.12 has no more
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

USER, PASSWORD = "meterhouse", "c0rrect-hörse"
EVERYTHING = "elradfmwMT"


@dataclass
class Behaviour:
    """How a server behaves, beside what is usual; may be changed while it runs.

    Attributes:
        answers: Command to the answer that it gives instead of doing it.
        implicit: Whether connections begin with TLS.
        demands_resumption: Whether a connection for data has to resume the session of the control connection.
        drops_after: Bytes of a file after which it is gone, without a word.
        sleeps_s: How long it says nothing once a file begins to come.
        renames_over: Whether a file may be renamed over another one.
        refuses: Renamings that it refuses, such as ``a.part > a``.
        rights: The account's rights, as pyftpdlib writes them.
        data_tls: What connections for data use, if not what the others do.
        commands: What it was told so far: command and whether that was under TLS.
        resumed: For each connection for data, whether it resumed a session.
    """

    answers: dict[str, str] = field(default_factory=dict)
    implicit: bool = False
    demands_resumption: bool = False
    drops_after: int | None = None
    sleeps_s: float = 0
    renames_over: bool = True
    refuses: set[str] = field(default_factory=set)
    rights: str = EVERYTHING
    data_tls: SSL.Context | None = None
    commands: list[tuple[str, bool]] = field(default_factory=list)
    resumed: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Ftps:
    """A running server."""

    folder: Path
    port: int
    tls: Authority
    behaviour: Behaviour

    def destination(self, **changes: object) -> FtpsDestination:
        """A destination with the right settings, apart from the changes; ``None`` leaves one out."""
        settings: dict[str, object] = {
            "kind": "ftps",
            "host": "localhost",
            "port": self.port,
            "username": USER,
            "implicit": self.behaviour.implicit,
            "certificate": self.tls.ca_file.read_text(),
        }
        left = {name: value for name, value in (settings | changes).items() if value is not None}
        destination = read_destination(yaml.safe_dump(left))
        assert isinstance(destination, FtpsDestination)
        return destination


def context(tls: Authority, version: int | None = None) -> SSL.Context:
    """What a server speaks TLS with, of one version alone where one is given."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.use_certificate_chain_file(str(tls.certificate))
    made.use_privatekey_file(str(tls.key))
    if version is not None:
        made.set_min_proto_version(version)
        made.set_max_proto_version(version)
    return made


@contextmanager
def ftp_server(
    folder: Path, tls: Authority, behaviour: Behaviour | None = None, *, version: int | None = None, plain: bool = False
) -> Iterator[Ftps]:
    """Runs a server of a folder; a plain one knows no TLS."""
    behaviour = behaviour or Behaviour()
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm=behaviour.rights)
    base = _Plain if plain else _Protected
    settings = {
        "authorizer": authorizer,
        "behaviour": behaviour,
        "ssl_context": context(tls, version),
        "abstracted_fs": type("Files", (_Files,), {"behaviour": behaviour}),
        "dtp_handler": base.dtp_handler,
        "banner": "ready",
        "auth_failed_timeout": 0,
    }
    # Python offers localhost as IPv6 first; the server has to be there, too.
    server = FTPServer(("localhost", 0), type("Handler", (base,), settings))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            server.serve_forever(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Ftps(folder, server.address[1], tls, behaviour)
    finally:
        over.set()
        thread.join(timeout=10)
        server.close_all()


class _Files(AbstractedFS):
    behaviour: Behaviour

    def open(self, filename: str, mode: str) -> BinaryIO:
        # With a buffer, it fails at a full disk once more when it closes the file, and never answers.
        return Path(filename).open(mode, buffering=0)

    def rename(self, src: str, dst: str) -> None:
        if f"{Path(src).name} > {Path(dst).name}" in self.behaviour.refuses:
            raise PermissionError(13, "Permission denied")
        if not self.behaviour.renames_over and Path(dst).exists():
            raise FileExistsError(17, "File exists")
        super().rename(src, dst)


class _Commands:
    """Notes what it is told, and answers as it is meant to."""

    behaviour: Behaviour

    def process_command(self, cmd: str, *args: object, **kwargs: object) -> None:
        self.behaviour.commands.append((cmd, isinstance(self.socket, SSL.Connection)))
        if cmd in self.behaviour.answers:
            self.respond(self.behaviour.answers[cmd])
        else:
            super().process_command(cmd, *args, **kwargs)


class _Data(TLS_DTPHandler):
    def secure_connection(self, ssl_context: SSL.Context) -> None:
        super().secure_connection(self.cmd_channel.behaviour.data_tls or ssl_context)

    def handle_ssl_established(self) -> None:
        resumed = bool(SSL._lib.SSL_session_reused(self.socket._ssl))
        self.cmd_channel.behaviour.resumed.append(resumed)
        if self.cmd_channel.behaviour.demands_resumption and not resumed:
            self.cmd_channel.respond("522 SSL connection failed: session reuse required.")
            self.close()

    def handle_read_event(self) -> None:
        behaviour = self.cmd_channel.behaviour
        super().handle_read_event()
        if behaviour.sleeps_s and self.tot_bytes_received:
            threading.Event().wait(behaviour.sleeps_s)
        if behaviour.drops_after is not None and self.tot_bytes_received > behaviour.drops_after:
            for channel in (self.cmd_channel, self):
                channel._error = True  # no farewell
                channel.close()

    def handle_error(self) -> None:
        # Under TLS the library forgets to say that a transfer failed.
        self._resp = ("426 Transfer aborted.", self.log)
        super().handle_error()


class _Protected(_Commands, TLS_FTPHandler):
    dtp_handler = _Data

    def handle(self) -> None:
        if self.behaviour.implicit:
            self.secure_connection(self.ssl_context)
        else:
            super().handle()

    def handle_ssl_established(self) -> None:
        if self.behaviour.implicit:
            super().handle()


class _Plain(_Commands, FTPHandler):
    pass
