"""Rows for tests of the inventory: meters, places, and short ways to ask for events."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from registry.models import AuditEvent, Installation, Meter
from registry.store import Registry

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(days=100)
LATER = NOW + timedelta(hours=1)
WHO: dict[str, Any] = {"identity": "test", "now": NOW}


def meter_id(number: int) -> str:
    return f"KAM-{90000000 + number}-1b-16"


def add_meters(registry: Registry, count: int, state: str = "stock", first: int = 1, **columns: Any) -> list[str]:
    ids = [meter_id(number) for number in range(first, first + count)]
    with registry.begin() as session:
        for name in ids:
            manufacturer, serial, version, device_type = name.split("-")
            row = {"version": version, "device_type": device_type, "medium": "water", "model": "flowIQ", **columns}
            session.add(
                Meter(
                    organisation="default",
                    meter_id=name,
                    manufacturer=manufacturer,
                    serial=serial,
                    state=state,
                    **row,
                )
            )
    return ids


def get(registry: Registry, name: str) -> Meter:
    with registry.begin(readonly=True) as session:
        meter = session.get(Meter, ("default", name))
    assert meter is not None
    return meter


def states(registry: Registry) -> dict[str, str]:
    with registry.begin(readonly=True) as session:
        return {meter.meter_id: meter.state for meter in session.scalars(select(Meter))}


def installations(registry: Registry, *, all_versions: bool = False) -> list[tuple[str, str, Any, Any]]:
    statement = select(Installation).order_by(Installation.installed_at, Installation.id)
    if not all_versions:
        statement = statement.where(Installation.known_to.is_(None))
    with registry.begin(readonly=True) as session:
        return [(r.metering_point, r.meter_id, r.installed_at, r.removed_at) for r in session.scalars(statement)]


def events(registry: Registry, event: str) -> list[tuple[str | None, Any, Any]]:
    """Object, before and after of the events of a type."""
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.event == event).order_by(AuditEvent.number))
        return [(row.object, json.loads(row.before or "null"), json.loads(row.after or "null")) for row in rows]
