"""Custom fields: what a utility notes of its meters and metering points beyond the columns everyone has.

They tell of things and places, never of persons: their values are published to the lake.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from registry import audit
from registry.inventory.errors import InventoryError
from registry.inventory.meters import chunks
from registry.models import CustomField, CustomValue

Value = str | int | Decimal | date | bool

TAKEN = frozenset(
    {
        *("organisation", "metering_point", "role", "meter_id", "manufacturer", "serial", "version", "device_type"),
        *("medium", "model", "meter_number", "state", "state_since", "key", "key_status", "customer_number", "name"),
        *("address", "postal_code", "city", "latitude", "longitude", "installed_at", "removed_at", "group", "label"),
        *("source_line", "reason", "email", "phone", "labels", "customer_name"),
    }
)
"""Names that columns of files and lists have already, or that would invite personal data."""

MAX_LENGTH = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Entity(StrEnum):
    """What a field belongs to."""

    meter = "meter"
    metering_point = "metering_point"


class Type(StrEnum):
    """What values a field takes."""

    text = "text"
    integer = "integer"
    decimal = "decimal"
    date = "date"
    boolean = "boolean"
    choice = "choice"


class FieldError(InventoryError):
    """A field is not defined as asked, or does not take a value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field.

    Attributes:
        entity: What it belongs to.
        name: Name in files, lists and queries: lower-case letters, digits and underscores.
        label: Name that people see.
        type: What values it takes.
        choices: Values of a ``choice``; empty for other types.
    """

    entity: Entity
    name: str
    label: str
    type: Type
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        """Brings a value into the one form of its type, in which it is stored and compared.

        Args:
            text: As it was typed, e.g. ``007``, ``yes`` or ``2026-01-31``.

        Raises:
            FieldError: It is no value of the field; the message does not show it.
        """
        found = self._canonical(text.strip())
        if found is None or len(found) > MAX_LENGTH:
            wanted = {
                Type.text: f"text of 1 to {MAX_LENGTH} characters",
                Type.integer: "a whole number",
                Type.decimal: "a number with up to six digits behind the point",
                Type.date: "a date such as 2026-01-31",
                Type.boolean: "true or false",
                Type.choice: f"one of {', '.join(self.choices)}",
            }[self.type]
            raise FieldError(f"{self.name} takes {wanted}")
        return found

    def typed(self, value: str) -> Value:
        """A stored value as what it is."""
        match self.type:
            case Type.integer:
                return int(value)
            case Type.decimal:
                return Decimal(value)
            case Type.date:
                return date.fromisoformat(value)
            case Type.boolean:
                return value == "true"
            case _:
                return value

    def number(self, value: str) -> float | None:
        """A stored value as a number to sort by; ``None`` where the text sorts as it is."""
        return float(value) if self.type in (Type.integer, Type.decimal) else None

    def _canonical(self, text: str) -> str | None:
        lower = text.lower()
        match self.type:
            case Type.integer:
                return str(int(text)) if _INTEGER.fullmatch(text) else None
            case Type.decimal:
                return format(Decimal(text).normalize() + 0, "f") if _DECIMAL.fullmatch(text) else None
            case Type.date:
                return text if _is_date(text) else None
            case Type.boolean:
                return "true" if lower in _TRUE else "false" if lower in _FALSE else None
            case Type.choice:
                return text if text in self.choices else None
            case _:
                return text or None


def fields(session: Session, organisation: str, entity: Entity | None = None) -> dict[str, Field]:
    """The fields of an organisation by name; without ``entity``, those of both are told apart by the fields' own."""
    statement = select(CustomField).where(CustomField.organisation == organisation)
    if entity is not None:
        statement = statement.where(CustomField.entity == entity.value)
    rows = session.scalars(statement.order_by(CustomField.entity, CustomField.name))
    return {row.name: _field(row) for row in rows}


