"""The SFTP drop against a real OpenSSH server."""

import getpass
import random
import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import paramiko
import pytest

from connectors.errors import Permanent, Transient
from tests.integration.openssh import OpenSsh, breaking_line, openssh

__all__ = ["openssh"]

pytestmark = pytest.mark.sshd


def test_many_files_come_over_one_connection(openssh: OpenSsh):
    sizes = random.Random(1)
    contents = {f"day/{n:03d}.csv": sizes.randbytes(sizes.randrange(60_000)) for n in range(300)}
    contents["empty.csv"] = b""
    contents["large.csv"] = sizes.randbytes(3_000_000)
    for name, content in contents.items():
        path = openssh.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    drop = openssh.drop()
    found, cursor = drop.poll(None)
    assert found == []
    found, cursor = drop.poll(cursor)
    before = openssh.logins()
    fetched = {file.path: content for file, content in drop.fetch(found)}
    assert openssh.logins() - before == 1
    assert fetched == {str(openssh.folder / name): content for name, content in contents.items()}
    assert drop.poll(cursor)[0] == []


def test_paths_alone_can_be_fetched(openssh: OpenSsh):
    (openssh.folder / "a.csv").write_bytes(b"frames")
    path = str(openssh.folder / "a.csv")
    ((file, content),) = openssh.drop().fetch([path])
    assert (file.path, file.size, content) == (path, 6, b"frames")


def test_a_folder_relative_to_the_home(openssh: OpenSsh):
    assert isinstance(openssh.drop(folder=".").poll(None)[0], list)


def test_a_growing_file_is_taken_only_when_complete(openssh: OpenSsh):
    drop, path = openssh.drop(), openssh.folder / "a.csv"
    path.write_bytes(b"one\n")
    _, cursor = drop.poll(None)
    path.write_bytes(b"one\ntwo\n")
    found, cursor = drop.poll(cursor)
    assert found == []
    found, cursor = drop.poll(cursor)
    assert [file.size for file in found] == [8]
    path.write_bytes(b"one\ntwo\nthree\n")
    assert list(drop.fetch(found)) == []
    found, cursor = drop.poll(cursor)
    assert found == []
    found, cursor = drop.poll(cursor)
    assert [content for _, content in drop.fetch(found)] == [b"one\ntwo\nthree\n"]


def test_a_file_that_grows_while_it_is_read_is_left(openssh: OpenSsh):
    path = openssh.folder / "a.csv"
    path.write_bytes(bytes(20_000_000))
    stop = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"more")
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert list(openssh.drop().fetch([str(path)])) == []
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("name", ["a.csv.part", "a.tmp", "A.FILEPART", ".a.csv", ".hidden/a.csv"])
def test_unfinished_and_hidden_names_are_left(openssh: OpenSsh, name: str):
    path = openssh.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    _, cursor = openssh.drop().poll(None)
    assert openssh.drop().poll(cursor)[0] == []
    path.rename(openssh.folder / "a.csv")
    _, cursor = openssh.drop().poll(cursor)
    assert [file.path for file in openssh.drop().poll(cursor)[0]] == [str(openssh.folder / "a.csv")]


