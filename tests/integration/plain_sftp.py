"""An SFTP server with the protocol's own requests alone, none of OpenSSH's, and a login by password."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

USER, PASSWORD = "meterhouse", "c0rrect-hörse"


@dataclass
class PlainSftp:
    """A running server of a folder.

    Attributes:
        folder: The folder.
        port: Where it listens.
        host_key: Its key.
        refuses: Renamings that it refuses, such as ``a.part > a``.
        steps: What it did to names.
    """

    folder: Path
    port: int
    host_key: paramiko.PKey
    refuses: set[str] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)

    @property
    def known_hosts(self) -> str:
        """The line that pins it."""
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}"


@contextmanager
def plain_sftp_server(folder: Path) -> Iterator[PlainSftp]:
    """Runs a server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = PlainSftp(folder, listener.getsockname()[1], paramiko.ECDSAKey.generate())
        transports: list[paramiko.Transport] = []
        thread = threading.Thread(target=_accept, args=(listener, server, transports))
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
            for transport in transports:
                transport.close()


def _accept(listener: socket.socket, server: PlainSftp, transports: list[paramiko.Transport]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(server.host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, server)
            transport.start_server(server=_Door(), event=threading.Event())


class _Door(paramiko.ServerInterface):
    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, door: _Door, server: PlainSftp, *arguments: object, **named: object) -> None:
        super().__init__(door, *arguments, **named)
        self._server = server

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            stream = os.fdopen(os.open(self._at(path), flags, 0o644), "wb")
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno)
        handle = _Handle(flags)
        handle.writefile = stream
        return handle

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(os.lstat(self._at(path)))
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno)

    def rename(self, oldpath: str, newpath: str) -> int:
        old, new = self._at(oldpath), self._at(newpath)
        step = f"{old.name} > {new.name}"
        if new.exists() or step in self._server.refuses:
            return paramiko.SFTP_FAILURE
        self._server.steps.append(step)
        old.rename(new)
        return paramiko.SFTP_OK

    def remove(self, path: str) -> int:
        try:
            self._at(path).unlink()
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno)
        self._server.steps.append(f"{self._at(path).name} removed")
        return paramiko.SFTP_OK

    def _at(self, path: str) -> Path:
        return self._server.folder / path.removeprefix("/")


class _Handle(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes:
        self.writefile.flush()
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.writefile.fileno()))
