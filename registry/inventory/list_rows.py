"""Rows of the list of meters: what the columns that were asked for show of the meters of a page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from registry.inventory.fields import Entity, Field, values
from registry.inventory.list_columns import CUSTOMER_COLUMNS, METER_COLUMNS, READING_COLUMNS, customer_column
from registry.key_status import MISSING, statuses
from registry.labels import labels_of
from registry.models import Customer, Installation, Meter
from warehouse.excerpt import Readable
from warehouse.queries.readings import main_registers


def open_installation() -> ColumnElement[bool]:
    """Condition on ``installations`` that holds for those that last."""
    return and_(Installation.removed_at.is_(None), Installation.known_to.is_(None))


def rows_of(
    session: Session,
    organisation: str,
    ids: Sequence[str],
    columns: Sequence[str],
    defined: Mapping[str, Field],
    now: datetime,
    lake: Readable | None,
) -> list[dict[str, Any]]:
    """The meters of a page, in its order.

    Args:
        session: A transaction.
        organisation: Owner of the meters.
        ids: The meters.
        columns: Columns to show.
        defined: The organisation's own fields.
        now: Instant at which keys are valid or expired, UTC.
        lake: Where latest readings come from; ``None`` where no column shows them.

    Returns:
        ``meter_id`` and the columns of each meter, null where unknown.
    """
    wanted = {name for name in columns if name in METER_COLUMNS} | {"meter_id", "medium", "state"}
    selected = [getattr(Meter, name) for name in sorted(wanted)]
    statement = select(*selected).where(Meter.organisation == organisation, Meter.meter_id.in_(ids))
    found = {row["meter_id"]: dict(row) for row in session.execute(statement).mappings()}
    if "key_status" in columns:
        known = statuses(session, organisation, now, ids)
        for meter_id, row in found.items():
            row["key_status"] = known.get(meter_id, MISSING)
    if "labels" in columns:
        words = labels_of(session, organisation, ids)
        for meter_id, row in found.items():
            row["labels"] = ", ".join(words.get(meter_id, ())) or None
    if lake is not None and set(columns) & set(READING_COLUMNS):
        _add_readings(lake, organisation, found)
    places = _places(session, organisation, ids)
    points = [place["metering_point"] for place in places.values()]
    customers = _customers(session, organisation, points) if set(columns) & set(CUSTOMER_COLUMNS) else {}
    asked = [defined[name] for name in columns if name in defined]
    entities = {custom.entity for custom in asked}
    of_meters = values(session, organisation, Entity.meter, ids) if Entity.meter in entities else {}
    of_points = values(session, organisation, Entity.metering_point, points) if len(entities - {Entity.meter}) else {}
    rows = []
    for meter_id in ids:
        place = places.get(meter_id, {})
        point = place.get("metering_point", "")
        everything = found[meter_id] | place | customers.get(point, {})
        for custom in asked:
            held = of_meters.get(meter_id, {}) if custom.entity is Entity.meter else of_points.get(point, {})
            text = held.get(custom.name)
            everything[custom.name] = None if text is None else custom.typed(text)
        rows.append({"meter_id": meter_id} | {name: everything.get(name) for name in columns})
    return rows


def _add_readings(lake: Readable, organisation: str, found: dict[str, dict[str, Any]]) -> None:
    """Those of meters in use: what another one read last belongs to a place where it is no more."""
    used = [(meter_id, row["medium"]) for meter_id, row in found.items() if row["state"] == "in_use"]
    meters = pl.DataFrame(used, schema={"meter_id": pl.String, "medium": pl.String}, orient="row")
    for row in main_registers(lake, organisation, meters).select("meter_id", *READING_COLUMNS).to_dicts():
        found[row["meter_id"]] |= row


def _places(session: Session, organisation: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    statement = select(Installation.meter_id, Installation.metering_point, Installation.installed_at).where(
        Installation.organisation == organisation, Installation.meter_id.in_(ids), open_installation()
    )
    return {
        meter_id: {"metering_point": point, "installed_at": at} for meter_id, point, at in session.execute(statement)
    }


def _customers(session: Session, organisation: str, points: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those who live there now; who moved out is not shown."""
    columns = [customer_column(name) for name in CUSTOMER_COLUMNS]
    statement = select(Customer.metering_point, *columns).where(
        Customer.organisation == organisation, Customer.metering_point.in_(points), Customer.occupied_to.is_(None)
    )
    return {point: dict(zip(CUSTOMER_COLUMNS, found, strict=True)) for point, *found in session.execute(statement)}
