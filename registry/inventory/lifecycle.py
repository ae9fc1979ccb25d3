"""What a meter goes through: stock, in use, removed, scrapped; deleted ones keep their row and their readings.

A meter that is installed is in use. Only installations raise an expectation of readings, so that a meter in stock
lowers no reading performance.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.bulk import update_rows
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.inventory.meters import chunks, open_installation
from registry.inventory.roles import CONSUMPTION
from registry.inventory.versions import supersede
from registry.models import Installation, Meter, MeteringPoint, MeterKey

NO_KEY = "no key"
"""Why a meter is in stock until its key comes."""

NO_ROOM = "plan full"
"""Why a meter is in stock whose key has come."""

_NAMED = 20

STATES = ("stock", "in_use", "removed", "scrapped", "deleted")

MOVES: Mapping[str, frozenset[str]] = {
    "stock": frozenset({"in_use", "scrapped", "deleted"}),
    "in_use": frozenset({"stock", "removed", "deleted"}),
    "removed": frozenset({"in_use", "stock", "scrapped", "deleted"}),
    "scrapped": frozenset({"stock", "deleted"}),
    "deleted": frozenset(),
}
"""States that may follow each state. Restoring a deleted meter is no move: it takes the deletion back."""

_REMEDIES = {
    ("deleted", None): "restore it first",
    ("in_use", "scrapped"): "remove it first",
    ("scrapped", "in_use"): "put it in stock first",
    ("scrapped", "removed"): "it was removed before it was scrapped",
    ("stock", "removed"): "it is not in use",
}


class LifecycleError(InventoryError):
    """A meter may not take the state it was to take."""


def refusal(meter: Meter, state: str) -> str | None:
    """Why a meter may not take a state; ``None`` where it may or has it already."""
    return refusal_of(meter.meter_id, meter.state, state)


def refusal_of(meter_id: str, held: str, state: str) -> str | None:
    """As :func:`refusal`, of a meter that is known by its id and the state it has."""
    if state == held or state in MOVES[held]:
        return None
    remedy = _REMEDIES.get((held, state)) or _REMEDIES.get((held, None))
    return f"meter {meter_id} is {held} and cannot become {state}" + (f": {remedy}" if remedy else "")


def refusals(session: Session, organisation: str, meter_ids: Iterable[str], state: str = "in_use") -> dict[str, str]:
    """Which of many meters may not take a state, and why; for imports that judge line by line."""
    held = states_of(session, organisation, meter_ids)
    reasons = {meter_id: refusal_of(meter_id, now, state) for meter_id, now in held.items()}
    return {meter_id: reason for meter_id, reason in reasons.items() if reason}


def states_of(session: Session, organisation: str, meter_ids: Iterable[str]) -> dict[str, str]:
    """State by meter, of those that are registered; without the rows themselves, since an import asks for all."""
    found: dict[str, str] = {}
    for some in chunks(sorted(set(meter_ids))):
        statement = select(Meter.meter_id, Meter.state).where(Meter.organisation == organisation)
        found.update((row[0], row[1]) for row in session.execute(statement.where(Meter.meter_id.in_(some))))
    return found


@dataclass(frozen=True, slots=True)
class Move:
    """A state that a meter takes, judged before.

    Attributes:
        meter_id: The meter.
        held: The state it has so far.
        state: Its state from now on.
        at: Since when in the world, UTC.
        event: Type of the event, e.g. ``meter.install``.
        point: Metering point that it comes to or goes from, if any.
    """

    meter_id: str
    held: str
    state: str
    at: datetime
    event: str
    point: str | None = None

    def change(self) -> audit.Change:
        """What the audit log is told."""
        place = {"metering_point": self.point} if self.point is not None else {}
        after = {"state": self.state, "effective_at": self.at} | place
        return audit.Change(self.meter_id, {"state": self.held}, after, self.event)


def set_states(session: Session, organisation: str, moves: Iterable[Move]) -> None:
    """Gives many meters their states, as :func:`set_state`; the caller records :meth:`Move.change` of each.

    Args:
        session: A writing transaction; rows of meters that it holds already are not refreshed.
        organisation: Owner of the meters.
        moves: What they go through, in order: of several of one meter the last one stays.
    """
    rows = {
        move.meter_id: {
            "organisation": organisation,
            "meter_id": move.meter_id,
            "state": move.state,
            "state_reason": None,
            "state_since": move.at,
        }
        for move in moves
    }
    update_rows(session, Meter, list(rows.values()))


def put_in_use(
    session: Session,
    organisation: str,
    meters: Mapping[str, datetime],
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> list[str]:
    """Puts meters into use because they were installed, as an import of customers does, or because their key has come.

    Args:
        session: A writing transaction.
        organisation: Owner of the meters.
        meters: Since when (UTC) each meter is in use, by meter id.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, for the audit log.

    Returns:
        The meters that were not in use before; each has its event in the audit log.

    Raises:
        LifecycleError: A meter is not registered, scrapped or deleted.
        CapacityError: They are more than the plan allows.
    """
    held = states_of(session, organisation, meters)
    if missing := sorted(set(meters) - set(held)):
        raise LifecycleError(f"meter {missing[0]} is not registered: import it first")
    for meter_id, state in held.items():
        if problem := refusal_of(meter_id, state, "in_use"):
            raise LifecycleError(problem)
    moved = sorted(meter_id for meter_id, state in held.items() if state != "in_use")
    capacity.check(session, organisation, len(moved))
    moves = [Move(meter_id, held[meter_id], "in_use", meters[meter_id], "meter.in_use") for meter_id in moved]
    set_states(session, organisation, moves)
    audit.record_changes(
        session,
        organisation=organisation,
        event="meter.in_use",
        identity=identity,
        now=now,
        changes=[move.change() for move in moves],
        reason=reason,
    )
    return moved


@dataclass(frozen=True, slots=True)
class EndedWait:
    """What became of meters that waited in stock for a key, and have one now.

    Attributes:
        in_use: Those that are in use.
        left: Those that stay in stock, since the capacity plan allows no more in use.
    """

    in_use: Sequence[str]
    left: Sequence[str]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of those that stay."""
        if not self.left:
            return ()
        more = f" and {len(self.left) - _NAMED} more" if len(self.left) > _NAMED else ""
        told = (
            f"The capacity plan is full: {', '.join(self.left[:_NAMED])}{more} stay in stock, though their keys have "
            "come. Raise the plan (meterhouse meter capacity set --meters); the next keys that come put them in use."
        )
        return (told,)


