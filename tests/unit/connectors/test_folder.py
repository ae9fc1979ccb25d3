"""The watched folder."""

import os
import threading
import time
from pathlib import Path

import pytest

from connectors.errors import Permanent, Transient
from connectors.folder import poll, read_complete, remove


def test_new_complete_files_of_all_folders_inside(tmp_path: Path):
    (tmp_path / "day").mkdir()
    (tmp_path / "b.csv").write_bytes(b"b")
    (tmp_path / "day" / "a.csv").write_bytes(b"aa")
    os.utime(tmp_path / "b.csv", (2000, 2000))
    os.utime(tmp_path / "day" / "a.csv", (1000, 1000))
    found, cursor = poll(tmp_path, None)
    assert found == []
    found, cursor = poll(tmp_path, cursor)
    assert [(file.key, file.path, file.size) for file in found] == [
        ("day/a.csv", tmp_path / "day" / "a.csv", 2),
        ("b.csv", tmp_path / "b.csv", 1),
    ]
    assert poll(tmp_path, cursor)[0] == []


def test_a_growing_file_waits(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"1")
    _, cursor = poll(tmp_path, None)
    path.write_bytes(b"12")
    found, cursor = poll(tmp_path, cursor)
    assert found == []
    assert [file.size for file in poll(tmp_path, cursor)[0]] == [2]


def test_an_upload_that_is_renamed_at_its_end(tmp_path: Path):
    part = tmp_path / "a.csv.part"
    part.write_bytes(b"1")
    _, cursor = poll(tmp_path, None)
    found, cursor = poll(tmp_path, cursor)
    assert found == []
    part.rename(tmp_path / "a.csv")
    _, cursor = poll(tmp_path, cursor)
    assert [file.key for file in poll(tmp_path, cursor)[0]] == ["a.csv"]


def test_hidden_and_special_files_are_left(tmp_path: Path):
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.csv").write_bytes(b"1")
    (tmp_path / ".a.csv").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    _, cursor = poll(tmp_path, None)
    assert poll(tmp_path, cursor)[0] == []


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(Permanent, match="not-there"):
        poll(tmp_path / "not-there", None)


def test_a_quiet_file_is_read(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"frames")
    assert read_complete(tmp_path / "a") == b"frames"


def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(bytes(50_000_000))
    stop = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"more")
                time.sleep(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(Transient, match="still being written"):
            read_complete(path)
    finally:
        stop.set()
        writer.join()


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(Permanent, match="not-there"):
        read_complete(tmp_path / "not-there")
    with pytest.raises(Permanent, match="cannot be read"):
        read_complete(tmp_path)


def test_folders_right_inside_can_be_left_out(tmp_path: Path):
    for name in ("keys/a.kem", "meters/a.csv", "meters/keys/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    _, cursor = poll(tmp_path, None, without=["keys"])
    found, _ = poll(tmp_path, cursor, without=["keys"])
    assert sorted(file.key for file in found) == ["meters/a.csv", "meters/keys/b.csv"]


def test_a_file_is_removed_while_it_holds_what_was_read(tmp_path: Path):
    path = tmp_path / "a.kem"
    path.write_bytes(b"newer")
    assert not remove(path, b"older")
    assert path.exists()
    assert remove(path, b"newer")
    assert not path.exists()
    assert remove(path, b"newer"), "somebody else was faster"
