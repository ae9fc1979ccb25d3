"""Labels: free words on devices."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Label

LENGTH = 100


def set_labels(
    session: Session,
    organisation: str,
    meter_ids: Sequence[str],
    labels: Sequence[str],
    *,
    identity: str,
    now: datetime,
    remove: bool = False,
) -> int:
    """Puts labels on devices, or takes them off.

    Args:
        session: A writing transaction.
        organisation: Whose devices.
        meter_ids: The devices.
        labels: The labels.
        identity: Who acts.
        now: Instant of the change.
        remove: Whether they are taken off.

    Returns:
        Labels that were put on or taken off; those that were there, or were not, are not counted.

    Raises:
        RegistryError: A label is empty or too long.
    """
    words = list(dict.fromkeys(label.strip() for label in labels))
    if not all(0 < len(word) <= LENGTH for word in words):
        raise RegistryError(f"A label is a word of up to {LENGTH} characters.")
    rows = session.scalars(select(Label).where(Label.organisation == organisation, Label.label.in_(words))).all()
    there = {(row.meter_id, row.label): row for row in rows}
    pairs = [(meter, word) for meter in meter_ids for word in words if ((meter, word) in there) == remove]
    for pair in pairs:
        if remove:
            session.delete(there[pair])
        else:
            session.add(Label(organisation=organisation, meter_id=pair[0], label=pair[1]))
    session.flush()
    if pairs:
        audit.record(
            session,
            organisation=organisation,
            event="labels.remove" if remove else "labels.add",
            identity=identity,
            now=now,
            target=", ".join(words)[:200],
            details={"meter_ids": sorted({meter for meter, _ in pairs})},
        )
    return len(pairs)


def labels_of(session: Session, organisation: str, meter_ids: Iterable[str]) -> dict[str, list[str]]:
    """Labels of some devices in the order of letters; those without any are left out.

    Args:
        session: A transaction.
        organisation: Whose devices.
        meter_ids: The devices, as many as a statement can name.
    """
    found: dict[str, list[str]] = {}
    statement = select(Label.meter_id, Label.label).where(
        Label.organisation == organisation, Label.meter_id.in_(meter_ids)
    )
    for meter_id, label in session.execute(statement.order_by(Label.label)):
        found.setdefault(meter_id, []).append(label)
    return found
