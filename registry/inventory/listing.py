"""The list of meters: filtered, sorted, a page at a time, with the columns that were asked for.

Personal data is shown to callers who may see it alone: they say so, after the authorisation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from registry.groups import evaluate, present
from registry.inventory.errors import InventoryError
from registry.inventory.fields import Entity, Field, fields, values
from registry.inventory.lifecycle import STATES
from registry.key_status import KEY_STATUSES, MISSING, has_status, statuses
from registry.labels import labels_of
from registry.models import Customer, CustomValue, Group, GroupMember, Installation, Label, Meter

METER_COLUMNS = {
    "meter_id": "Meter",
    "serial": "Serial number",
    "model": "Meter type",
    "medium": "Consumption type",
    "manufacturer": "Manufacturer",
    "version": "Version",
    "device_type": "Device type",
    "meter_number": "Meter number",
    "state": "State",
    "state_since": "Since",
}
PLACE_COLUMNS = {"metering_point": "Metering point", "installed_at": "Installed"}
CUSTOMER_COLUMNS = {
    "customer_name": "Customer",
    "customer_number": "Customer number",
    "address": "Address",
    "postal_code": "Postal code",
    "city": "City",
}
UNSORTED_COLUMNS = {"key_status": "Encryption key", "labels": "Labels"}
"""What a meter may have several of; the list is filtered by them, not sorted."""

COLUMNS = METER_COLUMNS | PLACE_COLUMNS | CUSTOMER_COLUMNS | UNSORTED_COLUMNS
"""Columns that can be chosen, with the headings that people see; an organisation's own fields come on top."""

STOCK_COLUMNS = ("model", "medium", "serial", "key_status", "meter_number", "manufacturer")
IN_USE_COLUMNS = (
    *("metering_point", "customer_name", "address", "postal_code", "customer_number"),
    *("model", "serial", "labels"),
)
"""Columns shown at first."""

UNKNOWN = "Unknown"
"""What a list shows of a meter whose type nobody named."""

MAX_PAGE = 1000
_MODELS_AT_MOST = 1000