def test_folders_are_left_out_however_they_are_named(openssh: OpenSsh):
    for name in ("a.csv", "imports/meters/b.csv", "day/imports/c.csv"):
        (openssh.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (openssh.folder / name).write_bytes(b"x")
    for left_out in (f"{openssh.folder}/imports/", f"{openssh.folder}/day/../imports", "/not/there"):
        drop = openssh.drop(left_out=(left_out,))
        _, cursor = drop.poll(None)
        names = {file.path.removeprefix(f"{openssh.folder}/") for file in drop.poll(cursor)[0]}
        assert names - {"imports/meters/b.csv"} == {"a.csv", "day/imports/c.csv"}
        assert ("imports/meters/b.csv" in names) == (left_out == "/not/there")


def test_another_host_key_is_refused(openssh: OpenSsh):
    known_hosts = openssh.trust(openssh.port, "other_host_key")
    with pytest.raises(Permanent, match="another host key"):
        openssh.drop(known_hosts_file=known_hosts).poll(None)
    assert openssh.logins() == 0


def test_an_unknown_host_is_refused(openssh: OpenSsh, tmp_path: Path):
    (tmp_path / "nobody").write_text("")
    with pytest.raises(Permanent, match=r"host key is unknown.*ssh-keyscan"):
        openssh.drop(known_hosts_file=tmp_path / "nobody").poll(None)
    for known_hosts in (None, tmp_path / "missing"):
        with pytest.raises(Permanent, match="ssh-keyscan"):
            openssh.drop(known_hosts_file=known_hosts).poll(None)
    assert openssh.logins() == 0


def test_a_refused_login_names_the_remedy_and_no_password(openssh: OpenSsh, tmp_path: Path):
    with pytest.raises(Permanent, match="login refused"):
        openssh.drop(private_key_file=tmp_path / "other_user_key").poll(None)
    (tmp_path / "password").write_text("open-sesame\n")
    with pytest.raises(Permanent, match="login refused") as raised:
        openssh.drop(private_key_file=None, password_file=tmp_path / "password").poll(None)
    assert "open-sesame" not in str(raised.value)
    assert getpass.getuser() in str(raised.value)


@pytest.mark.parametrize("setting", ["private_key_file", "password_file"])
def test_a_missing_secret_file_is_named(openssh: OpenSsh, tmp_path: Path, setting: str):
    with pytest.raises(Permanent, match="not-there"):
        openssh.drop(**{setting: tmp_path / "not-there"}).poll(None)


def test_unusable_private_keys_are_named(openssh: OpenSsh, tmp_path: Path):
    (tmp_path / "garbage").write_text("no key")
    for name in ("locked_key", "garbage", "user_key.pub"):
        with pytest.raises(Permanent, match=f"{name} is no private key that can be read"):
            openssh.drop(private_key_file=tmp_path / name).poll(None)


def test_a_missing_folder_is_named(openssh: OpenSsh):
    with pytest.raises(Permanent, match="not-there"):
        openssh.drop(folder=str(openssh.folder / "not-there")).poll(None)


def test_a_file_that_is_gone_does_not_hold_up_the_others(openssh: OpenSsh):
    for name in ("a.csv", "b.csv", "c.csv"):
        (openssh.folder / name).write_bytes(name.encode())
    _, cursor = openssh.drop().poll(None)
    found, _ = openssh.drop().poll(cursor)
    (openssh.folder / "b.csv").unlink()
    fetched = []
    with pytest.raises(Permanent, match=r"b\.csv"):
        fetched.extend(content for _, content in openssh.drop().fetch(found))
    assert fetched == [b"a.csv", b"c.csv"]


def test_each_part_of_a_file_is_asked_for_once(openssh: OpenSsh, monkeypatch: pytest.MonkeyPatch):
    content = random.Random(3).randbytes(9_000_000)
    (openssh.folder / "a.csv").write_bytes(content)
    asked, send = [], paramiko.SFTPClient._async_request

    def send_slowly(self: paramiko.SFTPClient, into: object, kind: int, *arguments: object) -> int:
        if kind == paramiko.sftp.CMD_READ:
            asked.append(int(arguments[1]))
            time.sleep(0.001)  # longer than an answer takes
        return int(send(self, into, kind, *arguments))

    monkeypatch.setattr(paramiko.SFTPClient, "_async_request", send_slowly)
    assert [got for _, got in openssh.drop().fetch([str(openssh.folder / "a.csv")])] == [content]
    assert asked == list(range(0, 9_000_000, 32_768))


@pytest.mark.parametrize("after_bytes", [200_000, 1_200_000])
def test_a_connection_lost_in_mid_file_hands_out_nothing_half(openssh: OpenSsh, after_bytes: int):
    content = random.Random(2).randbytes(900_000)
    for name in ("a.csv", "b.csv", "c.csv"):
        (openssh.folder / name).write_bytes(content)
    paths = [str(openssh.folder / name) for name in ("a.csv", "b.csv", "c.csv")]
    fetched = []
    with breaking_line(openssh.port, after_bytes) as port:
        drop = openssh.drop(port, known_hosts_file=openssh.trust(port))
        with pytest.raises(Transient, match="the connection failed"):
            fetched.extend(drop.fetch(paths))
    assert [file.path for file, _ in fetched] == paths[: after_bytes // 900_000]
    assert all(received == content for _, received in fetched)


def test_a_connection_that_falls_silent_in_mid_file_is_transient(openssh: OpenSsh, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.sftp_session.READ_TIMEOUT_S", 0.5)
    path = openssh.folder / "a.csv"
    path.write_bytes(bytes(900_000))
    with breaking_line(openssh.port, 200_000, silently=True) as port:
        drop = openssh.drop(port, known_hosts_file=openssh.trust(port))
        with pytest.raises(Transient, match="the connection failed"):
            list(drop.fetch([str(path)]))


def test_a_connection_lost_at_once_is_transient(openssh: OpenSsh):
    with breaking_line(openssh.port, 1) as port, pytest.raises(Transient):
        openssh.drop(port, known_hosts_file=openssh.trust(port)).poll(None)


def test_nobody_listening_is_transient(openssh: OpenSsh):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(Transient, match="refused"):
            openssh.drop(port, known_hosts_file=openssh.trust(port)).poll(None)


def test_a_silent_server_is_transient(openssh: OpenSsh, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.sftp_session.TIMEOUT_S", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(Transient):
            openssh.drop(port, known_hosts_file=openssh.trust(port)).poll(None)
        assert time.monotonic() - started < 5