def end_wait_for_keys(session: Session, organisation: str, identity: str, now: datetime) -> EndedWait:
    """Puts meters into use that waited in stock for a key, and have one now, as far as the capacity plan allows.

    Args:
        session: A writing transaction.
        organisation: Owner of the meters.
        identity: Who brought the keys.
        now: Instant of the change, UTC.

    Returns:
        What became of them; those that stay in stock have :data:`NO_ROOM` as their reason.
    """
    has_key = select(MeterKey.meter_id).where(MeterKey.organisation == organisation)
    waiting = session.scalars(
        select(Meter.meter_id)
        .where(
            Meter.organisation == organisation,
            Meter.state == "stock",
            Meter.state_reason.in_((NO_KEY, NO_ROOM)),
            Meter.meter_id.in_(has_key),
        )
        .order_by(Meter.meter_id)
    ).all()
    free = capacity.room(session, organisation).free if waiting else None
    fitting, left = waiting[:free], waiting[len(waiting[:free]) :]
    since = dict.fromkeys(fitting, now)
    in_use = put_in_use(session, organisation, since, identity, now, reason="its key has come")
    reasons = [{"organisation": organisation, "meter_id": meter_id, "state_reason": NO_ROOM} for meter_id in left]
    update_rows(session, Meter, reasons)
    return EndedWait(in_use, left)


