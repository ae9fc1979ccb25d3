"""A registry in a folder of its own, and short ways to import into it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from registry.imports import ImportMode, ImportReport, import_customers, import_exchanges, import_meters
from registry.imports.report import WHOLE_FILE
from registry.store import Registry
from registry.vault import KeyVault

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


@pytest.fixture
def vault(tmp_path: Path) -> KeyVault:
    return KeyVault.create(tmp_path / "master.key")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(f"sqlite:///{tmp_path / 'registry.sqlite'}")


Import = Callable[..., ImportReport]
PARTIAL = ImportMode(partial=True)


@pytest.fixture
def meters(registry: Registry, vault: KeyVault) -> Import:
    return lambda text, state="in_use", mode=WHOLE_FILE: import_meters(
        registry,
        text.encode(),
        identity="test",
        vault=vault,
        source_name="meters.csv",
        target_state=state,
        mode=mode,
        **OWNER,
    )


@pytest.fixture
def customers(registry: Registry) -> Import:
    return lambda text, mode=WHOLE_FILE, now=NOW, **options: import_customers(
        registry,
        text.encode(),
        organisation="default",
        identity="test",
        zone=ZONE,
        source_name="customers.csv",
        now=now,
        mode=mode,
        **options,
    )


@pytest.fixture
def exchanges(registry: Registry) -> Import:
    return lambda text, mode=WHOLE_FILE, now=NOW, **options: import_exchanges(
        registry,
        text.encode(),
        organisation="default",
        identity="test",
        zone=ZONE,
        source_name="exchanges.csv",
        now=now,
        mode=mode,
        **options,
    )
