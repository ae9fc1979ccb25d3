"""No key of an installation stands in anything that it writes or says, in hex, base64 or as it is."""

import base64
import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pytest
import zstandard
from typer.testing import CliRunner

from cli.main import app
from registry.keys import load_keys
from tests.integration.installations import House

PASSWORD = "Correct-Horse-7"


def forms(key: bytes) -> Iterator[bytes]:
    """How a key may be written."""
    yield key
    yield key.hex().encode()
    yield key.hex(" ").encode()
    # Base64 in each of the three places that the key may have in a longer text; the outer letters hang on neighbours.
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + key)
        yield text[4 if shift else 0 : -4]
    yield repr(key)[2:-1].encode()


class Words:
    """Words that nothing may hold, in capitals or not; one expression of all of them is twenty times slower."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._words = {word.lower() for word in words}
        assert all(len(word) >= 12 for word in self._words), "shorter ones would be found by chance"

    def search(self, content: bytes) -> bool:
        lower = content.lower()
        return any(word in lower for word in self._words)


def pattern(keys: Iterable[bytes]) -> Words:
    return Words(form for key in keys for form in forms(key))


def plain(file: Path) -> Iterator[bytes]:
    """What a file holds, as it is and unpacked."""
    content = file.read_bytes()
    yield content
    if file.suffix == ".parquet":
        table = pl.read_parquet(file)
        yield table.with_columns(pl.col(pl.Binary).bin.encode("hex")).write_json().encode()
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"\x28\xb5\x2f\xfd"):
        yield zstandard.ZstdDecompressor().decompressobj().decompress(content)
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif content.startswith(b"SQLite format 3\0"):  # its pages cut long values in pieces
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            yield "\n".join(connection.iterdump()).encode()


def leaks(root: Path, wanted: Words) -> list[Path]:
    files = [file for file in root.rglob("*") if file.is_file()]
    return [file for file in files if any(wanted.search(content) for content in plain(file))]


@pytest.mark.parametrize(
    "written",
    [
        lambda key: key,
        lambda key: b"{'key': '" + key.hex().upper().encode() + b"'}",
        lambda key: base64.b64encode(b"the key is " + key),
        lambda key: repr({"key": key}).encode(),
    ],
)
def test_a_key_would_be_found(written, tmp_path: Path) -> None:
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    (tmp_path / "log").write_bytes(b"before " + written(key) + b" after")
    assert leaks(tmp_path, pattern([key])) == [tmp_path / "log"]
    assert leaks(tmp_path, pattern([key[::-1]])) == []


def test_a_key_would_be_found_in_packed_files(tmp_path: Path) -> None:
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    text = key.hex().encode()
    pl.DataFrame({"a": [key], "b": [text.decode()]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.zst").write_bytes(zstandard.ZstdCompressor().compress(text))
    assert len(leaks(tmp_path, pattern([key]))) == 3


@pytest.mark.slow
def test_no_key_is_written_or_said(
    house: House, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("METERHOUSE_EXPORT_PASSWORD", PASSWORD)
    said: list[str] = []

    def run(*arguments: object) -> None:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        said.extend([result.stdout, result.stderr, repr(result.exception)])

    assert house.take("meters", fleet / "meters.csv") == 0
    assert house.take("customers", fleet / "customers.csv") == 0
    assert house.ingest(fleet / "frames") == 0
    assert house.take("meters", fleet / "keys_late.csv") == 0
    installation = house.installation
    known = load_keys(installation.registry, installation.vault, installation.organisation)
    late = pl.read_csv(fleet / "keys_late.csv", infer_schema=False)
    serial, key = late.select("serial", "key").row(0)
    # What goes wrong is written and said, too: lines that are rejected, files that are none, a key nobody has.
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"manufacturer,serial,version,device_type,key\nXXX,{serial},1b,16,{key}{key}\nXX,1,1,1,{key}\n")
    run("import", "meters", wrong)
    run("key", "import", wrong)
    (tmp_path / "headless.csv").write_text(f"{key}\n{key}\n")
    run("key", "import", tmp_path / "headless.csv")
    run("ingest", wrong, "--received-at", "2025-10-24T12:00:00Z")
    run("key", "claim", serial)
    run("key", "confirm", serial)
    run("key", "download", tmp_path / "out.keys", serial)
    run("key", "bundle", tmp_path / "van.keys", serial, "--device", "van", "--days", 7)
    run("key", "status")
    run("key", "rotate")
    run("materialize")
    assert known.height >= late.height > 0
    outside = installation.master_key_source.path.parent
    secrets = pattern([*known["key"].to_list(), *(bytes.fromhex(k) for k in late["key"]), PASSWORD.encode()])
    home = installation.settings.home
    found = [path for path in leaks(home, secrets) if path.parent != outside]
    # What people land is kept unchanged, also what is refused: a list of keys given as frames is there alone.
    assert [path for path in found if not path.is_relative_to(installation.settings.landing_path)] == []
    assert {path.read_bytes() for path in found} <= {wrong.read_bytes()}
    assert not secrets.search((tmp_path / "out.keys").read_bytes() + (tmp_path / "van.keys").read_bytes())
    spoken = "\n".join([*said, *capfd.readouterr()])
    assert "rejected" in spoken, "there is something to look at"
    assert not secrets.search(spoken.encode())
    masters = pattern(bytes.fromhex(path.read_text()) for path in outside.glob("master.key*"))
    assert leaks(home, masters) == []
    assert not masters.search(spoken.encode())