class ListError(InventoryError):
    """A list was asked for by columns or filters that there are not."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which meters; of several values of one filter any will do, and each filter must hold.

    Attributes:
        text: Part of a serial, meter id, model or meter number, in any case.
        states: States; without any, all but deleted meters.
        media: Media.
        manufacturers: Manufacturers.
        models: Models.
        device_types: Device types, two hex digits.
        serials: Whole serials.
        key_statuses: Of :data:`~registry.key_status.KEY_STATUSES`.
        labels: Labels of the meter.
        group: Group that the meter's metering point belongs to now.
        custom: Value by custom field of meters or metering points.
    """

    text: str = ""
    states: Sequence[str] = ()
    media: Sequence[str] = ()
    manufacturers: Sequence[str] = ()
    models: Sequence[str] = ()
    device_types: Sequence[str] = ()
    serials: Sequence[str] = ()
    key_statuses: Sequence[str] = ()
    labels: Sequence[str] = ()
    group: str | None = None
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list.

    Attributes:
        total: Meters that the filters leave.
        rows: The page's meters: ``meter_id`` and the columns asked for, null where unknown.
    """

    total: int
    rows: list[dict[str, Any]]


def list_meters(
    session: Session,
    organisation: str,
    filters: Filters,
    *,
    now: datetime,
    columns: Sequence[str] = STOCK_COLUMNS,
    sort: str = "serial",
    descending: bool = False,
    page: int = 1,
    size: int = 50,
    with_customers: bool = False,
) -> Page:
    """Gives a page of the list of meters.

    Args:
        session: A transaction.
        organisation: Owner of the meters.
        filters: Which meters.
        now: Instant at which membership of groups and the validity of keys are judged, UTC.
        columns: Of :data:`COLUMNS` and the custom fields.
        sort: Column to sort by; meters with equal values are in the order of their ids.
        descending: Whether the greatest value comes first.
        page: Number of the page, from 1.
        size: Meters on a page, at most ``MAX_PAGE``.
        with_customers: Whether the caller may see who the customers are and where they live.

    Returns:
        The page, and how many meters there are.

    Raises:
        ListError: A column or filter is unknown, or shows customers to somebody who may not see them.
    """
    defined = fields(session, organisation)
    _check(columns, sort, filters, defined, page, size, with_customers=with_customers)
    chosen = _chosen(session, organisation, filters, defined, now)
    count = select(func.count()).select_from(Meter).where(*chosen)
    ids = select(Meter.meter_id).where(*chosen)
    some = _sorted(ids, sort, defined, descending=descending).offset((page - 1) * size).limit(size)
    if filters.text or filters.key_statuses:
        # These look at every meter: once, not for the total and the page each.
        counted = session.execute(some.add_columns(func.count().over())).all()
        found = [row[0] for row in counted]
        total = counted[0][1] if counted else 0 if page == 1 else session.scalar(count) or 0
    else:
        found = list(session.scalars(some))
        total = session.scalar(count) or 0
    return Page(total, _rows(session, organisation, found, columns, defined, now))


def _check(
    columns: Sequence[str],
    sort: str,
    filters: Filters,
    defined: Mapping[str, Field],
    page: int,
    size: int,
    *,
    with_customers: bool,
) -> None:
    known = [*COLUMNS, *defined]
    for name in (*columns, sort):
        if name not in known:
            raise ListError(f"The list has no column {name}; there are {', '.join(known)}.")
        if name in CUSTOMER_COLUMNS and not with_customers:
            raise ListError(f"The column {name} is for those who may see customers.")
    if sort in UNSORTED_COLUMNS:
        raise ListError(f"The list does not sort by {sort}: filter by it.")
    for name in filters.custom:
        if name not in defined:
            raise ListError(f"There is no field {name} to filter by.")
    if unknown := sorted(set(filters.key_statuses) - set(KEY_STATUSES)):
        raise ListError(f"{unknown[0]} is no key status; there are {', '.join(KEY_STATUSES)}.")
    if unknown := sorted(set(filters.states) - set(STATES)):
        raise ListError(f"{unknown[0]} is no state; there are {', '.join(STATES)}.")
    if page < 1 or not 1 <= size <= MAX_PAGE:
        raise ListError(f"Pages count from 1 and have up to {MAX_PAGE} meters.")


def _chosen(
    session: Session, organisation: str, filters: Filters, defined: Mapping[str, Field], now: datetime
) -> list[ColumnElement[bool]]:
    """Conditions on ``meters`` that the filters are."""
    conditions = [Meter.organisation == organisation]
    conditions.append(Meter.state.in_(filters.states) if filters.states else Meter.state != "deleted")
    several = (
        (Meter.medium, filters.media),
        (Meter.manufacturer, filters.manufacturers),
        (Meter.model, filters.models),
        (Meter.device_type, filters.device_types),
        (Meter.serial, filters.serials),
    )
    conditions += [column.in_(wanted) for column, wanted in several if wanted]
    if filters.text:
        conditions.append(_has_text(session, organisation, filters.text))
    if filters.key_statuses:
        conditions.append(has_status(organisation, filters.key_statuses, now))
    if filters.labels:
        labelled = select(Label.meter_id).where(Label.organisation == organisation, Label.label.in_(filters.labels))
        conditions.append(Meter.meter_id.in_(labelled))
    if filters.group is not None:
        conditions.append(_in_group(session, organisation, filters.group, now))
    for name, text in filters.custom.items():
        conditions.append(_has_value(organisation, defined[name], defined[name].parse(text)))
    return conditions


def _has_text(session: Session, organisation: str, text: str) -> ColumnElement[bool]:
    """Models are few: they are searched once, not once per meter. The meter id has the serial in it."""
    models = session.scalars(
        select(Meter.model)
        .where(Meter.organisation == organisation, Meter.model.icontains(text, autoescape=True))
        .distinct()
        .limit(_MODELS_AT_MOST)
    ).all()
    searched = (Meter.meter_id, Meter.meter_number)
    return or_(*(column.icontains(text, autoescape=True) for column in searched), Meter.model.in_(models))


def _open_installation() -> ColumnElement[bool]:
    """Condition on ``installations`` that holds for those that last."""
    return and_(Installation.removed_at.is_(None), Installation.known_to.is_(None))


def _in_group(session: Session, organisation: str, group: str, now: datetime) -> ColumnElement[bool]:
    """Condition that holds for meters that are in a group now; of an unknown group for none."""
    here = select(Installation.meter_id).where(Installation.organisation == organisation, _open_installation())
    chosen = session.scalar(
        select(Group.group_id).where(
            Group.organisation == organisation, Group.group == group, Group.rule.is_(None), Group.known_to.is_(None)
        )
    )
    if chosen is None:  # by rule, or built in
        everyone = evaluate(session, organisation).members.filter(pl.col("group") == group)
        found = present(everyone, now)
        points, meters = (found[name].drop_nulls().to_list() for name in ("metering_point", "meter_id"))
        return Meter.meter_id.in_(meters) | Meter.meter_id.in_(here.where(Installation.metering_point.in_(points)))
    members = select(GroupMember.metering_point).where(
        GroupMember.organisation == organisation,
        GroupMember.group_id == chosen,
        GroupMember.known_to.is_(None),
        GroupMember.valid_from <= now,
        GroupMember.valid_to.is_(None) | (GroupMember.valid_to > now),
    )
    return Meter.meter_id.in_(here.where(Installation.metering_point.in_(members)))


def _has_value(organisation: str, custom: Field, value: str) -> ColumnElement[bool]:
    holders = select(CustomValue.entity_id).where(
        CustomValue.organisation == organisation,
        CustomValue.entity == custom.entity.value,
        CustomValue.name == custom.name,
        CustomValue.value == value,
    )
    if custom.entity is Entity.meter:
        return Meter.meter_id.in_(holders)
    return Meter.meter_id.in_(
        select(Installation.meter_id).where(
            Installation.organisation == organisation, _open_installation(), Installation.metering_point.in_(holders)
        )
    )


def _sorted(statement: Select[str], sort: str, defined: Mapping[str, Field], *, descending: bool) -> Select[str]:
    """Orders by a column; meters without a value come last, whatever the order."""
    custom = defined.get(sort)
    of_place = sort in PLACE_COLUMNS or sort in CUSTOMER_COLUMNS or (custom and custom.entity is Entity.metering_point)
    if of_place:
        statement = statement.outerjoin(
            Installation,
            and_(
                Installation.organisation == Meter.organisation,
                Installation.meter_id == Meter.meter_id,
                _open_installation(),
            ),
        )
    if sort in CUSTOMER_COLUMNS:
        statement = statement.outerjoin(
            Customer,
            and_(
                Customer.organisation == Installation.organisation,
                Customer.metering_point == Installation.metering_point,
                Customer.occupied_to.is_(None),
            ),
        )
    if custom is not None:
        holder = Meter.meter_id if custom.entity is Entity.meter else Installation.metering_point
        statement = statement.outerjoin(
            CustomValue,
            and_(
                CustomValue.organisation == Meter.organisation,
                CustomValue.entity == custom.entity.value,
                CustomValue.entity_id == holder,
                CustomValue.name == custom.name,
            ),
        )
        keys: list[Any] = [CustomValue.number, CustomValue.value]
    elif of_place:
        keys = [_customer_column(sort) if sort in CUSTOMER_COLUMNS else getattr(Installation, sort)]
    else:
        keys = [getattr(Meter, sort)]
    nullable = bool(of_place or custom or sort in ("model", "meter_number", "state_since"))
    order: list[Any] = [keys[-1].is_(None)] if nullable else []
    order += [key.desc() if descending else key.asc() for key in keys]
    return statement.order_by(*order, Meter.meter_id)


def _rows(
    session: Session,
    organisation: str,
    ids: Sequence[str],
    columns: Sequence[str],
    defined: Mapping[str, Field],
    now: datetime,
) -> list[dict[str, Any]]:
    """The meters of a page, in its order."""
    wanted = [name for name in columns if name in METER_COLUMNS and name != "meter_id"]
    selected = [Meter.meter_id, *(getattr(Meter, name) for name in wanted)]
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


def _places(session: Session, organisation: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    statement = select(Installation.meter_id, Installation.metering_point, Installation.installed_at).where(
        Installation.organisation == organisation, Installation.meter_id.in_(ids), _open_installation()
    )
    return {
        meter_id: {"metering_point": point, "installed_at": at} for meter_id, point, at in session.execute(statement)
    }


def _customer_column(name: str) -> InstrumentedAttribute[str | None]:
    column: InstrumentedAttribute[str | None] = getattr(Customer, "name" if name == "customer_name" else name)
    return column


def _customers(session: Session, organisation: str, points: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those who live there now; who moved out is not shown."""
    columns = [_customer_column(name) for name in CUSTOMER_COLUMNS]
    statement = select(Customer.metering_point, *columns).where(
        Customer.organisation == organisation, Customer.metering_point.in_(points), Customer.occupied_to.is_(None)
    )
    return {point: dict(zip(CUSTOMER_COLUMNS, found, strict=True)) for point, *found in session.execute(statement)}
