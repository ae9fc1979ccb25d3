"""Text files and secrets that are named on the command line: what is taken, and what is said of the others."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import files
from cli.files import SECRET_BYTES, ask_secret, private_file, read_text
from registry.errors import RegistryError

VARIABLE = "METERHOUSE_TEST_SECRET"


def refusal(file: Path, most: int = SECRET_BYTES) -> str:
    with pytest.raises(RegistryError) as caught:
        read_text(file, most)
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, OSError), (
        "what it held is not shown"
    )
    return str(caught.value)


def test_text_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "serials.txt"
    for content in ("9000\r\nÆ\n".encode(), "9000\r\nÆ\n".encode("utf-8-sig")):
        file.write_bytes(content)
        assert read_text(file) == "9000\r\nÆ\n"


def test_text_comes_through_a_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"90000001\n")
    os.close(writer)
    assert read_text(Path(f"/dev/fd/{reader}")) == "90000001\n"
    os.close(reader)


def test_what_is_no_text_file_is_named_with_the_reason(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent") == f"{tmp_path / 'absent'} cannot be read: No such file or directory."
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Is a directory."
    (tmp_path / "latin").write_bytes(b"p\xe4ssword")
    assert refusal(tmp_path / "latin") == f"{tmp_path / 'latin'} is not UTF-8 text: save it as UTF-8."


def test_a_file_of_more_bytes_than_it_may_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(b"a" * SECRET_BYTES)
    assert len(read_text(file, SECRET_BYTES)) == SECRET_BYTES
    file.write_bytes(b"a" * (SECRET_BYTES + 1))
    assert refusal(file) == f"{file} is too large: it may have {SECRET_BYTES} bytes."
    assert "too large" in refusal(Path("/dev/zero")), "one without an end, too"


def test_a_secret_comes_from_its_file_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_bytes(b" two words \r\n")
    monkeypatch.setenv(VARIABLE, "of the environment")
    assert ask_secret("password", file, VARIABLE) == " two words ", "line ends alone do not belong to it"
    assert ask_secret("password", None, VARIABLE) == "of the environment"
    file.write_bytes(b"a" * (SECRET_BYTES + 1))
    with pytest.raises(RegistryError, match="too large"):
        ask_secret("password", file, VARIABLE)


def test_a_secret_that_nobody_can_be_asked_for_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(files.sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(RegistryError, match=f"The token is missing: name a file with it, or set {VARIABLE}\\."):
        ask_secret("token", None, VARIABLE)


def put(file: Path, content: bytes, meanwhile: Callable[[], object]) -> None:
    with private_file(file) as write:
        write(content)
        assert not file.exists(), "not before all is done"
        meanwhile()


def test_a_private_file_is_its_owners_and_never_replaces_another(tmp_path: Path) -> None:
    file, other = tmp_path / "keys", tmp_path / "other"
    put(file, b"sealed", lambda: None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(RegistryError, match="keys exists: name another"):
        put(file, b"other", lambda: None)
    with pytest.raises(RegistryError, match="other exists: name another"):
        put(other, b"sealed", lambda: other.write_bytes(b"somebody's"))
    assert (file.read_bytes(), other.read_bytes()) == (b"sealed", b"somebody's")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["keys", "other"]


def test_a_private_file_does_not_outlive_what_fails_around_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        put(tmp_path / "keys", b"sealed", lambda: 1 // 0)
    assert list(tmp_path.iterdir()) == []


def test_a_private_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="nowhere/keys cannot be written: No such file"):
        put(tmp_path / "nowhere" / "keys", b"sealed", lambda: None)
