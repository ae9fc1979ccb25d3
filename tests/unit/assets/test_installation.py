"""An installation's vault, also where it is first asked for inside of a transaction."""

from pathlib import Path

import pytest

from assets.installation import Installation
from registry import engines
from registry.errors import RegistryError
from registry.master_keys import make_file
from settings import create, load
from tests.registries import new_registry

KEY = bytes(range(16))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation with a master key and nothing wrapped under it yet; who waits for a lock gives up soon."""
    monkeypatch.setattr(engines, "PATIENCE_S", 1)
    home = create(tmp_path / "home", "Europe/Copenhagen")
    new_registry(home / "registry.sqlite")
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_FILE", str(tmp_path / "keys" / "master.key"))
    return Installation(load(home))


def test_vault_is_first_opened_inside_of_a_writing_transaction(house: Installation) -> None:
    make_file(house.master_key_source.path)

    with house.registry.begin() as session:
        wrapped = house.vault.wrap(KEY, "default", "M-1")
        assert session.is_active

    again = Installation(house.settings)
    assert again.vault.unwrap(wrapped, "default", "M-1") == KEY, "the data key stayed"


def test_data_key_outlives_the_transaction_that_first_asked_for_it(house: Installation) -> None:
    make_file(house.master_key_source.path)
    kept: list[bytes] = []

    def fail() -> None:
        with house.registry.begin():
            kept.append(house.vault.wrap(KEY, "default", "M-1"))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()

    assert Installation(house.settings).vault.unwrap(kept[0], "default", "M-1") == KEY


def test_registry_opens_without_a_master_key_and_the_vault_says_so(house: Installation) -> None:
    with house.registry.begin(), pytest.raises(RegistryError, match="cannot be read"):
        _ = house.vault


def test_registry_says_at_once_that_what_stands_for_the_master_key_is_none(house: Installation) -> None:
    make_file(house.master_key_source.path)
    house.master_key_source.path.write_text("no key")

    with pytest.raises(RegistryError, match="holds no master key"):
        _ = house.registry


def test_program_is_asked_for_the_master_key_only_where_there_is_no_data_key_yet(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, asked = make_file(house.master_key_source.path), tmp_path / "asked"
    program = tmp_path / "unseal"
    program.write_text(f"#!/bin/sh\necho asked >> {asked}\necho {key.value.hex()}\n")
    program.chmod(0o700)
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_COMMAND", str(program))

    _ = Installation(load(house.settings.home)).registry
    _ = Installation(load(house.settings.home)).registry

    assert asked.read_text() == "asked\n"
