"""The landing archive."""

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from connectors import landing
from connectors.errors import Permanent
from connectors.landing import land, read_landed, redact

AT = datetime(2025, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
CONTENT = b"frames\r\n\xff"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def files(archive: Path) -> list[str]:
    return sorted(
        p.relative_to(archive).as_posix() for p in archive.rglob("*") if p.is_file() and "index" not in p.parts
    )


def test_bytes_land_unchanged_under_their_day_and_hash(tmp_path: Path):
    file = land(tmp_path, CONTENT, "C 1/frames.csv", AT)
    assert file.path == f"2025/02/28/{SHA256}-C_1_frames.csv"
    assert (tmp_path / file.path).read_bytes() == CONTENT
    assert (file.sha256, file.name, file.size) == (SHA256, "C 1/frames.csv", len(CONTENT))
    assert file.landed_at == datetime(2025, 2, 28, 23, 30, tzinfo=UTC)
    assert read_landed(tmp_path, SHA256) == CONTENT


def test_a_file_lands_like_its_bytes(tmp_path: Path):
    source = tmp_path / "a.csv"
    source.write_bytes(CONTENT)
    assert land(tmp_path / "archive", source, "a.csv", AT).sha256 == SHA256
    with pytest.raises(Permanent, match="not-there"):
        land(tmp_path / "archive", tmp_path / "not-there", "a.csv", AT)


def test_the_same_content_again_is_the_first_one(tmp_path: Path):
    first = land(tmp_path, CONTENT, "a.csv", AT)
    again = land(tmp_path, CONTENT, "b.csv", AT + timedelta(days=3))
    assert again == first
    assert files(tmp_path) == [first.path]


def test_many_at_once_give_one_file(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        landed = set(pool.map(lambda _: land(tmp_path, CONTENT, "a.csv", AT), range(40)))
    assert len(landed) == 1
    assert files(tmp_path) == [landed.pop().path]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/abs", "_abs"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".hidden", "hidden"),
        ("a\0b\nc", "a_b_c"),
        ("målinger.csv", "m_linger.csv"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
    ],
)
def test_names_cannot_lead_out_of_the_archive(tmp_path: Path, name: str, safe: str):
    file = land(tmp_path / "archive", CONTENT, name, AT)
    assert file.path == f"2025/02/28/{SHA256}-{safe}"
    assert file.name == name
    assert [p for p in tmp_path.iterdir() if p.name != "archive"] == []


def test_an_index_lost_with_the_power_costs_nothing(tmp_path: Path):
    file = land(tmp_path, CONTENT, "a.csv", AT)
    index = tmp_path / "index" / SHA256[:2] / SHA256
    for damage in (index.unlink, lambda: index.write_bytes(b"")):
        damage()
        assert read_landed(tmp_path, SHA256) == CONTENT
        assert land(tmp_path, CONTENT, "a.csv", AT) == file


def test_a_file_that_was_removed_lands_again(tmp_path: Path):
    file = land(tmp_path, CONTENT, "a.csv", AT)
    (tmp_path / file.path).unlink()
    with pytest.raises(Permanent, match=SHA256):
        read_landed(tmp_path, SHA256)
    assert land(tmp_path, CONTENT, "a.csv", AT) == file
    assert read_landed(tmp_path, SHA256) == CONTENT


def test_what_was_changed_is_not_handed_out(tmp_path: Path):
    path = tmp_path / land(tmp_path, CONTENT, "a.csv", AT).path
    path.unlink()
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(Permanent, match="no longer what was delivered"):
        read_landed(tmp_path, SHA256)


@pytest.mark.parametrize("sha256", ["0" * 64, "../../etc/passwd", "*", ""])
def test_unknown_hashes(tmp_path: Path, sha256: str):
    with pytest.raises(Permanent):
        read_landed(tmp_path, sha256)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "fsync" else Path, call, full)
        with pytest.raises(Permanent, match=rf"{SHA256}.*No space left on device"):
            land(tmp_path, CONTENT, "a.csv", AT)
    assert files(tmp_path) == []
    assert land(tmp_path, CONTENT, "a.csv", AT).sha256 == SHA256


def test_an_archive_that_cannot_be_is_named(tmp_path: Path):
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(Permanent, match="archive"):
        land(tmp_path / "archive", CONTENT, "a.csv", AT)


def test_an_arrival_needs_an_offset(tmp_path: Path):
    with pytest.raises(ValueError, match="offset"):
        land(tmp_path, CONTENT, "a.csv", datetime(2025, 1, 1))  # noqa: DTZ001


def test_a_redacted_file_keeps_its_name_and_never_lands_again(tmp_path: Path) -> None:
    file = land(tmp_path, b"one\ntwo\n", "a.txt", AT)
    redact(tmp_path, file.sha256, lambda content: content.replace(b"two", b""))
    assert read_landed(tmp_path, file.sha256) == b"one\n\n"
    assert not any(b"two" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again = land(tmp_path, b"one\ntwo\n", "a.txt", AT)
    assert (again.path, again.sha256) == (file.path, file.sha256)
    assert read_landed(tmp_path, file.sha256) == b"one\n\n"
    (tmp_path / file.path).chmod(0o640)
    (tmp_path / file.path).write_bytes(b"one\n \n")
    with pytest.raises(Permanent, match="no longer what was delivered"):
        read_landed(tmp_path, file.sha256)


def test_a_redaction_that_dies_between_index_and_file_is_repeated(tmp_path: Path, monkeypatch) -> None:
    file = land(tmp_path, b"one\ntwo\n", "a.txt", AT)
    write = landing._write

    def dying(path: Path, data: bytes) -> None:
        if path == tmp_path / file.path:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(landing, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        redact(tmp_path, file.sha256, lambda _: b"one\n\n")
    monkeypatch.undo()
    assert read_landed(tmp_path, file.sha256) == b"one\ntwo\n"
    redact(tmp_path, file.sha256, lambda _: b"one\n\n")
    assert read_landed(tmp_path, file.sha256) == b"one\n\n"


def test_what_never_landed_cannot_be_redacted(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="no file with the hash"):
        redact(tmp_path, "0" * 64, lambda content: content)
