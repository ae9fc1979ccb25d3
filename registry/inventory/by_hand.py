"""One meter by hand: added or edited, by the rules of files of meters and of updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, REASON
from registry.imports.meters import FIELDS as COLUMNS
from registry.imports.meters import check_meters
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.inventory.fields import Entity, fields
from registry.inventory.updates import ATTRIBUTES, judge_changes, write_changes
from registry.models import Meter
from registry.profiles.fields import FIELDS
from registry.profiles.reading import check_texts

NEW_STATES = ("in_use", "stock")
"""States that a new meter may have."""


@dataclass(frozen=True, slots=True)
class NewMeter:
    """A meter as somebody typed it.

    Attributes:
        manufacturer: Three letters.
        serial: Up to eight digits.
        version: Two hex digits.
        device_type: Two hex digits.
        medium: Medium; ``None`` for that of the device type.
        model: Meter type, if it is known.
    """

    manufacturer: str
    serial: str
    version: str
    device_type: str
    medium: str | None = None
    model: str | None = None


def add_meter(session: Session, organisation: str, new: NewMeter, *, state: str, identity: str, now: datetime) -> str:
    """Adds a meter as a line of a file of meters does.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        new: The meter.
        state: One of ``NEW_STATES``.
        identity: Who adds it.
        now: Instant of the change, UTC.

    Returns:
        Its id.

    Raises:
        InventoryError: A file with such a line would be refused, or the meter is registered.
        CapacityError: The plan allows no further meter in use.
    """
    if state not in NEW_STATES:
        raise InventoryError(f"A new meter is {' or '.join(NEW_STATES)}, not {state}.")
    given = {name: (getattr(new, name, None) or "").strip() or None for name in (e.name for e in FIELDS["meters"])}
    line = check_meters(check_texts(_line(given), FIELDS["meters"])).row(0, named=True)
    if line[REASON] is not None:
        raise InventoryError(f"This cannot be: {line[REASON]}.")
    meter_id = str(line["meter_id"])
    known = session.get(Meter, (organisation, meter_id))
    if known is not None:
        remedy = "restore it" if known.state == "deleted" else "'meterhouse meter edit' changes it"
        raise InventoryError(f"meter {meter_id} is registered, and {known.state}: {remedy}.")
    if state == "in_use":
        capacity.check(session, organisation, 1)
    columns = {name: line[name] for name in COLUMNS} | {"medium": line["medium"] or line["usual_medium"]}
    session.add(Meter(organisation=organisation, state=state, state_since=now, imported_at=now, **columns))
    session.flush()
    told = {name: columns[name] for name in ("medium", "model")} | {"state": state}
    audit.record(
        session,
        organisation=organisation,
        event="meter.add",
        identity=identity,
        now=now,
        target=meter_id,
        after={name: value for name, value in told.items() if value is not None},
    )
    return meter_id


def edit_meter(
    session: Session,
    organisation: str,
    meter_id: str,
    changes: Mapping[str, str],
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> audit.Change | None:
    """Changes a meter as a line of an update does.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        meter_id: The meter.
        changes: New value by attribute (``model``, ``medium``, ``meter_number``) or custom field;
            :data:`registry.inventory.updates.EMPTY` empties it.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Returns:
        What was and what is now; ``None`` where nothing changes.

    Raises:
        InventoryError: There is no such field, or it does not take the value; or the meter is not registered, or
            deleted.
    """
    defined = fields(session, organisation, Entity.meter)
    if unknown := sorted(set(changes) - {*ATTRIBUTES, *defined}):
        raise InventoryError(f"Meters have no field {unknown[0]}; there are {', '.join([*ATTRIBUTES, *defined])}.")
    line = _line(changes).with_columns(id=pl.lit(meter_id))
    judged = judge_changes(session, organisation, Entity.meter, line, list(changes), defined)
    if not judged.rejected.is_empty():
        raise InventoryError(f"This cannot be: {judged.rejected[REASON].item()}.")
    if not judged.lines:
        return None
    write_changes(session, organisation, judged.lines, defined)
    change = judged.lines[0].change()
    audit.record(
        session,
        organisation=organisation,
        event="meter.edit",
        identity=identity,
        now=now,
        target=meter_id,
        before=change.before,
        after=change.after,
        reason=reason,
    )
    return change


def _line(texts: Mapping[str, str | None]) -> pl.DataFrame:
    """What was typed, as the only line of a file."""
    return pl.DataFrame(
        {LINE: [1], REASON: [None], **{name: [text] for name, text in texts.items()}},
        schema_overrides={REASON: pl.String, **dict.fromkeys(texts, pl.String)},
    )
