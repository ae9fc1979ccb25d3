"""The list of meters: filtered, sorted, a page at a time, with the columns that were asked for.

Personal data is shown to callers who may see it alone: they say so, after the authorisation.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, false, func, or_, select
from sqlalchemy.orm import Session

from registry.groups import evaluate, present
from registry.inventory.errors import InventoryError
from registry.inventory.fields import Entity, Field, fields
from registry.inventory.lifecycle import STATES
from registry.inventory.list_columns import (
    COLUMNS,
    CUSTOMER_COLUMNS,
    FILTERED_COLUMNS,
    PLACE_COLUMNS,
    READING_COLUMNS,
    STOCK_COLUMNS,
    customer_column,
)
from registry.inventory.list_rows import open_installation, rows_of
from registry.inventory.meters import chunks
from registry.key_status import (
    KEY_STATUSES,
    MISSING,
    count_with_status,
    each_has_status,
    has_status,
    statuses,
)
from registry.models import Customer, CustomValue, Group, GroupMember, Installation, Label, Meter
from warehouse.excerpt import Readable

UNKNOWN = "Unknown"
"""What a list shows of a meter whose type nobody named."""

MAX_PAGE = 1000
_MODELS_AT_MOST = 1000
_NEAR = 1000
_MANY = 10_000


class ListError(InventoryError):
    """A list was asked for by columns or filters that there are not."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which meters; of several values of one filter any will do, and each filter must hold.

    Attributes:
        text: Part of a serial, meter id, model, meter number or metering point, in any case; for callers who may see
            customers, of their names, numbers and addresses as well.
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
        among: Meters, by id, of which alone any is listed; ``None`` for all.
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
    among: Collection[str] | None = None


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
    lake: Readable | None = None,
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
        lake: What of the lake the caller may see; latest readings come from it.

    Returns:
        The page, and how many meters there are.

    Raises:
        ListError: A column or filter is unknown, or shows customers to somebody who may not see them.
    """
    defined = fields(session, organisation)
    _check(columns, sort, filters, defined, page, size, with_customers=with_customers)
    if lake is None and set(columns) & set(READING_COLUMNS):
        raise ListError("Latest readings are in the lake, and this list has none to ask.")
    chosen = _chosen(session, organisation, filters, defined, now, with_customers=with_customers)
    offset = (page - 1) * size
    if filters.text:
        if filters.key_statuses:
            chosen.append(has_status(organisation, filters.key_statuses, now))
        statement, order = _sorted(select(Meter.meter_id).where(*chosen), sort, defined, descending=descending)
        total, found = _looked_through(session, statement, order, offset, size)
    else:
        total = _count(session, organisation, filters, chosen, now)
        statement, order = _sorted(select(Meter.meter_id).where(*chosen), sort, defined, descending=descending)
        behind = max(total - offset - size, 0)
        from_end = behind < offset  # from there fewer meters are passed over
        statement = _ordered(statement, [(key, is_descending != from_end) for key, is_descending in order])
        passed, shown = min(offset, behind), max(min(size, total - offset), 0)
        if filters.key_statuses and shown:
            each = sort == "serial" and total >= _MANY  # in order by an index
            found = _of_status(session, organisation, statement, filters.key_statuses, now, passed, shown, each=each)
        else:
            found = session.scalars(statement.offset(passed).limit(shown)).all() if shown else []
        if from_end:
            found = found[::-1]
    return Page(total, rows_of(session, organisation, found, columns, defined, now, lake))


def list_all(
    session: Session,
    organisation: str,
    filters: Filters,
    *,
    now: datetime,
    columns: Sequence[str] = STOCK_COLUMNS,
    sort: str = "serial",
    descending: bool = False,
    with_customers: bool = False,
    lake: Readable | None = None,
) -> Iterator[dict[str, Any]]:
    """Gives every meter that the filters leave, for files and groups; arguments and errors as of :func:`list_meters`.

    Yields:
        ``meter_id`` and the columns of each meter, in the order asked for.
    """
    defined = fields(session, organisation)
    _check(columns, sort, filters, defined, 1, MAX_PAGE, with_customers=with_customers)
    chosen = _chosen(session, organisation, filters, defined, now, with_customers=with_customers)
    if filters.key_statuses:
        chosen.append(has_status(organisation, filters.key_statuses, now))
    statement, order = _sorted(select(Meter.meter_id).where(*chosen), sort, defined, descending=descending)
    found = session.scalars(_ordered(statement, order)).all()
    for some in chunks(found):
        yield from rows_of(session, organisation, some, columns, defined, now, lake)


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
    if sort in FILTERED_COLUMNS:
        raise ListError(f"The list does not sort by {sort}: filter by it.")
    if sort in READING_COLUMNS:
        raise ListError(f"The list does not sort by {sort}: it is looked up for the meters of a page alone.")
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
    session: Session,
    organisation: str,
    filters: Filters,
    defined: Mapping[str, Field],
    now: datetime,
    *,
    with_customers: bool,
) -> list[ColumnElement[bool]]:
    """Conditions on ``meters`` that the filters are, but for the status of keys."""
    # A text is looked for in each row: by way of an index of organisations that takes twice as long.
    owner = func.coalesce(Meter.organisation, "") if filters.text else Meter.organisation
    conditions: list[ColumnElement[bool]] = [owner == organisation]
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
        conditions.append(_has_text(session, organisation, filters.text, with_customers=with_customers))
    if filters.among is not None:
        ids = sorted(filters.among)
        conditions.append(or_(false(), *(Meter.meter_id.in_(some) for some in chunks(ids))))
    if filters.labels:
        labelled = select(Label.meter_id).where(Label.organisation == organisation, Label.label.in_(filters.labels))
        conditions.append(Meter.meter_id.in_(labelled))
    if filters.group is not None:
        conditions.append(_in_group(session, organisation, filters.group, now))
    for name, text in filters.custom.items():
        conditions.append(_has_value(organisation, defined[name], defined[name].parse(text)))
    return conditions


def _has_text(session: Session, organisation: str, text: str, *, with_customers: bool) -> ColumnElement[bool]:
    """Models are few: they are searched once, not once per meter. The meter id has the serial in it."""
    models = session.scalars(
        select(Meter.model)
        .where(Meter.organisation == organisation, _holds(session, Meter.model, text))
        .distinct()
        .limit(_MODELS_AT_MOST)
    ).all()
    here = select(Installation.meter_id).where(Installation.organisation == organisation, open_installation())
    found = [
        _holds(session, Meter.meter_id, text),
        _holds(session, Meter.meter_number, text),
        Meter.model.in_(models),
        Meter.meter_id.in_(here.where(_holds(session, Installation.metering_point, text))),
    ]
    if with_customers:
        living = session.scalars(
            select(Customer.metering_point).where(
                func.coalesce(Customer.organisation, "") == organisation,  # see _chosen
                Customer.occupied_to.is_(None),
                or_(*(_holds(session, customer_column(name), text) for name in CUSTOMER_COLUMNS)),
            )
        ).all()
        found += [Meter.meter_id.in_(here.where(Installation.metering_point.in_(some))) for some in chunks(living)]
    return or_(*found)


def _holds(session: Session, column: SQLColumnExpression[Any], text: str) -> ColumnElement[bool]:
    """Whether a text is part of a column, in any case.

    SQLite's LIKE knows no case of ASCII letters, and its LOWER no other letters: to bring each row into lower case
    first, as is usual, finds the same and takes three times as long.
    """
    if session.get_bind().dialect.name == "sqlite":
        return column.contains(text, autoescape=True)
    return column.icontains(text, autoescape=True)


def _in_group(session: Session, organisation: str, group: str, now: datetime) -> ColumnElement[bool]:
    """Condition that holds for meters that are in a group now; of an unknown group for none."""
    here = select(Installation.meter_id).where(Installation.organisation == organisation, open_installation())
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
            Installation.organisation == organisation, open_installation(), Installation.metering_point.in_(holders)
        )
    )


_SortKey = tuple[SQLColumnExpression[Any], bool]
"""What is sorted by, and whether the greatest comes first."""


def _sorted(
    statement: Select[str], sort: str, defined: Mapping[str, Field], *, descending: bool
) -> tuple[Select[str], list[_SortKey]]:
    """Joins what a column needs, and says what to sort by; meters without a value come last, whatever the order."""
    custom = defined.get(sort)
    of_place = sort in PLACE_COLUMNS or sort in CUSTOMER_COLUMNS or (custom and custom.entity is Entity.metering_point)
    if of_place:
        statement = statement.outerjoin(
            Installation,
            and_(
                Installation.organisation == Meter.organisation,
                Installation.meter_id == Meter.meter_id,
                open_installation(),
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
        keys = [customer_column(sort) if sort in CUSTOMER_COLUMNS else getattr(Installation, sort)]
    else:
        keys = [getattr(Meter, sort)]
    nullable = bool(of_place or custom or sort in ("model", "meter_number", "state_since"))
    order: list[_SortKey] = [(keys[-1].is_(None), False)] if nullable else []
    order += [(key, descending) for key in keys]
    return statement, [*order, (Meter.meter_id, False)]


def _ordered(statement: Select[Any], order: Sequence[_SortKey]) -> Select[Any]:
    return statement.order_by(*(key.desc() if is_descending else key.asc() for key, is_descending in order))


def _count(
    session: Session, organisation: str, filters: Filters, chosen: Sequence[ColumnElement[bool]], now: datetime
) -> int:
    wanted = filters.key_statuses
    if wanted and filters == Filters(key_statuses=wanted):
        return count_with_status(session, organisation, wanted, now)
    of_status = [has_status(organisation, wanted, now)] if wanted else []
    return session.scalar(select(func.count()).select_from(Meter).where(*chosen, *of_status)) or 0


def _looked_through(
    session: Session, statement: Select[str], order: Sequence[_SortKey], offset: int, size: int
) -> tuple[int, Sequence[str]]:
    """Total and page of a list for which each meter is looked at: once, not for the total and the page each."""
    names = [f"key_{number}" for number in range(len(order))]
    left = statement.add_columns(*(key.label(name) for name, (key, _) in zip(names, order, strict=True))).cte("left")
    keys = [(left.c[name], is_descending) for name, (_, is_descending) in zip(names, order, strict=True)]
    everyone = select(func.count()).select_from(left).scalar_subquery()
    rows = session.execute(_ordered(select(left.c.meter_id, everyone), keys).offset(offset).limit(size)).all()
    if not rows and offset:
        return session.scalar(select(func.count()).select_from(statement.subquery())) or 0, []
    return rows[0][1] if rows else 0, [meter_id for meter_id, _ in rows]


def _of_status(
    session: Session,
    organisation: str,
    statement: Select[str],
    wanted: Collection[str],
    now: datetime,
    passed: int,
    shown: int,
    *,
    each: bool,
) -> Sequence[str]:
    """Of the meters in order those of some statuses, from one place on.

    Most meters of an organisation have one status: of few of them in order enough have it, as a rule. Where they have
    not, ``each`` says whether to look at one after the other until the page is full, or to list those that have it.
    """
    if passed + shown <= _NEAR:
        near = session.scalars(statement.limit(_NEAR)).all()
        known = statuses(session, organisation, now, near)
        found = [meter_id for meter_id in near if known.get(meter_id, MISSING) in wanted][passed : passed + shown]
        if len(found) == shown:
            return found
    condition = each_has_status(wanted, now) if each else has_status(organisation, wanted, now)
    return session.scalars(statement.where(condition).offset(passed).limit(shown)).all()
