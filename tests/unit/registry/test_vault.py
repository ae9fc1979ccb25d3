"""Master keys from files, variables and programs; data keys; rotation, also one that is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from registry import audit
from registry.audit import PersonalChange, personal_of
from registry.data_keys import open_vault, rotate
from registry.errors import RegistryError
from registry.keys import NewKey, load_keys, store_keys
from registry.master_keys import MasterKeySource, make_file
from registry.models import AuditEvent, DataKey, MeterKey, SigningKey, SubjectKey
from registry.signing import signer
from registry.store import Registry
from registry.vault import KeyVault
from settings import InstallationError, create, load
from tests.conftest import REPOSITORY
from tests.unit.registry.conftest import NOW

WHO = {"organisation": "default", "identity": "test", "now": NOW}
KEYS = {f"KAM-{number:08d}-1b-16": bytes([number % 251] * 16) for number in range(300)}


@pytest.fixture
def source(tmp_path: Path) -> MasterKeySource:
    make_file(tmp_path / "keys" / "master.key")
    return MasterKeySource(tmp_path / "keys" / "master.key")


def fill(registry: Registry, vault: KeyVault) -> None:
    with registry.begin() as session:
        store_keys(
            session, vault, "default", [NewKey(meter_id, key) for meter_id, key in KEYS.items()], NOW, identity="test"
        )
        change = PersonalChange(vault, "customer:P1", before=None, after={"name": "Customer 0001"})
        audit.record(session, event="customer.change", personal=change, **WHO)


def opens(registry: Registry, vault: KeyVault) -> bool:
    """Whether every meter's and every person's key is what it was."""
    with registry.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "customer.change")).one()
        person = personal_of(session, vault, event)
    held = dict(load_keys(registry, vault, "default").select("meter_id", "key").rows())
    return held == KEYS and person == {"before": None, "after": {"name": "Customer 0001"}}


def wrapped(registry: Registry) -> set[bytes]:
    with registry.begin(readonly=True) as session:
        return {*session.scalars(select(MeterKey.wrapped)), *session.scalars(select(SubjectKey.wrapped))}


def test_the_master_key_comes_from_a_file_a_variable_or_a_program(
    registry: Registry, source: MasterKeySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(registry, open_vault(registry, source, NOW))
    monkeypatch.setenv("MASTER", source.path.read_text())
    variable = MasterKeySource(source.path / "none", variable="MASTER")
    command = MasterKeySource(source.path / "none", command=f"cat '{source.path}'")
    for other in (variable, command):
        assert opens(registry, open_vault(registry, other, NOW))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (MasterKeySource(Path("x"), variable="NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE.*is not set"),
        (MasterKeySource(Path("x"), variable="ODD"), "ODD holds no master key"),
        (MasterKeySource(Path("x"), command="sh -c 'echo 4711secret; exit 3'"), "'sh' failed with status 3"),
        (MasterKeySource(Path("x"), command="echo 4711secret"), "'echo' holds no master key"),
        (MasterKeySource(Path("x"), command="/no/such/program 4711secret"), "cannot be run"),
    ],
)
def test_a_source_without_a_master_key_is_said_without_what_it_holds(
    source: MasterKeySource, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD", "4711secret")
    with pytest.raises(RegistryError, match=message) as caught:
        source.read()
    assert "4711" not in str(caught.value)
    assert caught.value.__cause__ is None or "4711secret" not in repr(vars(caught.value.__cause__))


def test_only_one_of_variable_and_program_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "home", "UTC")
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_VARIABLE", "A")
    assert load(tmp_path / "home").master_key_variable == "A"
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_COMMAND", "b")
    with pytest.raises(InstallationError, match="only one of them"):
        load(tmp_path / "home")


def test_a_stranger_master_key_is_named(registry: Registry, source: MasterKeySource, tmp_path: Path) -> None:
    fill(registry, open_vault(registry, source, NOW))
    make_file(tmp_path / "other.key")
    with pytest.raises(RegistryError, match=r"under the master key [0-9a-f]{16}; the one found is [0-9a-f]{16}"):
        open_vault(registry, MasterKeySource(tmp_path / "other.key"), NOW)


def test_keys_of_before_there_were_data_keys_still_open_and_are_rotated(
    registry: Registry, source: MasterKeySource
) -> None:
    fill(registry, KeyVault.open(source.path))
    vault = open_vault(registry, source, NOW)
    assert opens(registry, vault)
    with registry.begin() as session:
        again = store_keys(session, vault, "default", [NewKey(*next(iter(KEYS.items())))], NOW, identity="test")
    assert again == ["equal"], "digests of before are understood"
    before = wrapped(registry)
    rotate(registry, source, **WHO)
    assert opens(registry, open_vault(registry, source, NOW))
    assert not wrapped(registry) & before


def test_rotation_wraps_everything_anew(registry: Registry, source: MasterKeySource) -> None:
    old_vault = open_vault(registry, source, NOW)
    fill(registry, old_vault)
    old_text, before = source.path.read_text(), wrapped(registry)
    done = rotate(registry, source, **WHO)
    assert (done.meter_keys, done.subject_keys, done.resumed) == (300, 1, False)
    assert source.path.read_text() != old_text
    assert done.retired is not None
    assert done.retired.read_text() == old_text
    assert not source.next_path.exists()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in source.path.parent.iterdir())
    assert not wrapped(registry) & before
    vault = open_vault(registry, source, NOW)
    assert opens(registry, vault)
    with pytest.raises(RegistryError, match="under the master key"):
        open_vault(registry, MasterKeySource(done.retired), NOW)
    with registry.begin() as session:
        key = NewKey("KAM-00000000-1b-16", b"\1" * 16)
        assert store_keys(session, old_vault, "default", [key], NOW, identity="test") == ["changed"]
    assert load_keys(registry, vault, "default").height == 301, "what an older process writes opens, too"
    with pytest.raises(RegistryError, match="start it again"):
        load_keys(registry, old_vault, "default")
    with registry.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "keys.rotate")).one()
        assert done.master_id in (event.after or "")
    assert audit.walk(registry).broken is None


def test_where_the_key_is_no_file_the_new_one_is_put_where_one_says(
    registry: Registry, source: MasterKeySource, tmp_path: Path
) -> None:
    command = MasterKeySource(tmp_path / "none", command=f"cat '{source.path}'")
    fill(registry, open_vault(registry, command, NOW))
    with pytest.raises(RegistryError, match="--new-key-file"):
        rotate(registry, command, **WHO)
    with pytest.raises(RegistryError, match="leave --new-key-file out"):
        rotate(registry, source, new_file=tmp_path / "new.key", **WHO)
    done = rotate(registry, command, new_file=tmp_path / "new.key", **WHO)
    assert done.retired is None
    assert opens(registry, open_vault(registry, MasterKeySource(tmp_path / "new.key"), NOW))
    with pytest.raises(RegistryError, match=done.master_id):
        open_vault(registry, command, NOW)


def test_a_rotation_cut_off_before_its_files_changed_places_is_finished(
    registry: Registry, source: MasterKeySource
) -> None:
    fill(registry, open_vault(registry, source, NOW))
    retired = rotate(registry, source, **WHO).retired
    assert retired is not None
    source.path.rename(source.next_path)
    retired.rename(source.path)
    assert opens(registry, open_vault(registry, source, NOW)), "the new key lies beside the old one"
    done = rotate(registry, source, **WHO)
    assert done.resumed
    assert retired.exists()
    assert not source.next_path.exists()
    assert opens(registry, open_vault(registry, source, NOW))


def test_a_new_key_that_was_made_and_not_used_is_used_next(registry: Registry, source: MasterKeySource) -> None:
    fill(registry, open_vault(registry, source, NOW))
    made = make_file(source.next_path)
    assert opens(registry, open_vault(registry, source, NOW))
    assert rotate(registry, source, **WHO).master_id == made.id
    assert opens(registry, open_vault(registry, source, NOW))


def test_the_key_that_signs_is_wrapped_anew(registry: Registry, source: MasterKeySource) -> None:
    vault = open_vault(registry, source, NOW)
    with registry.begin() as session:
        public = signer(session, vault, "default", identity="test", now=NOW).public.public_bytes_raw()
        before = session.get_one(SigningKey, "default").wrapped
    rotate(registry, source, **WHO)
    with registry.begin() as session:
        after = signer(session, open_vault(registry, source, NOW), "default", identity="test", now=NOW)
        assert after.public.public_bytes_raw() == public
        assert session.get_one(SigningKey, "default").wrapped != before


ROTATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from registry.data_keys import rotate
from registry.master_keys import MasterKeySource
from registry.store import Registry

url, path = sys.argv[1:]
registry = Registry.open(url)
print("ready", flush=True)
while True:
    rotate(
        registry, MasterKeySource(Path(path)), organisation="default", identity="test", now=datetime.now(UTC)
    )
"""


def test_a_rotation_killed_at_any_moment_loses_nothing(
    registry: Registry, source: MasterKeySource, registry_url: str
) -> None:
    fill(registry, open_vault(registry, source, NOW))
    chance = random.Random(4)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", ROTATE, registry_url, str(source.path)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0.0, 0.25))
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        with registry.begin():
            pass  # a server ends what its client had asked for
        assert opens(registry, open_vault(registry, source, NOW))
    with registry.begin(readonly=True) as session:
        assert len(session.scalars(select(DataKey.number)).all()) > 2, "rotations took place"
    rotate(registry, source, **WHO)
    assert opens(registry, open_vault(registry, source, NOW))
    assert not source.next_path.exists()
