"""A registry of its own, on SQLite and on PostgreSQL, and short ways to import into it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from registry.imports import ImportMode, ImportReport, import_customers, import_exchanges, import_meters
from registry.imports.report import WHOLE_FILE
from registry.keys import load_keys
from registry.store import Registry
from registry.vault import KeyVault
from tests.postgresql import PostgreSql
from tests.registries import new_registry

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Copenhagen")
OWNER = {"organisation": "default", "now": NOW}
KEY = "000102030405060708090A0B0C0D0E0F"

METERS = f"""manufacturer,serial,version,device_type,model,medium,key
KAM,90000001,1b,16,flowIQ,water,{KEY}
KAM,90000002,1b,16,flowIQ,water,
KAM,90000003,1b,16,flowIQ,water,
KAM,90000003,1d,16,flowIQ,water,
"""
CUSTOMERS = """metering_point,customer_number,name,address,postal_code,city,latitude,longitude,\
manufacturer,serial,installed_at
P1,C1,Customer 0001,Meadow Lane 12,1000,Northtown,,,KAM,90000001,2025-01-01T00:00:00+01:00
"""
EXCHANGES = """metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,\
new_manufacturer,new_serial,new_initial_m3
P1,2025-06-01T10:00:00+02:00,KAM,90000001,12.5,KAM,90000002,0.25
"""


def valid_keys(registry: Registry, vault: KeyVault, organisation: str, at: datetime | None) -> pl.DataFrame:
    """The keys that are valid at an instant; all of them at none."""
    keys = load_keys(registry, vault, organisation)
    if at is None:
        return keys
    begun, over = (pl.col(name) <= at for name in ("valid_from", "valid_to"))
    return keys.filter(begun.fill_null(value=True), ~over.fill_null(value=False))


@pytest.fixture
def vault(tmp_path: Path) -> KeyVault:
    return KeyVault.create(tmp_path / "master.key")


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty registry; each test that asks for it runs on both databases."""
    if request.param == "sqlite":
        yield new_registry(tmp_path / "registry.sqlite")
        return
    with request.getfixturevalue("postgresql").fresh() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without tables, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server: PostgreSql = request.getfixturevalue("postgresql")
    yield server.make("empty")
    server.execute("drop database empty with (force)")


@pytest.fixture
def stored(request: pytest.FixtureRequest, registry: Registry, tmp_path: Path) -> Callable[[], bytes]:
    """Reads all that the database holds, as it lies there or as a dump."""
    if registry.engine.dialect.name == "sqlite":
        return lambda: b"".join(file.read_bytes() for file in tmp_path.glob("registry.sqlite*"))
    server: PostgreSql = request.getfixturevalue("postgresql")
    return lambda: server.dump(registry.engine.url.database or "")


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    registry = Registry.open(registry_url)
    yield registry
    registry.engine.dispose()


Import = Callable[..., ImportReport]
PARTIAL = ImportMode(partial=True)


@pytest.fixture
def meters(registry: Registry, vault: KeyVault) -> Import:
    return lambda text, state="in_use", mode=WHOLE_FILE, identity="local:test": import_meters(
        registry,
        text.encode(),
        identity=identity,
        vault=vault,
        source_name="meters.csv",
        target_state=state,
        mode=mode,
        **OWNER,
    )


def _of_file(registry: Registry, import_: Import, name: str) -> Import:
    return lambda text, mode=WHOLE_FILE, now=NOW, **options: import_(
        registry,
        text.encode(),
        organisation="default",
        identity="test",
        zone=ZONE,
        source_name=name,
        now=now,
        mode=mode,
        **options,
    )


@pytest.fixture
def customers(registry: Registry, vault: KeyVault) -> Import:
    return _of_file(registry, partial(import_customers, vault=vault), "customers.csv")


@pytest.fixture
def exchanges(registry: Registry) -> Import:
    return _of_file(registry, import_exchanges, "exchanges.csv")
