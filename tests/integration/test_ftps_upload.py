"""Uploads to real FTP servers over TLS: whole or not at all, whatever breaks, and nothing in clear."""

import hashlib
import random
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from OpenSSL import SSL

from connectors.destinations import FtpsDestination
from connectors.errors import ConnectorError, Permanent, Transient
from connectors.uploads import Upload, upload
from tests.integration.disks import disk_of
from tests.integration.ftps import EVERYTHING, PASSWORD, Behaviour, Ftps, context, ftp_server
from tests.integration.mail_server import Authority, authority

SECRET = PASSWORD.encode()
NAME = "readings.csv"


def put(to: FtpsDestination, *paths: Path, secret: bytes = SECRET) -> None:
    upload(to, secret, [Upload(path.name, path) for path in paths], folder_root=Path("/nowhere"))


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def tls(tmp_path: Path) -> Authority:
    return authority(tmp_path / "tls")


@pytest.fixture
def served(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(random.Random(1).randbytes(3_000_000))
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.json"
    path.write_text('{"rows": 3}')
    return path


@pytest.fixture
def server(served: Path, tls: Authority) -> Iterator[Ftps]:
    with ftp_server(served, tls) as running:
        yield running


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["TLS 1.2", "TLS 1.3"])
def test_files_arrive_whole_over_one_login_with_nothing_in_clear(
    served: Path, tls: Authority, file: Path, manifest: Path, implicit: bool, version: int
):
    empty = file.with_name("empty.csv")
    empty.touch()
    behaviour = Behaviour(implicit=implicit, demands_resumption=True)
    with ftp_server(served, tls, behaviour, version=version) as server:
        put(server.destination(), manifest, file, empty)
    assert held(served) == {path.name: path.read_bytes() for path in (manifest, file, empty)}
    assert behaviour.resumed == [True] * 3
    assert [command for command, protected in behaviour.commands if not protected] == ([] if implicit else ["AUTH"])
    assert [command for command, _ in behaviour.commands].count("PASS") == 1
    renamed = [command for command, _ in behaviour.commands if command in ("STOR", "RNTO")]
    assert renamed == ["STOR"] * 3 + ["RNTO"] * 3


def test_a_file_of_an_earlier_try_is_replaced(server: Ftps, file: Path, manifest: Path):
    put(server.destination(), manifest, file)
    put(server.destination(), manifest, file)
    assert held(server.folder) == {path.name: path.read_bytes() for path in (manifest, file)}
    (server.folder / f"{NAME}.part").write_bytes(bytes(5_000_000))
    file.write_bytes(b"another revision")
    put(server.destination(), file)
    assert held(server.folder)[NAME] == b"another revision"
    assert f"{NAME}.part" not in held(server.folder)


def test_a_server_that_renames_over_nothing(server: Ftps, file: Path):
    server.behaviour.renames_over = False
    (server.folder / NAME).write_bytes(b"old")
    server.behaviour.refuses.add(f"{NAME}.part > {NAME}")
    with pytest.raises(Permanent, match=r"renaming was refused \(550\)"):
        put(server.destination(), file)
    assert held(server.folder) == {NAME: b"old"}
    server.behaviour.refuses.clear()
    put(server.destination(), file)
    assert held(server.folder) == {NAME: file.read_bytes()}


def test_a_folder_there(server: Ftps, file: Path):
    with pytest.raises(Permanent, match=r"the folder out/billing was refused \(550\)"):
        put(server.destination(folder="out/billing"), file)
    (server.folder / "out/billing").mkdir(parents=True)
    put(server.destination(folder="out/billing"), file)
    assert held(server.folder / "out/billing") == {NAME: file.read_bytes()}
    assert held(server.folder) == {}


def test_a_refused_login_is_for_good_and_tells_no_secret(server: Ftps, file: Path):
    with pytest.raises(Permanent, match=r"the login was refused \(530\)") as raised:
        put(server.destination(), file, secret=b"open-sesame")
    assert "open-sesame" not in str(raised.value)
    assert raised.value.__cause__ is None
    with pytest.raises(Permanent, match="the stored secret is no password"):
        put(server.destination(), file, secret=b"\xff")
    assert held(server.folder) == {}


