"""Keys at rest, the ledger, cursors, the audit chain, migrations and writers side by side."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from registry import audit, ledger
from registry.errors import RegistryError
from registry.keys import key_news, load_keys, record_results
from registry.ledger import FileResult, LandedFile
from registry.models import Base
from registry.store import Registry
from registry.tables import published_tables, registered_meters
from registry.vault import KeyVault
from tests.conftest import REPOSITORY
from tests.unit.registry.conftest import KEY, METERS, NOW

METER = "KAM-90000001-1b-16"
PAIR = pl.DataFrame({"meter_id": [METER], "key_no": [1]}, schema={"meter_id": pl.String, "key_no": pl.Int32})


def test_migrations_make_what_the_models_say(registry) -> None:
    with registry.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_keys_are_wrapped_and_bound_to_their_meter(vault, tmp_path: Path) -> None:
    wrapped = vault.wrap(bytes.fromhex(KEY), "default", METER)
    assert bytes.fromhex(KEY) not in wrapped
    assert vault.unwrap(wrapped, "default", METER) == bytes.fromhex(KEY)
    with pytest.raises(RegistryError, match="does not open"):
        vault.unwrap(wrapped, "default", "KAM-90000002-1b-16")
    with pytest.raises(RegistryError, match="does not open"):
        KeyVault.create(tmp_path / "other.key").unwrap(wrapped, "default", METER)


def test_master_key_files(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.key"
    KeyVault.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RegistryError, match="never overwritten"):
        KeyVault.create(path)
    path.chmod(0o644)
    with pytest.raises(RegistryError, match="chmod 600"):
        KeyVault.open(path)
    with pytest.raises(RegistryError, match="cannot be read"):
        KeyVault.open(tmp_path / "missing.key")
    path.chmod(0o600)
    path.write_text("zz")
    with pytest.raises(RegistryError, match="holds no master key"):
        KeyVault.open(path)


def test_no_key_lies_open_in_the_database(meters, stored: Callable[[], bytes]) -> None:
    meters(METERS)
    content = stored()
    assert b"KAM-90000001" in content
    assert bytes.fromhex(KEY) not in content
    assert KEY.encode() not in content.upper()


def test_others_cannot_read_the_file(tmp_path: Path) -> None:
    Registry.open(f"sqlite:///{tmp_path / 'registry.sqlite'}").engine.dispose()
    assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("registry.sqlite*")} == {0}


def test_key_status_follows_what_decoding_found(meters, registry, vault) -> None:
    meters(METERS)
    none = PAIR.clear()

    def status() -> str:
        return published_tables(registry)["meters"].filter(meter_id=METER)["key_status"].item()

    assert status() == "unverified"
    record_results(registry, "default", none, PAIR, NOW)
    assert status() == "wrong"
    later = datetime(2026, 2, 1, tzinfo=UTC)
    record_results(registry, "default", PAIR, none, later)
    assert status() == "ok"
    assert key_news(registry, "default").rows() == [(METER, later)]
    keys = load_keys(registry, vault, "default")
    assert keys.select("meter_id", "key_no", "key", "verified").rows() == [(METER, 1, bytes.fromhex(KEY), True)]
    assert len(registered_meters(registry, "default")) == 4
    assert registered_meters(registry, "elsewhere").is_empty()


def landed(name: str, day: date = date(2026, 1, 15)) -> LandedFile:
    return LandedFile(sha256=name * 8, name=name, size=1, landed_at=NOW, landed_day=day)


def test_files_are_read_exactly_once(registry) -> None:
    files = [landed(name) for name in ("a", "b", "c")]
    assert [ledger.register(registry, "default", file) for file in [*files, files[0]]] == [True, True, True, False]
    days = [date(2026, 1, 15)]
    assert ledger.pending_days(registry, "default") == days
    number, batch = ledger.next_batch(registry, "default", days, 2) or (0, [])
    assert (number, len(batch)) == (1, 2)
    assert ledger.next_batch(registry, "default", days, 2) == (1, batch), "an unfinished batch comes again"
    ledger.finish(registry, "default", [FileResult(batch[0], frames=3), FileResult(batch[1], reason="no frame file")])
    assert (ledger.next_batch(registry, "default", days, 2) or (0, []))[0] == 2
    assert ledger.register(registry, "default", batch[1]), "a refused file may come again"
    assert not ledger.register(registry, "default", batch[0])
    assert ledger.register(registry, "elsewhere", batch[0]), "each organisation has its own"
    states = ledger.landed_since(registry, "default", NOW)["state"].to_list()
    assert sorted(states) == ["landed", "numbered", "read"]


def test_cursors(registry) -> None:
    assert ledger.read_cursor(registry, "default", "x") is None
    ledger.write_cursor(registry, "default", "x", "7", NOW)
    ledger.write_cursor(registry, "default", "x", "8", NOW)
    assert ledger.read_cursor(registry, "default", "x") == "8"


def test_a_changed_audit_row_breaks_the_chain(meters, registry) -> None:
    for _ in range(3):
        meters(METERS)
    assert audit.walk(registry).broken is None
    with registry.begin() as session:
        session.execute(text("update audit_log set identity = 'somebody else' where number = 2"))
    assert audit.walk(registry).broken == 2


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(RegistryError, match="cannot be opened"):
        Registry.open(f"sqlite:///{tmp_path / 'registry.sqlite'}")


IMPORT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from registry.imports import import_meters
from registry.vault import KeyVault
from registry.store import Registry

url, master, start = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
lines = "".join(f"KAM,{number},1b,16,{number:032x}\\n" for number in range(start, start + 300))
import_meters(
    Registry.open(url),
    f"manufacturer,serial,version,device_type,key\\n{lines}".encode(),
    organisation="default",
    identity="local:test",
    vault=KeyVault.open(master),
    now=datetime.now(UTC),
    source_name="meters.csv",
)
"""


def test_two_processes_import_at_once(registry, registry_url: str, vault, tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORT, registry_url, str(tmp_path / "master.key")]
    workers = [subprocess.Popen([*command, str(start)], cwd=REPOSITORY) for start in (90000000, 90000200)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert published_tables(registry)["meters"].height == 500
    assert load_keys(registry, vault, "default").height == 500
    assert audit.walk(registry).broken is None


def test_opening_does_not_wait_for_a_writer(registry, registry_url: str) -> None:
    with registry.begin() as session:
        session.execute(text("select 1"))
        other = Registry.open(registry_url)
        assert registered_meters(other, "default").is_empty()
