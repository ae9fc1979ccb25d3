"""Settings that do not hold, and what is said of them."""

from pathlib import Path

import pytest

import settings
from settings import InstallationError


def test_the_archive_of_keys_is_no_watched_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.create(tmp_path / "home", "Europe/Copenhagen")
    monkeypatch.setenv("METERHOUSE_KEY_ARCHIVE", str(tmp_path / "archive"))
    assert settings.load(home).key_archive == tmp_path / "archive"
    monkeypatch.setenv("METERHOUSE_KEY_ARCHIVE", str(home / "imports" / "keys" / "done"))
    with pytest.raises(InstallationError, match="key_archive: lies in the watched folder"):
        settings.load(home)


def test_frame_files_and_registry_files_have_their_own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.create(tmp_path / "home", "Europe/Copenhagen")
    monkeypatch.setenv("METERHOUSE_SFTP_FOLDER", "out")
    monkeypatch.setenv("METERHOUSE_SFTP_IMPORTS_FOLDER", "out/registry")
    assert settings.load(home).sftp.imports_folder == "out/registry"
    monkeypatch.setenv("METERHOUSE_SFTP_IMPORTS_FOLDER", "./out/")
    with pytest.raises(InstallationError, match="are the same"):
        settings.load(home)


def test_what_is_said_of_bad_settings_shows_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.create(tmp_path / "home", "Europe/Copenhagen")
    monkeypatch.setenv("METERHOUSE_REGISTRY_URL", "postgresql://u:s3cret@h/d")
    assert "s3cret" not in repr(settings.load(home))
    config = home / "meterhouse.toml"
    config.write_text(config.read_text().replace("installation_id", "instalation_id"))
    with pytest.raises(InstallationError) as caught:
        settings.load(home)
    said = str(caught.value)
    assert "installation_id: Field required; instalation_id: Extra inputs" in said
    assert "s3cret" not in said


def test_files_for_others_go_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.create(tmp_path / "home", "Europe/Copenhagen")
    assert settings.load(home).export_path == home / "exports" / "outgoing"
    assert settings.load(home).export_path.is_dir()
    monkeypatch.setenv("METERHOUSE_EXPORT_FOLDER", str(tmp_path / "mounted"))
    assert settings.load(home).export_path == tmp_path / "mounted"