def install(
    session: Session,
    organisation: str,
    meter: Meter,
    *,
    metering_point: str,
    at: datetime,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Installs a meter by hand; the customer's data may come later.

    Args:
        session: A writing transaction.
        organisation: Owner of meter and point.
        meter: The meter, in stock, removed, or in use without a place.
        metering_point: Where; made where there is none of this name.
        at: Since when, UTC.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Raises:
        LifecycleError: The meter is installed, scrapped or deleted; the point has a meter; the time is taken.
        CapacityError: The plan allows no further meter in use.
    """
    if at > now:
        raise LifecycleError("An installation in the future cannot be entered: wait until it is done.")
    if problem := refusal(meter, "in_use"):
        raise LifecycleError(problem)
    elsewhere = open_installation(session, organisation, meter_id=meter.meter_id)
    if elsewhere is not None:
        raise LifecycleError(f"meter {meter.meter_id} is installed at {elsewhere.metering_point}: remove it first")
    here = open_installation(session, organisation, metering_point=metering_point)
    if here is not None:
        raise LifecycleError(f"{metering_point} has meter {here.meter_id}: enter an exchange")
    taken = (
        (f"meter {meter.meter_id} was installed", busy_until(session, organisation, meter_id=meter.meter_id)),
        (f"{metering_point} had a meter", busy_until(session, organisation, metering_point=metering_point)),
    )
    for what, until in taken:
        if until is not None and at < until:
            raise LifecycleError(f"{what} until {until.isoformat()}: give a later time")
    if session.get(MeteringPoint, (organisation, metering_point)) is None:
        session.add(MeteringPoint(organisation=organisation, metering_point=metering_point, role=CONSUMPTION))
    if meter.state != "in_use":
        capacity.check(session, organisation, 1)
    session.add(
        Installation(
            organisation=organisation,
            metering_point=metering_point,
            meter_id=meter.meter_id,
            installed_at=at,
            known_from=now,
        )
    )
    set_state(session, meter, "in_use", at, "meter.install", identity, now, reason, point=metering_point)


def put_in_stock(
    session: Session, meter: Meter, *, at: datetime, identity: str, now: datetime, reason: str | None = None
) -> None:
    """Puts a meter in stock; where it is installed, the installation ends.

    Args:
        session: A writing transaction.
        meter: The meter.
        at: Since when, UTC.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Raises:
        LifecycleError: The meter is deleted, or the time lies before its installation or in the future.
    """
    _take_out(session, meter, "stock", at, identity, now, reason)


def remove(
    session: Session, meter: Meter, *, at: datetime, identity: str, now: datetime, reason: str | None = None
) -> None:
    """Takes a meter out of use; its installation ends. Arguments and errors as of :func:`put_in_stock`."""
    _take_out(session, meter, "removed", at, identity, now, reason)


def scrap(
    session: Session, meter: Meter, *, at: datetime, identity: str, now: datetime, reason: str | None = None
) -> None:
    """Notes that a meter is scrapped. Arguments and errors as of :func:`put_in_stock`; one in use is removed first."""
    _take_out(session, meter, "scrapped", at, identity, now, reason)


def delete(session: Session, meter: Meter, *, identity: str, now: datetime, reason: str | None = None) -> None:
    """Deletes a meter from the lists; its row, its readings and everything reckoned from them stay.

    Args:
        session: A writing transaction.
        meter: The meter.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Raises:
        LifecycleError: The meter is installed, or deleted already.
    """
    if meter.state == "deleted":
        raise LifecycleError(f"meter {meter.meter_id} is deleted already")
    installed = open_installation(session, meter.organisation, meter_id=meter.meter_id)
    if installed is not None:
        raise LifecycleError(f"meter {meter.meter_id} is installed at {installed.metering_point}: remove it first")
    meter.deleted_from, meter.deleted_at = meter.state, now
    set_state(session, meter, "deleted", now, "meter.delete", identity, now, reason)


def restore(session: Session, meter: Meter, *, identity: str, now: datetime, reason: str | None = None) -> None:
    """Takes a deletion back: the meter has the state it had before.

    Args:
        session: A writing transaction.
        meter: The meter.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Raises:
        LifecycleError: The meter is not deleted.
        CapacityError: It was in use, and the plan allows no further meter.
    """
    if meter.state != "deleted":
        raise LifecycleError(f"meter {meter.meter_id} is not deleted, it is {meter.state}")
    state = meter.deleted_from or "stock"
    if state == "in_use":
        capacity.check(session, meter.organisation, 1)
    meter.deleted_from = meter.deleted_at = None
    set_state(session, meter, state, now, "meter.restore", identity, now, reason)


def _take_out(
    session: Session, meter: Meter, state: str, at: datetime, identity: str, now: datetime, reason: str | None
) -> None:
    if at > now:
        raise LifecycleError("A change in the future cannot be entered: wait until it is done.")
    if problem := refusal(meter, state):
        raise LifecycleError(problem)
    if meter.state == state:
        raise LifecycleError(f"meter {meter.meter_id} is {state} already")
    installed = open_installation(session, meter.organisation, meter_id=meter.meter_id)
    if installed is not None:
        if at <= installed.installed_at:
            raise LifecycleError(
                f"meter {meter.meter_id} was installed at {installed.installed_at.isoformat()}: give a later time"
            )
        supersede(session, installed, now, removed_at=at)
    event = {"stock": "meter.stock", "removed": "meter.remove", "scrapped": "meter.scrap"}[state]
    point = installed.metering_point if installed is not None else None
    set_state(session, meter, state, at, event, identity, now, reason, point=point)


def set_state(
    session: Session,
    meter: Meter,
    state: str,
    at: datetime,
    event: str,
    identity: str,
    now: datetime,
    reason: str | None = None,
    point: str | None = None,
) -> None:
    """Gives a meter a state that was judged before, with its event in the audit log.

    Why it had its state so far, such as the want of a key, counts no more.

    Args:
        session: A writing transaction.
        meter: The meter.
        state: Its state from now on.
        at: Since when in the world, UTC.
        event: Type of the event, e.g. ``meter.install``.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.
        point: Metering point that it came to or went from, if any.
    """
    told = Move(meter.meter_id, meter.state, state, at, event, point).change()
    meter.state, meter.state_since, meter.state_reason = state, at, None
    audit.record(
        session,
        organisation=meter.organisation,
        event=event,
        identity=identity,
        now=now,
        target=told.target,
        before=told.before,
        after=told.after,
        reason=reason,
    )


def busy_until(
    session: Session,
    organisation: str,
    *,
    meter_id: str | None = None,
    metering_point: str | None = None,
    but: Installation | None = None,
) -> datetime | None:
    """Latest end of the installations of a meter or at a point.

    Args:
        session: A transaction.
        organisation: Owner of meter and point.
        meter_id: The meter.
        metering_point: The point.
        but: An installation that does not count.

    Returns:
        The instant, UTC; ``None`` where none has ended.
    """
    ended = select(func.max(Installation.removed_at)).where(
        Installation.organisation == organisation, Installation.known_to.is_(None)
    )
    if meter_id is not None:
        ended = ended.where(Installation.meter_id == meter_id)
    if metering_point is not None:
        ended = ended.where(Installation.metering_point == metering_point)
    if but is not None:
        ended = ended.where(Installation.id != but.id)
    return session.scalar(ended)
