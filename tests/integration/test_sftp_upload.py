"""Uploads to real SFTP servers: whole or not at all, whatever breaks."""

import getpass
import random
import socket
import time
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from connectors.destinations import Destination, read_destination
from connectors.errors import Permanent, Transient
from connectors.uploads import Upload, upload
from tests.integration.disks import disk_of
from tests.integration.openssh import OpenSsh, breaking_line, openssh
from tests.integration.plain_sftp import PASSWORD, USER, PlainSftp, plain_sftp_server

__all__ = ["openssh"]

pytestmark = pytest.mark.sshd
NOWHERE = Path("/nowhere")


def destination(openssh: OpenSsh, port: int | None = None, **changes: object) -> Destination:
    settings: dict[str, object] = {
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": port or openssh.port,
        "username": getpass.getuser(),
        "folder": str(openssh.folder),
        "host_key": openssh.trust(port or openssh.port).read_text(),
        "auth": "private_key",
    }
    return read_destination(yaml.safe_dump(settings | changes))


def key(openssh: OpenSsh, name: str = "user_key") -> bytes:
    return (openssh.home / name).read_bytes()


def put(to: Destination, secret: bytes | None, *paths: Path) -> None:
    upload(to, secret, [Upload(path.name, path) for path in paths], folder_root=NOWHERE)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    path.write_bytes(random.Random(1).randbytes(3_000_000))
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv.json"
    path.write_text('{"rows": 3}')
    return path


# Also by a server that has neither of OpenSSH's extensions for renaming over a file and for writing to the disk.
@pytest.mark.parametrize("openssh", ["", "-P posix-rename,fsync"], indirect=True)
def test_files_arrive_whole_and_replace_those_of_an_earlier_try(openssh: OpenSsh, file: Path, manifest: Path):
    empty = file.with_name("empty.csv")
    empty.touch()
    wanted = {path.name: path.read_bytes() for path in (manifest, file, empty)}
    put(destination(openssh), key(openssh), manifest, file, empty)
    assert held(openssh.folder) == wanted
    put(destination(openssh), key(openssh), manifest, file, empty)
    assert held(openssh.folder) == wanted
    file.write_bytes(b"another revision")
    put(destination(openssh), key(openssh), manifest, file)
    assert held(openssh.folder) == wanted | {file.name: b"another revision"}


def test_what_an_earlier_try_left_is_written_over(openssh: OpenSsh, manifest: Path):
    (openssh.folder / f"{manifest.name}.part").write_bytes(bytes(100_000))
    put(destination(openssh), key(openssh), manifest)
    assert held(openssh.folder) == {manifest.name: manifest.read_bytes()}


def test_any_of_several_pinned_keys_will_do(openssh: OpenSsh, manifest: Path):
    keys = [openssh.trust(openssh.port, name).read_text() for name in ("other_host_key", "host_key")]
    put(destination(openssh, host_key="# the old one and the new one\n" + "".join(keys)), key(openssh), manifest)
    assert held(openssh.folder) == {manifest.name: manifest.read_bytes()}


def test_another_host_key_is_refused_before_any_login(openssh: OpenSsh, manifest: Path):
    line = openssh.trust(openssh.port, "other_host_key").read_text()
    with pytest.raises(Permanent, match="another host key than the destination's host_key has"):
        put(destination(openssh, host_key=line), key(openssh), manifest)
    assert openssh.logins() == 0
    assert held(openssh.folder) == {}


def test_a_refused_login_is_for_good_and_tells_no_secret(openssh: OpenSsh, manifest: Path):
    with pytest.raises(Permanent, match="login refused"):
        put(destination(openssh), key(openssh, "other_user_key"), manifest)
    with pytest.raises(Permanent, match="login refused") as raised:
        put(destination(openssh, auth="password"), b"open-sesame\n", manifest)
    assert "open-sesame" not in str(raised.value)
    assert held(openssh.folder) == {}
    put(destination(openssh), key(openssh), manifest)
    assert held(openssh.folder) == {manifest.name: manifest.read_bytes()}


def test_a_secret_that_is_none_is_named_and_not_told(openssh: OpenSsh, manifest: Path):
    for secret in (key(openssh, "locked_key"), b"open-sesame", key(openssh, "user_key.pub")):
        with pytest.raises(Permanent, match="the stored secret is no private key without passphrase") as raised:
            put(destination(openssh), secret, manifest)
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None or b"open-sesame" not in str(raised.value.__context__).encode()
    with pytest.raises(Permanent, match="the stored secret is no password in UTF-8"):
        put(destination(openssh, auth="password"), b"\xff", manifest)
    with pytest.raises(Permanent, match="no password or key is stored"):
        put(destination(openssh), None, manifest)


def test_a_missing_folder_is_named(openssh: OpenSsh, manifest: Path):
    with pytest.raises(Permanent, match="writing in the folder out/billing failed: it is missing"):
        put(destination(openssh, folder="out/billing"), key(openssh), manifest)


@pytest.mark.parametrize("openssh", ["-R"], indirect=True)
def test_no_right_to_write_is_for_good(openssh: OpenSsh, manifest: Path):
    with pytest.raises(Permanent, match=r"writing in the folder .* is not allowed"):
        put(destination(openssh), key(openssh), manifest)