def add_field(session: Session, organisation: str, field: Field, *, identity: str, now: datetime) -> None:
    """Defines a field.

    Args:
        session: A writing transaction.
        organisation: Whose field.
        field: The definition.
        identity: Who defines it.
        now: Instant of the change, UTC.

    Raises:
        FieldError: The name is taken or no name, or the choices do not fit the type.
    """
    if not _NAME.fullmatch(field.name):
        raise FieldError("A field's name begins with a lower-case letter; letters, digits and underscores follow.")
    if field.name in TAKEN:
        raise FieldError(f"{field.name} is the name of a column already: choose another.")
    if field.name in fields(session, organisation):
        raise FieldError(f"There is a field {field.name} already.")
    if not 1 <= len(field.label) <= 100:
        raise FieldError("A field's label has 1 to 100 characters.")
    if (field.type is Type.choice) != bool(field.choices):
        raise FieldError("A field of type choice needs its choices, and others have none.")
    if len(set(field.choices)) < len(field.choices) or any(not choice.strip() for choice in field.choices):
        raise FieldError("The choices of a field differ, and none is empty.")
    session.add(
        CustomField(
            organisation=organisation,
            entity=field.entity.value,
            name=field.name,
            label=field.label,
            type=field.type.value,
            choices=json.dumps(field.choices) if field.choices else None,
            created_at=now,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event="field.add",
        identity=identity,
        now=now,
        target=field.name,
        after={"entity": field.entity.value, "label": field.label, "type": field.type.value, "choices": field.choices},
    )


def remove_field(
    session: Session, organisation: str, name: str, *, with_values: bool, identity: str, now: datetime
) -> int:
    """Removes a field with its values.

    Args:
        session: A writing transaction.
        organisation: Whose field.
        name: The field.
        with_values: Whether values go, too; without it a field that has any stays.
        identity: Who removes it.
        now: Instant of the change, UTC.

    Returns:
        Number of values that went.

    Raises:
        FieldError: There is no such field, or it has values that are to stay.
    """
    field = fields(session, organisation).get(name)
    if field is None:
        raise FieldError(f"There is no field {name}.")
    its_values = (
        CustomValue.organisation == organisation,
        CustomValue.entity == field.entity.value,
        CustomValue.name == name,
    )
    count = session.scalar(select(func.count()).select_from(CustomValue).where(*its_values)) or 0
    if count and not with_values:
        raise FieldError(f"The field {name} has {count} values, which would be lost: say that they go, too.")
    session.execute(delete(CustomValue).where(*its_values))
    session.execute(delete(CustomField).where(CustomField.organisation == organisation, CustomField.name == name))
    audit.record(
        session,
        organisation=organisation,
        event="field.remove",
        identity=identity,
        now=now,
        target=name,
        before={"entity": field.entity.value, "label": field.label, "type": field.type.value, "choices": field.choices},
        details={"values": count},
    )
    return count


def values(session: Session, organisation: str, entity: Entity, ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Stored values by field of each of some meters or points; those without any are left out."""
    found: dict[str, dict[str, str]] = {}
    columns = (CustomValue.entity_id, CustomValue.name, CustomValue.value)
    owned = (CustomValue.organisation == organisation, CustomValue.entity == entity.value)
    for some in chunks(sorted(set(ids))):
        rows = session.execute(select(*columns).where(*owned, CustomValue.entity_id.in_(some)))
        for entity_id, name, value in rows:
            found.setdefault(entity_id, {})[name] = value
    return found


def set_values(
    session: Session,
    organisation: str,
    defined: Mapping[str, Field],
    news: Mapping[str, Mapping[str, str | None]],
) -> list[audit.Change]:
    """Writes values; the caller records what changed.

    Args:
        session: A writing transaction.
        organisation: Owner of the meters or points.
        defined: The fields, all of one entity.
        news: By meter or point: value by field as :meth:`Field.parse` gives it; ``None`` empties the field.

    Returns:
        Per meter or point what changed, for :func:`registry.audit.record_changes`.
    """
    if not news or not defined:
        return []
    entity = next(iter(defined.values())).entity
    known = values(session, organisation, entity, news)
    changes: list[audit.Change] = []
    gone: list[tuple[str, str]] = []
    rows: list[dict[str, object]] = []
    for entity_id, wanted in news.items():
        held = known.get(entity_id, {})
        differing = {name: value for name, value in wanted.items() if held.get(name) != value}
        if not differing:
            continue
        changes.append(audit.Change(entity_id, {name: held.get(name) for name in differing}, differing))
        gone += [(entity_id, name) for name in differing if name in held]
        rows += [
            {
                "organisation": organisation,
                "entity": entity.value,
                "entity_id": entity_id,
                "name": name,
                "value": value,
                "number": defined[name].number(value),
            }
            for name, value in differing.items()
            if value is not None
        ]
    _drop(session, organisation, entity, gone)
    if rows:
        session.execute(insert(CustomValue), rows)
    return changes


def _drop(session: Session, organisation: str, entity: Entity, gone: Sequence[tuple[str, str]]) -> None:
    key = tuple_(CustomValue.entity_id, CustomValue.name)
    for start in range(0, len(gone), 1000):
        session.execute(
            delete(CustomValue)
            .where(CustomValue.organisation == organisation, CustomValue.entity == entity.value)
            .where(key.in_(gone[start : start + 1000]))
            .execution_options(synchronize_session=False)
        )


def _field(row: CustomField) -> Field:
    choices = tuple(json.loads(row.choices)) if row.choices else ()
    return Field(Entity(row.entity), row.name, row.label, Type(row.type), choices)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
