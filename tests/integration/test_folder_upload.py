"""Uploads to folders of this machine: whole or not at all, and never elsewhere."""

from pathlib import Path

import pytest

from connectors.destinations import FolderDestination, MailDestination
from connectors.errors import Permanent, Transient
from connectors.folder import poll
from connectors.uploads import Upload, upload
from tests.integration.disks import small_disk

__all__ = ["small_disk"]


def put(root: Path, *paths: Path, path: str = "billing/out") -> None:
    to = FolderDestination(kind="folder", path=path)
    upload(to, None, [Upload(each.name, each) for each in paths], folder_root=root)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outgoing").mkdir()
    return tmp_path / "outgoing"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    path.write_bytes(b"1;2;3\n" * 50_000)
    return path


def test_files_arrive_whole_and_replace_those_of_an_earlier_try(root: Path, file: Path):
    folder = root / "billing/out"
    put(root, file)
    put(root, file)
    assert held(folder) == {file.name: file.read_bytes()}
    assert folder.joinpath(file.name).stat().st_mode & 0o777 == 0o640
    (folder / f"{file.name}.part").write_bytes(bytes(1_000_000))
    file.write_bytes(b"another revision")
    put(root, file)
    assert held(folder) == {file.name: b"another revision"}


def test_the_export_folder_itself(root: Path, file: Path):
    put(root, file, path=".")
    assert held(root) == {file.name: file.read_bytes()}


def test_a_missing_export_folder_is_not_made(tmp_path: Path, file: Path):
    with pytest.raises(Permanent, match=r"unmounted cannot be written: .*METERHOUSE_EXPORT_FOLDER"):
        put(tmp_path / "unmounted", file)
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.parametrize("link", ["billing", "billing/out"])
def test_links_lead_nowhere(root: Path, file: Path, tmp_path: Path, link: str):
    (tmp_path / "elsewhere").mkdir()
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Permanent, match="It has to be a folder, and no link"):
        put(root, file)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_links_with_the_names_of_files_are_replaced(root: Path, file: Path, tmp_path: Path):
    (root / "billing/out").mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(b"kept")
    for name in (file.name, f"{file.name}.part"):
        (root / "billing/out" / name).symlink_to(tmp_path / "elsewhere")
    put(root, file)
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"
    assert not (root / "billing/out" / file.name).is_symlink()
    assert held(root / "billing/out") == {file.name: file.read_bytes()}


def test_a_file_in_the_way_is_named(root: Path, file: Path):
    (root / "billing").write_bytes(b"")
    with pytest.raises(Permanent, match="billing cannot be written"):
        put(root, file)


def test_a_folder_with_the_name_leaves_no_data_file(root: Path, file: Path):
    (root / "billing/out" / file.name).mkdir(parents=True)
    with pytest.raises(Permanent, match="cannot be written"):
        put(root, file)
    assert held(root / "billing/out") == {}
    (root / "billing/out" / file.name).rmdir()
    put(root, file)
    assert held(root / "billing/out") == {file.name: file.read_bytes()}


def test_a_full_disk_leaves_nothing_and_passes(small_disk: Path, file: Path):
    (small_disk / "filler").write_bytes(bytes(900_000))
    with pytest.raises(Transient, match=r"cannot be written: No space left on device"):
        put(small_disk, file)
    assert held(small_disk / "billing/out") == {}
    (small_disk / "filler").unlink()
    put(small_disk, file)
    assert held(small_disk / "billing/out") == {file.name: file.read_bytes()}


def test_watchers_do_not_take_temporary_names(root: Path):
    for name in ("readings.csv.part", "readings.csv.old.part"):
        (root / name).write_bytes(b"half")
    _, cursor = poll(root, None)
    assert poll(root, cursor)[0] == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb"])
def test_names_that_lead_elsewhere_are_refused(name: str, file: Path):
    with pytest.raises(ValueError, match="is no name of a file"):
        Upload(name, file)


def test_mail_goes_elsewhere(root: Path, file: Path):
    to = MailDestination(kind="mail", to=("billing@example.org",))
    with pytest.raises(ValueError, match="through the outbox"):
        upload(to, None, [Upload(file.name, file)], folder_root=root)
