"""Features that are switched off say why, in the settings, on the pages and on the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import settings
from cli.main import app
from settings.features import FEATURES, FeatureOff, require, why_off


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = settings.create(tmp_path / "home", "Europe/Copenhagen")
    monkeypatch.setenv("METERHOUSE_HOME", str(found))
    return found


def test_all_are_on_until_the_settings_say_otherwise(home: Path) -> None:
    assert [why_off(settings.load(home), name) for name in FEATURES] == [None] * len(FEATURES)
    with (home / "meterhouse.toml").open("a", encoding="utf-8") as file:
        file.write("\n[features]\nmeter_update = false\n")
    found = settings.load(home)
    assert why_off(found, "meter_exchange") is None
    reason = why_off(found, "meter_update")
    assert reason is not None
    assert "switched off" in reason
    assert "'meter_update = true'" in reason
    with pytest.raises(FeatureOff, match="meter_update is switched off"):
        require(found, "meter_update")


def test_a_feature_that_there_is_none_of_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERHOUSE_FEATURES", '{"warp_drive": true}')
    with pytest.raises(settings.InstallationError, match="warp_drive"):
        why_off(settings.load(home), "meter_update")


def test_a_command_that_is_off_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERHOUSE_FEATURES", '{"meter_update": false, "custom_fields": false}')
    (tmp_path / "update.csv").write_text("meter_id,model\nKAM-90000001-1b-16,flowIQ\n")
    for command in (["meter", "update", str(tmp_path / "update.csv")], ["meter", "field", "add", "pit"]):
        assert isinstance(CliRunner().invoke(app, command).exception, FeatureOff)