@pytest.mark.parametrize("size", [600_000, 512 * 1024 + 1], ids=["far too large", "by one byte"])
def test_a_full_disk_over_there_leaves_nothing_and_passes(openssh: OpenSsh, tmp_path: Path, size: int):
    file = tmp_path / "readings.csv"
    file.write_bytes(random.Random(2).randbytes(size))
    with disk_of("512k", tmp_path / "small") as disk:
        with pytest.raises(Transient, match=r"does not say why.*disk or the account's quota is full"):
            put(destination(openssh, folder=str(disk)), key(openssh), file)
        assert held(disk) == {}
        file.write_bytes(file.read_bytes()[:400_000])
        put(destination(openssh, folder=str(disk)), key(openssh), file)
        assert held(disk) == {file.name: file.read_bytes()}


def test_a_connection_cut_in_mid_file_leaves_no_name_and_the_next_try_succeeds(
    openssh: OpenSsh, file: Path, manifest: Path
):
    with (
        breaking_line(openssh.port, 1_000_000, upwards=True) as port,
        pytest.raises(Transient, match="the connection failed"),
    ):
        put(destination(openssh, port), key(openssh), manifest, file)
    left = held(openssh.folder)
    assert set(left) == {f"{manifest.name}.part", f"{file.name}.part"}
    assert len(left[f"{file.name}.part"]) < 3_000_000
    put(destination(openssh), key(openssh), manifest, file)
    assert held(openssh.folder) == {path.name: path.read_bytes() for path in (manifest, file)}


# Before the greeting, in the exchange of keys, at the login, while the session opens, in mid-file.
@pytest.mark.parametrize("after_bytes", [1, 1_000, 1_270, 1_570, 1_690, 1_000_000])
def test_a_server_that_falls_silent_is_given_up(
    openssh: OpenSsh, file: Path, monkeypatch: pytest.MonkeyPatch, after_bytes: int
):
    monkeypatch.setattr("connectors.sftp_session.TIMEOUT_S", 0.5)
    monkeypatch.setattr("connectors.sftp_session.READ_TIMEOUT_S", 0.5)
    started = time.monotonic()
    with (
        breaking_line(openssh.port, after_bytes, silently=True, upwards=True) as port,
        pytest.raises(Transient, match="the connection failed"),
    ):
        put(destination(openssh, port), key(openssh), file)
    assert time.monotonic() - started < 5
    assert file.name not in held(openssh.folder)
    put(destination(openssh), key(openssh), file)
    assert held(openssh.folder) == {file.name: file.read_bytes()}


@pytest.mark.parametrize("after_bytes", [1, 1_270, 1_570, 1_690, 1_870])
def test_a_connection_lost_before_the_session_is_open_passes(openssh: OpenSsh, manifest: Path, after_bytes: int):
    with breaking_line(openssh.port, after_bytes, upwards=True) as port, pytest.raises(Transient):
        put(destination(openssh, port), key(openssh), manifest)
    assert manifest.name not in held(openssh.folder)


def test_nobody_there_passes(openssh: OpenSsh, manifest: Path):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(Transient, match="refused"):
            put(destination(openssh, probe.getsockname()[1]), key(openssh), manifest)


def test_a_refused_name_leaves_no_data_file_and_the_manifest_came_first(openssh: OpenSsh, file: Path, manifest: Path):
    (openssh.folder / file.name).mkdir()
    with pytest.raises(Transient, match=r"renaming in the folder .* failed"):
        put(destination(openssh), key(openssh), manifest, file)
    assert held(openssh.folder) == {manifest.name: manifest.read_bytes()}
    (openssh.folder / file.name).rmdir()
    put(destination(openssh), key(openssh), manifest, file)
    assert held(openssh.folder) == {path.name: path.read_bytes() for path in (manifest, file)}


def test_a_local_file_that_is_gone_is_named(openssh: OpenSsh, file: Path, manifest: Path):
    file.unlink()
    with pytest.raises(Permanent, match=r"readings\.csv cannot be read"):
        put(destination(openssh), key(openssh), manifest, file)
    assert held(openssh.folder) == {}


def test_memory_does_not_grow_with_the_file(openssh: OpenSsh, tmp_path: Path):
    file = tmp_path / "large.csv"
    with file.open("wb") as stream:
        stream.truncate(30_000_000)
    tracemalloc.start()
    try:
        put(destination(openssh), key(openssh), file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (openssh.folder / file.name).stat().st_size == 30_000_000
    assert peak < 6_000_000


def plain(server: PlainSftp) -> Destination:
    settings = {
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "username": USER,
        "host_key": server.known_hosts,
    }
    return read_destination(yaml.safe_dump(settings))


def test_a_password_and_a_server_that_renames_over_nothing(tmp_path: Path, file: Path):
    (tmp_path / "served").mkdir()
    with plain_sftp_server(tmp_path / "served") as server:
        put(plain(server), PASSWORD.encode(), file)
        assert server.steps == [f"{file.name}.part > {file.name}"]
        file.write_bytes(b"another revision")
        server.steps.clear()
        put(plain(server), f"{PASSWORD}\n".encode(), file)
        assert server.steps == [
            f"{file.name} > {file.name}.old.part",
            f"{file.name}.part > {file.name}",
            f"{file.name}.old.part removed",
        ]
        assert held(server.folder) == {file.name: b"another revision"}


def test_the_old_file_comes_back_where_the_new_one_is_refused(tmp_path: Path, file: Path):
    (tmp_path / "served").mkdir()
    with plain_sftp_server(tmp_path / "served") as server:
        (server.folder / file.name).write_bytes(b"old")
        server.folder.joinpath(f"{file.name}.old.part").write_bytes(b"left by a try that died")
        server.refuses.add(f"{file.name}.part > {file.name}")
        with pytest.raises(Transient):
            put(plain(server), PASSWORD.encode(), file)
        assert held(server.folder) == {file.name: b"old"}
