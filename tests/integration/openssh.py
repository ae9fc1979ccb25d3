"""A real OpenSSH server on loopback, and a line to it that can be cut."""

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.sftp import SftpDrop
from tests.conftest import require

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_key
AuthorizedKeysFile {home}/user_key.pub
PidFile {home}/sshd.pid
Subsystem sftp internal-sftp
ForceCommand internal-sftp {options}
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
LogLevel VERBOSE
PerSourcePenalties no
"""


@dataclass(frozen=True)
class OpenSsh:
    """A running server."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """The served folder."""
        return self.home / "drop"

    def drop(self, port: int | None = None, **changes: object) -> SftpDrop:
        """A drop with the right keys, apart from the changes."""
        settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": port or self.port,
            "username": getpass.getuser(),
            "folder": str(self.folder),
            "private_key_file": self.home / "user_key",
            "known_hosts_file": self.home / "known_hosts",
        }
        return SftpDrop(**settings | changes)

    def trust(self, port: int, key: str = "host_key") -> Path:
        """A ``known_hosts`` that pins a key for a port of loopback."""
        kind, data, *_ = (self.home / f"{key}.pub").read_text().split()
        path = self.home / f"known_hosts_{port}_{key}"
        path.write_text(f"[127.0.0.1]:{port} {kind} {data}\n")
        return path

    def logins(self) -> int:
        """How often somebody logged in so far."""
        return (self.home / "sshd.log").read_text().count("Accepted publickey")


@pytest.fixture
def openssh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenSsh]:
    """A server with an empty served folder; its parameter is options of ``internal-sftp``."""
    sshd = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    keygen = shutil.which("ssh-keygen")
    require(bool(sshd and keygen), "OpenSSH's sshd and ssh-keygen are not installed (Debian: openssh-server)")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "other_host_key", "user_key", "other_user_key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked_key"], check=True)
    server = OpenSsh(tmp_path, _free_port())
    server.folder.mkdir()
    server.trust(server.port).rename(tmp_path / "known_hosts")
    (tmp_path / "sshd_config").write_text(
        _CONFIG.format(port=server.port, home=tmp_path, options=getattr(request, "param", ""))
    )
    # Older servers know no penalties per source; -o cannot ask, so the option is dropped where it is unknown.
    config, log = tmp_path / "sshd_config", tmp_path / "sshd.log"
    if subprocess.run([sshd, "-t", "-f", config], capture_output=True, check=False).returncode:
        config.write_text(config.read_text().replace("PerSourcePenalties no\n", ""))
    process = subprocess.Popen([sshd, "-D", "-f", config, "-E", log], stdin=subprocess.DEVNULL)
    try:
        _wait_for(server.port, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return
        time.sleep(0.05)
    pytest.fail(f"sshd does not answer: {log.read_text() if log.exists() else 'no log'}", pytrace=False)


@contextmanager
def breaking_line(port: int, after_bytes: int, *, silently: bool = False, upwards: bool = False) -> Iterator[int]:
    """A port that leads to another one and breaks down for good after so many bytes from there, upwards: to there.

    Silently is as when a cable is pulled: the connection stays open and nothing comes any more.
    """
    over = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        arguments = (listener, port, after_bytes, over if silently else None, upwards)
        thread = threading.Thread(target=_carry, args=arguments)
        thread.start()
        yield int(listener.getsockname()[1])
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)


def _carry(listener: socket.socket, port: int, after_bytes: int, over: threading.Event | None, upwards: bool) -> None:
    try:
        near, _ = listener.accept()
    except OSError:
        return
    with closing(near), closing(socket.create_connection(("127.0.0.1", port))) as far:
        source, target = (near, far) if upwards else (far, near)
        back = threading.Thread(target=_pump, args=(target, source, None))
        back.start()
        _pump(source, target, after_bytes)
        if over is not None:
            over.wait(timeout=60)
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join(timeout=10)


def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    carried = 0
    with suppress(OSError):
        while (limit is None or carried < limit) and (data := source.recv(16_384)):
            target.sendall(data)
            carried += len(data)
