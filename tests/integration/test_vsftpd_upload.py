"""Uploads to vsftpd, which demands of connections for data that they resume the session of the login."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from socket import create_connection

import pytest
import yaml

from connectors.destinations import Destination, read_destination
from connectors.errors import Permanent
from connectors.uploads import Upload, upload
from tests.conftest import require
from tests.integration.mail_server import Authority, authority, free_port

_ACCOUNT = "daemon"
"""An account whose home there is on every Debian machine."""

_CONFIG = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_root={root}
ftp_username={user}
secure_chroot_dir={empty}
seccomp_sandbox=NO
xferlog_enable=NO
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
implicit_ssl={implicit}
require_ssl_reuse=YES
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={key}
"""


@pytest.fixture(params=["NO", "YES"], ids=["explicit", "implicit"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Destination, Path]]:
    """A running server with a folder ``in``."""
    vsftpd = shutil.which("vsftpd") or shutil.which("vsftpd", path="/usr/sbin:/usr/local/sbin")
    require(vsftpd is not None and os.geteuid() == 0, "vsftpd is not installed (Debian: vsftpd), or we are not root")
    tls: Authority = authority(tmp_path / "tls")
    # Outside of the folder of tests, which no other account may enter.
    served = Path(tempfile.mkdtemp(prefix="vsftpd-"))
    root, empty = served / "root", served / "empty"
    for folder in (served, root, empty, root / "in"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    shutil.chown(root / "in", _ACCOUNT)
    port = free_port()
    config = tmp_path / "vsftpd.conf"
    settings = {"port": port, "root": root, "empty": empty, "user": _ACCOUNT, "implicit": request.param}
    config.write_text(_CONFIG.format(**settings, certificate=tls.certificate, key=tls.key))
    process = subprocess.Popen([str(vsftpd), str(config)], stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), closing(create_connection(("127.0.0.1", port), timeout=1)):
                break
            time.sleep(0.05)
        document = {
            "kind": "ftps",
            "host": "localhost",
            "port": port,
            "username": "anonymous",
            "folder": "in",
            "implicit": request.param == "YES",
            "certificate": tls.ca_file.read_text(),
        }
        yield read_destination(yaml.safe_dump(document)), root / "in"
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(served)


def test_files_arrive_whole_and_replace_those_of_an_earlier_try(server: tuple[Destination, Path], tmp_path: Path):
    to, folder = server
    files = [tmp_path / name for name in ("readings.csv.json", "readings.csv", "empty.csv")]
    for revision in (b"first", b"another"):
        for file, times in zip(files, (1, 200_000, 0), strict=True):
            file.write_bytes(revision * times)
        upload(to, b"anybody", [Upload(file.name, file) for file in files], folder_root=tmp_path)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            file.name: file.read_bytes() for file in files
        }


def test_no_right_to_write_is_for_good(server: tuple[Destination, Path], tmp_path: Path):
    to, folder = server
    shutil.chown(folder, "root")
    file = tmp_path / "readings.csv"
    file.write_bytes(b"x")
    with pytest.raises(Permanent, match=r"writing was refused \(55\d\)"):
        upload(to, b"anybody", [Upload(file.name, file)], folder_root=tmp_path)
    assert list(folder.iterdir()) == []