def test_a_busy_server_is_tried_again(server: Ftps, file: Path):
    server.behaviour.answers["USER"] = "421 Too many connections."
    with pytest.raises(Transient, match=r"the login was put off \(421\)"):
        put(server.destination(), file)
    server.behaviour.answers.clear()
    put(server.destination(), file)
    assert held(server.folder) == {NAME: file.read_bytes()}


@pytest.mark.parametrize("plain", [True, False], ids=["plain server", "refused"])
def test_without_tls_not_even_the_name_is_said(served: Path, tls: Authority, file: Path, plain: bool):
    with ftp_server(served, tls, Behaviour(answers={} if plain else {"AUTH": "534 No."}), plain=plain) as server:
        with pytest.raises(Permanent, match=r"TLS was refused .* Nothing is sent unencrypted"):
            put(server.destination(), file)
        assert {command for command, _ in server.behaviour.commands} <= {"AUTH", "QUIT"}
    assert held(served) == {}


def test_without_protection_of_data_nothing_is_sent(server: Ftps, file: Path):
    server.behaviour.answers["PROT"] = "536 Not supported."
    with pytest.raises(Permanent, match=r"the protection of data was refused \(536\)"):
        put(server.destination(), file)
    assert "STOR" not in {command for command, _ in server.behaviour.commands}


def test_certificates_have_to_hold(server: Ftps, file: Path, tmp_path: Path):
    other = authority(tmp_path / "other").ca_file.read_text()
    for changes in ({"certificate": None}, {"certificate": other}, {"host": "127.0.0.1"}):
        with pytest.raises(Permanent, match="certificate does not hold"):
            put(server.destination(**changes), file)
    assert {command for command, _ in server.behaviour.commands} == {"AUTH"}
    assert held(server.folder) == {}


def test_self_signed_certificates_are_taken_where_that_is_allowed(server: Ftps, file: Path):
    allowed = {"certificate": None, "allow_self_signed": True}
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(server.tls.certificate.read_text())).hexdigest()
    with pytest.raises(Permanent, match=f"another certificate than the pinned one, with the fingerprint {shown}"):
        put(server.destination(**allowed, fingerprint="0" * 64), file)
    assert {command for command, _ in server.behaviour.commands} == {"AUTH"}
    for changes in ({}, {"fingerprint": shown}):
        put(server.destination(**allowed, **changes), file)
        assert held(server.folder) == {NAME: file.read_bytes()}
        (server.folder / NAME).unlink()


def test_data_does_not_go_to_another_certificate(server: Ftps, file: Path, tmp_path: Path):
    server.behaviour.data_tls = context(authority(tmp_path / "other"))
    with pytest.raises(Permanent, match="another certificate than the pinned one"):
        put(server.destination(certificate=None, allow_self_signed=True), file)
    with pytest.raises(Permanent, match="certificate does not hold"):
        put(server.destination(), file)
    assert set(held(server.folder).values()) <= {b""}


def test_tls_from_the_first_byte_where_it_is_asked_for(served: Path, tls: Authority, file: Path):
    with ftp_server(served, tls) as server, pytest.raises(Permanent, match=r"no TLS came about .*implicit"):
        put(server.destination(implicit=True), file)


