"""How meters are set, and since when: tariffs, interval, pulse inputs, content of the package.

A row holds from one instant to another and states all settings that are known then; what a change does not name stays
as it was. Meters are set from the street or in a workshop: here it is noted, nothing is sent to them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.inventory.versions import supersede
from registry.models import MeterConfiguration

SETTINGS = ("interval_s", "tariffs", "pulse_inputs", "package")
"""What a configuration may state: seconds between two transmissions, and texts."""

SHORTEST_S, LONGEST_S = 60, 86_400
LONGEST_TEXT = 200


def configurations(session: Session, organisation: str, meter_id: str) -> Sequence[MeterConfiguration]:
    """A meter's configurations as they are known now, by their time."""
    row = MeterConfiguration
    return session.scalars(
        select(row)
        .where(row.organisation == organisation, row.meter_id == meter_id, row.known_to.is_(None))
        .order_by(row.valid_from)
    ).all()


def configure(
    session: Session,
    organisation: str,
    meter_id: str,
    changes: Mapping[str, int | str | None],
    *,
    at: datetime,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Notes that a meter was set in another way; it stays so until what is known of later.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        meter_id: A registered meter.
        changes: Some of :data:`SETTINGS`; ``None``, or an empty text, for what is not known any more.
        at: Since when, UTC.
        identity: Who notes it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Returns:
        Whether anything changed; nothing is written where it did not.

    Raises:
        InventoryError: A value does not hold, or the time lies in the future.
        CapacityError: The plan does not allow readings at so short an interval.
    """
    if at > now:
        raise InventoryError("A configuration in the future cannot be noted: note it when the meter is set.")
    news = _checked(changes)
    if (interval_s := news.get("interval_s")) is not None:
        capacity.check_interval(session, organisation, int(interval_s))
    rows = configurations(session, organisation, meter_id)
    holding = next((row for row in reversed(rows) if row.valid_from <= at), None)
    before = {name: getattr(holding, name) if holding else None for name in SETTINGS}
    changed = {name: value for name, value in news.items() if before[name] != value}
    if not changed:
        return False
    if holding is not None and holding.valid_from == at:
        supersede(session, holding, now, **changed)
    else:
        later = next((row.valid_from for row in rows if row.valid_from > at), None)
        if holding is not None:
            supersede(session, holding, now, valid_to=at)
        values = before | changed
        place = {"organisation": organisation, "meter_id": meter_id, "valid_from": at, "valid_to": later}
        session.add(MeterConfiguration(**place, **values, known_from=now))
    audit.record(
        session,
        organisation=organisation,
        event="meter.configure",
        identity=identity,
        now=now,
        target=meter_id,
        before={name: before[name] for name in changed},
        after=changed,
        reason=reason,
        details={"at": at},
    )
    return True


def _checked(changes: Mapping[str, int | str | None]) -> dict[str, int | str | None]:
    news: dict[str, int | str | None] = {}
    for name, value in changes.items():
        if name not in SETTINGS:
            raise InventoryError(f"A meter has no setting {name}; there are {', '.join(SETTINGS)}.")
        if isinstance(value, int):
            if not SHORTEST_S <= value <= LONGEST_S:
                raise InventoryError(f"The interval lies between {SHORTEST_S} and {LONGEST_S} s, not at {value}.")
            news[name] = value
            continue
        text = (value or "").strip()
        if len(text) > LONGEST_TEXT or not text.isprintable() or text[:1] in ("=", "+", "-", "@"):
            raise InventoryError(
                f"{name} has up to {LONGEST_TEXT} printable characters and does not begin as a formula does."
            )
        news[name] = text or None
    return news
