"""Places, meters and customers for tests of groups, and short ways to make groups and to ask for them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from registry import groups
from registry.groups import Author
from registry.imports import import_customers, import_meters
from registry.models import AuditEvent
from registry.store import Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import NOW, ZONE
from warehouse.lake import Lake
from warehouse.schemas import TABLES
from warehouse.sql import Reader, query

DAY = timedelta(days=1)
METERS = """manufacturer,serial,version,device_type,model,medium
KAM,90000001,1b,16,flowIQ 2200,water
KAM,90000002,1b,16,flowIQ 3100,water
KAM,90000003,34,04,MULTICAL 403,heat
DME,90000004,7b,07,,water
KAM,90000005,1b,16,flowIQ 2200,water
KAM,90000006,1b,16,flowIQ 2200,water
"""
CUSTOMERS = """metering_point,customer_number,name,address,postal_code,city,manufacturer,serial,installed_at
P1,C1,Customer 0001,Meadow Lane 1,1000,Northtown,KAM,90000001,2025-01-01T00:00:00Z
P2,C2,Customer 0002,Meadow Lane 2,1000,NORTHTOWN,KAM,90000002,2025-02-01T00:00:00Z
P3,C3,Customer 0003,Meadow Lane 3,2000,Southtown,KAM,90000003,2025-03-01T00:00:00Z
P4,C4,Customer 0004,Meadow Lane 4,2000,Southtown,DME,90000004,2025-04-01T00:00:00Z
"""
M1 = "KAM-90000001-1b-16"
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def author(at: datetime = NOW, organisation: str = "default") -> Author:
    return Author(organisation, "test", at)


def fill(registry: Registry, vault, organisation: str) -> None:
    owner = {"organisation": organisation, "identity": "test", "now": NOW - 10 * DAY}
    import_meters(registry, METERS.encode(), vault=vault, source_name="m.csv", target_state="stock", **owner)
    import_customers(registry, CUSTOMERS.encode(), vault=vault, zone=ZONE, source_name="c.csv", **owner)


@pytest.fixture
def filled(registry: Registry, vault) -> Registry:
    fill(registry, vault, "default")
    return registry


Published = Callable[[str], pl.DataFrame]


@pytest.fixture
def ask(filled: Registry, tmp_path: Path) -> Published:
    """SQL on the tables as they are published now."""
    lake = Lake(tmp_path / "lake")

    def asked(sql: str, organisation: str | None = "default") -> pl.DataFrame:
        for name, rows in published_tables(filled).items():
            lake.overwrite(TABLES[name], rows)
        return query(Reader(lake, organisation), sql)

    return asked


def make(registry: Registry, name: str, *points: str, at: datetime = NOW, rule: dict | None = None) -> None:
    with registry.begin() as session:
        groups.create(session, author(at), name, groups.read_rule(json.dumps(rule), ZONE) if rule else None)
        if points:
            groups.add(session, author(at), name, points)


def members(registry: Registry, name: str, at: datetime = NOW) -> list[str]:
    with registry.begin(readonly=True) as session:
        evaluated = groups.evaluate(session, "default")
    return sorted(set(groups.present(evaluated.members.filter(group=name), at)["metering_point"].drop_nulls()))


def known(registry: Registry, name: str, at: datetime | None = None) -> list[tuple]:
    with registry.begin(readonly=True) as session:
        return groups.members(session, "default", name, at).rows()


def events(registry: Registry) -> list[tuple]:
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.event.startswith("group."))).all()
    return [(row.event, row.object, row.before, row.after, row.details) for row in rows]
