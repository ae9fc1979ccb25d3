"""Priority meters: the few that a fixed network reads every five minutes (NET-25)."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.models import Meter

USUAL_QUOTA = 50
"""Priority meters where the capacity plan does not say how many."""


def quota(session: Session, organisation: str) -> int:
    """How many priority meters the organisation may have."""
    plan = capacity.plan(session, organisation)
    return USUAL_QUOTA if plan is None or plan.max_priority is None else plan.max_priority


def count(session: Session, organisation: str) -> int:
    """How many it has."""
    statement = select(func.count()).select_from(Meter)
    return session.scalar(statement.where(*_ours(organisation))) or 0


def priority_meters(session: Session, organisation: str) -> list[Meter]:
    """The priority meters, by id."""
    return list(session.scalars(select(Meter).where(*_ours(organisation)).order_by(Meter.meter_id)))


def give_priority(session: Session, meter: Meter, *, identity: str, now: datetime, reason: str | None = None) -> bool:
    """Makes a meter a priority meter.

    Args:
        session: A writing transaction.
        meter: The meter.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Returns:
        Whether that is new.

    Raises:
        CapacityError: The quota is used up.
        InventoryError: The meter is deleted.
    """
    if meter.state == "deleted":
        raise InventoryError(f"meter {meter.meter_id} is deleted: restore it first.")
    if meter.priority_since is not None:
        return False
    most, held = quota(session, meter.organisation), count(session, meter.organisation)
    if held >= most:
        raise capacity.CapacityError(
            f"{most} priority meters are allowed, and {held} there are. Take the priority from one: meterhouse meter "
            "priority remove; or raise the plan: meterhouse meter capacity set --priority."
        )
    _write(session, meter, now, "meter.priority", identity, now, reason)
    return True


def take_priority(session: Session, meter: Meter, *, identity: str, now: datetime, reason: str | None = None) -> bool:
    """Makes a meter one like others; arguments as of :func:`give_priority`. Returns whether it was a priority meter."""
    if meter.priority_since is None:
        return False
    _write(session, meter, None, "meter.no_priority", identity, now, reason)
    return True


def _write(
    session: Session,
    meter: Meter,
    since: datetime | None,
    event: str,
    identity: str,
    now: datetime,
    reason: str | None,
) -> None:
    before = meter.priority_since
    meter.priority_since = since
    audit.record(
        session,
        organisation=meter.organisation,
        event=event,
        identity=identity,
        now=now,
        target=meter.meter_id,
        before={"priority_since": before.isoformat() if before else None},
        after={"priority_since": since.isoformat() if since else None},
        reason=reason,
    )


def _ours(organisation: str) -> tuple[ColumnElement[bool], ...]:
    return Meter.organisation == organisation, Meter.priority_since.is_not(None), Meter.state != "deleted"
