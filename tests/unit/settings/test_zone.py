"""The time zone is the first setting, and stays."""

from pathlib import Path

import pytest

import settings
from assets.installation import Installation
from settings import InstallationError
from tests.unit.gateway.doors import make_house


def test_nothing_starts_without_a_zone(tmp_path: Path) -> None:
    home = settings.create(tmp_path / "home", "Europe/Copenhagen")
    config = home / "meterhouse.toml"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "timezone" not in line))
    with pytest.raises(InstallationError, match="timezone: Field required"):
        settings.load(home)
    with pytest.raises(InstallationError, match="no IANA time zone"):
        settings.create(tmp_path / "other", "Copenhagen")


def test_another_zone_later_is_refused(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    assert house.registry is not None
    moved = Installation(house.settings.model_copy(update={"timezone": "Europe/Helsinki"}))
    with pytest.raises(InstallationError, match="those of Europe/Copenhagen, and its settings name Europe/Helsinki"):
        _ = moved.registry
    assert Installation(house.settings).registry is not None