def test_tls_asked_for_where_it_is_awaited_from_the_first_byte(
    served: Path, tls: Authority, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("connectors.ftps.TIMEOUT_S", 0.3)
    with (
        ftp_server(served, tls, Behaviour(implicit=True)) as server,
        pytest.raises(Transient, match="a port that awaits TLS from the first byte on is silent, too"),
    ):
        put(server.destination(implicit=False), file)


def test_no_ftp_server_at_all(file: Path, tls: Authority, served: Path):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, ExitStack() as stack:
        to = Ftps(served, listener.getsockname()[1], tls, Behaviour()).destination(host="127.0.0.1")

        def greet() -> None:
            near, _ = listener.accept()
            stack.enter_context(near).sendall(b"HTTP/1.1 400 Bad Request\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(Permanent, match="does not answer as an FTP server does"):
            put(to, file)
        thread.join()


def test_nobody_there_passes(file: Path, tls: Authority, served: Path):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        to = Ftps(served, probe.getsockname()[1], tls, Behaviour()).destination(host="127.0.0.1")
        with pytest.raises(Transient, match="refused"):
            put(to, file)


def test_a_full_disk_over_there_leaves_nothing_and_passes(tmp_path: Path, tls: Authority, file: Path):
    with disk_of("1m", tmp_path / "small") as disk, ftp_server(disk, tls) as server:
        with pytest.raises(Transient, match=r"writing was put off \(426\)"):
            put(server.destination(), file)
        assert held(disk) == {}
        file.write_bytes(file.read_bytes()[:500_000])
        put(server.destination(), file)
        assert held(disk) == {NAME: file.read_bytes()}


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("STOR", "452 Insufficient storage space.", Transient),
        ("STOR", "552 Quota exceeded.", Transient),
        ("STOR", "425 Cannot open data connection.", Transient),
        ("STOR", "553 Not allowed.", Permanent),
        ("SIZE", "550 Not allowed.", Permanent),
        ("RNFR", "450 Busy.", Transient),
        ("RNTO", "553 Not allowed.", Permanent),
        ("RNTO", "451 Local error.", Transient),
    ],
)
def test_what_a_server_refuses_leaves_nothing_and_the_next_try_succeeds(
    server: Ftps, file: Path, command: str, answer: str, kind: type[ConnectorError]
):
    server.behaviour.answers[command] = answer
    with pytest.raises(kind, match=answer[:3]) as raised:
        put(server.destination(), file)
    assert type(raised.value) is kind
    assert held(server.folder) == {}
    server.behaviour.answers.clear()
    put(server.destination(), file)
    assert held(server.folder) == {NAME: file.read_bytes()}


def test_a_server_that_tells_no_sizes_is_believed(server: Ftps, file: Path):
    server.behaviour.answers["SIZE"] = "502 Command not implemented."
    put(server.destination(), file)
    assert held(server.folder) == {NAME: file.read_bytes()}


def test_a_file_that_is_shorter_there_gets_no_name(server: Ftps, file: Path):
    server.behaviour.answers["SIZE"] = "213 2999999"
    with pytest.raises(Transient, match="has 2999999 of 3000000 bytes there"):
        put(server.destination(), file)
    assert held(server.folder) == {}


def test_no_right_to_write_is_for_good(served: Path, tls: Authority, file: Path):
    with (
        ftp_server(served, tls, Behaviour(rights=EVERYTHING.replace("w", ""))) as server,
        pytest.raises(Permanent, match=r"writing was refused \(550\).*right to write"),
    ):
        put(server.destination(), file)


def test_a_connection_cut_in_mid_file_leaves_no_name_and_the_next_try_succeeds(
    server: Ftps, file: Path, manifest: Path
):
    server.behaviour.drops_after = 1_000_000
    with pytest.raises(Transient, match="writing failed"):
        put(server.destination(), manifest, file)
    assert NAME not in held(server.folder)
    assert manifest.name not in held(server.folder)
    server.behaviour.drops_after = None
    put(server.destination(), manifest, file)
    assert held(server.folder) == {path.name: path.read_bytes() for path in (manifest, file)}


def test_a_server_that_falls_silent_in_mid_file_is_given_up(server: Ftps, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.ftps.ANSWER_TIMEOUT_S", 0.3)
    server.behaviour.sleeps_s = 2
    started = time.monotonic()
    with pytest.raises(Transient, match="writing failed"):
        put(server.destination(), file)
    assert time.monotonic() - started < 1.8
    assert NAME not in held(server.folder)
    server.behaviour.sleeps_s = 0
    monkeypatch.undo()
    put(server.destination(), file)
    assert held(server.folder) == {NAME: file.read_bytes()}


def test_memory_does_not_grow_with_the_file(server: Ftps, tmp_path: Path):
    file = tmp_path / "large.csv"
    with file.open("wb") as stream:
        stream.truncate(30_000_000)
    tracemalloc.start()
    try:
        put(server.destination(), file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (server.folder / file.name).stat().st_size == 30_000_000
    assert peak < 6_000_000
