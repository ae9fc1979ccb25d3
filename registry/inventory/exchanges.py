"""One meter exchange by hand: entered, corrected, withdrawn. What was believed before a correction stays known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.erasures import erased_at
from registry.inventory import capacity
from registry.inventory.errors import InventoryError
from registry.inventory.lifecycle import busy_until, refusal, set_state
from registry.inventory.meters import open_installation
from registry.inventory.registers import subject_of
from registry.inventory.versions import supersede
from registry.models import Exchange, Installation, Meter
from registry.vault import KeyVault


class ExchangeError(InventoryError):
    """An exchange cannot have been as it is told."""


@dataclass(frozen=True, slots=True)
class NewExchange:
    """What happened.

    Attributes:
        metering_point: Where.
        exchanged_at: When, UTC.
        old_meter_id: Meter taken away.
        new_meter_id: Meter put in its place.
        finals: Registers of the old meter at the exchange; one that is not known is left out and estimated later.
        initials: Registers of the new meter; at least one, and each that has a final.
        reason: Why, in the words of who did it; names nobody.
    """

    metering_point: str
    exchanged_at: datetime
    old_meter_id: str
    new_meter_id: str
    finals: Mapping[str, Decimal]
    initials: Mapping[str, Decimal]
    reason: str | None = None


def enter(
    session: Session,
    organisation: str,
    exchange: NewExchange,
    *,
    vault: KeyVault,
    zone: ZoneInfo,
    identity: str,
    now: datetime,
) -> bool:
    """Enters an exchange: the old meter's installation ends, the new one's begins.

    Args:
        session: A writing transaction.
        organisation: Owner of the point.
        exchange: What happened.
        vault: Wraps the key under which the audit log keeps the registers.
        zone: The utility's zone.
        identity: Who enters it.
        now: Instant of the change, UTC.

    Returns:
        Whether the registers are kept: not where the point's data of that day is erased.

    Raises:
        ExchangeError: It contradicts what is installed, or lacks registers.
        CapacityError: The plan allows no further meter in use.
    """
    at, point = exchange.exchanged_at, exchange.metering_point
    _check_registers(exchange.finals, exchange.initials)
    current = open_installation(session, organisation, metering_point=point)
    if current is None:
        raise ExchangeError(f"No meter is installed at {point}: install the new one.")
    if current.meter_id != exchange.old_meter_id:
        raise ExchangeError(f"At {point} is meter {current.meter_id}, not {exchange.old_meter_id}.")
    _check_time(at, after=current.installed_at, before=None, now=now)
    old = _meter(session, organisation, exchange.old_meter_id)
    new = _newcomer(session, organisation, exchange.new_meter_id, at)
    capacity.check(session, organisation, (new.state != "in_use") - (old.state == "in_use"))
    kept = not erased_at(session, organisation, point, at, zone)
    supersede(session, current, now, removed_at=at)
    session.add(
        Installation(
            organisation=organisation, metering_point=point, meter_id=new.meter_id, installed_at=at, known_from=now
        )
    )
    session.add_all(
        Exchange(
            organisation=organisation,
            metering_point=point,
            exchanged_at=at,
            register=register,
            old_meter_id=old.meter_id,
            new_meter_id=new.meter_id,
            old_final=exchange.finals.get(register) if kept else None,
            new_initial=initial if kept else None,
            reason=exchange.reason,
            identity=identity,
            known_from=now,
        )
        for register, initial in exchange.initials.items()
    )
    set_state(session, old, "removed", at, "meter.remove", identity, now, exchange.reason, point)
    set_state(session, new, "in_use", at, "meter.install", identity, now, exchange.reason, point)
    session.flush()
    told, values = _told(versions(session, organisation, point, at))
    audit.record(
        session,
        organisation=organisation,
        event="exchange.enter",
        identity=identity,
        now=now,
        target=point,
        after=told,
        reason=exchange.reason,
        personal=audit.PersonalChange(vault, subject_of(point, at), after=values),
    )
    return kept


def correct(
    session: Session,
    organisation: str,
    metering_point: str,
    exchanged_at: datetime,
    *,
    vault: KeyVault,
    zone: ZoneInfo,
    identity: str,
    now: datetime,
    reason: str,
    moved_to: datetime | None = None,
    new_meter_id: str | None = None,
    finals: Mapping[str, Decimal] | None = None,
    initials: Mapping[str, Decimal] | None = None,
) -> bool:
    """Corrects a wrong exchange; what is not given stays as it is.

    Args:
        session: A writing transaction.
        organisation: Owner of the point.
        metering_point: Where it was.
        exchanged_at: When it was, as it is known so far, UTC.
        vault: Wraps the key under which the audit log keeps the registers.
        zone: The utility's zone.
        identity: Who corrects it.
        now: Instant of the correction, UTC.
        reason: Why, in the words of who does it.
        moved_to: When it was in truth, UTC.
        new_meter_id: Which meter was put there in truth; the one named so far goes back to stock.
        finals: Registers of the old meter.
        initials: Registers of the new meter.

    Returns:
        Whether the registers are kept: not where the point's data of that day is erased.

    Raises:
        ExchangeError: There is no such exchange, or what came after it contradicts the correction.
    """
    known = _standing(session, organisation, metering_point, exchanged_at)
    ended, begun = _installations(session, known[0])
    told, values = _told(known)
    at, meter_id = moved_to or exchanged_at, new_meter_id or known[0].new_meter_id
    kept = not erased_at(session, organisation, metering_point, at, zone)
    all_finals = {row.register: row.old_final for row in known if row.old_final is not None} | dict(finals or {})
    all_initials = {row.register: row.new_initial for row in known} | dict(initials or {})
    _check_registers(all_finals, all_initials)
    if at != exchanged_at:
        _check_time(at, after=ended.installed_at, before=begun.removed_at, now=now)
    if meter_id != known[0].new_meter_id:
        _check_last(begun)
        if meter_id == known[0].old_meter_id:
            raise ExchangeError(f"{meter_id} is the old meter: withdraw the exchange.")
        new = _newcomer(session, organisation, meter_id, at)
        wrong = _meter(session, organisation, known[0].new_meter_id)
        capacity.check(session, organisation, int(new.state != "in_use") - 1)
        set_state(session, wrong, "stock", now, "meter.stock", identity, now, reason, metering_point)
        set_state(session, new, "in_use", at, "meter.install", identity, now, reason, metering_point)
    elif at < exchanged_at:
        _check_free(session, organisation, meter_id, at, begun)
    if at != exchanged_at:
        supersede(session, ended, now, removed_at=at)
    if at != exchanged_at or meter_id != known[0].new_meter_id:
        supersede(session, begun, now, installed_at=at, meter_id=meter_id)
    by_register = {row.register: row for row in known}
    for register, initial in all_initials.items():
        truth = {
            "exchanged_at": at,
            "new_meter_id": meter_id,
            "old_final": all_finals.get(register) if kept else None,
            "new_initial": initial if kept else None,
        }
        row = by_register.get(register)
        if row is None:
            base = {"organisation": organisation, "metering_point": metering_point, "register": register}
            origin = {"old_meter_id": known[0].old_meter_id, "reason": reason, "identity": identity, "known_from": now}
            session.add(Exchange(**base, **origin, **truth))
        elif any(getattr(row, name) != value for name, value in truth.items()):
            supersede(session, row, now, reason=reason, identity=identity, **truth)
    session.flush()
    after, new_values = _told(versions(session, organisation, metering_point, at))
    audit.record(
        session,
        organisation=organisation,
        event="exchange.correct",
        identity=identity,
        now=now,
        target=metering_point,
        before=told,
        after=after,
        reason=reason,
        # Where the time moves, the former one: whichever of the two is erased, the version of that time goes.
        personal=audit.PersonalChange(vault, subject_of(metering_point, exchanged_at), values, new_values),
    )
    return kept


def withdraw(
    session: Session,
    organisation: str,
    metering_point: str,
    exchanged_at: datetime,
    *,
    vault: KeyVault,
    identity: str,
    now: datetime,
    reason: str,
) -> None:
    """Takes back an exchange that never was: the old meter is installed as before, the new one goes to stock.

    Args:
        session: A writing transaction.
        organisation: Owner of the point.
        metering_point: Where it was to be.
        exchanged_at: When it was to be, UTC.
        vault: Wraps the key under which the audit log keeps the registers.
        identity: Who takes it back.
        now: Instant of the change, UTC.
        reason: Why, in the words of who does it.

    Raises:
        ExchangeError: There is no such exchange, or one of its meters has gone elsewhere since.
    """
    known = _standing(session, organisation, metering_point, exchanged_at)
    ended, begun = _installations(session, known[0])
    _check_last(begun)
    old = _meter(session, organisation, known[0].old_meter_id)
    new = _meter(session, organisation, known[0].new_meter_id)
    elsewhere = open_installation(session, organisation, meter_id=old.meter_id)
    if elsewhere is not None:
        raise ExchangeError(f"meter {old.meter_id} is installed at {elsewhere.metering_point} by now.")
    if problem := refusal(old, "in_use"):
        raise ExchangeError(problem)
    told, values = _told(known)
    begun.known_to = now
    supersede(session, ended, now, removed_at=None)
    for row in known:
        row.known_to = now
    set_state(session, new, "stock", now, "meter.stock", identity, now, reason, metering_point)
    set_state(session, old, "in_use", ended.installed_at, "meter.install", identity, now, reason, metering_point)
    audit.record(
        session,
        organisation=organisation,
        event="exchange.withdraw",
        identity=identity,
        now=now,
        target=metering_point,
        before=told,
        reason=reason,
        personal=audit.PersonalChange(vault, subject_of(metering_point, exchanged_at), before=values),
    )


def versions(
    session: Session,
    organisation: str,
    metering_point: str,
    exchanged_at: datetime | None = None,
    *,
    superseded: bool = False,
    as_of: datetime | None = None,
) -> Sequence[Exchange]:
    """Exchanges of a point, one row per register.

    Args:
        session: A transaction.
        organisation: Owner of the point.
        metering_point: The point.
        exchanged_at: The one at this instant alone.
        superseded: Whether versions that hold no more are given, too.
        as_of: Only what was known at this instant, UTC.

    Returns:
        Rows in the order of time, register and version.
    """
    statement = select(Exchange).where(Exchange.organisation == organisation, Exchange.metering_point == metering_point)
    if exchanged_at is not None:
        statement = statement.where(Exchange.exchanged_at == exchanged_at)
    if as_of is not None:
        lasts = Exchange.known_to.is_(None) | (Exchange.known_to > as_of)
        statement = statement.where(Exchange.known_from <= as_of, lasts)
    elif not superseded:
        statement = statement.where(Exchange.known_to.is_(None))
    return session.scalars(statement.order_by(Exchange.exchanged_at, Exchange.register, Exchange.id)).all()


def _standing(session: Session, organisation: str, point: str, at: datetime) -> Sequence[Exchange]:
    known = versions(session, organisation, point, at)
    if not known:
        raise ExchangeError(f"At {point} no exchange of {at.isoformat()} is known: 'meterhouse meter exchange show'.")
    return known


def _installations(session: Session, exchange: Exchange) -> tuple[Installation, Installation]:
    """The installation that an exchange ended, and the one it began."""
    point = select(Installation).where(
        Installation.organisation == exchange.organisation,
        Installation.metering_point == exchange.metering_point,
        Installation.known_to.is_(None),
    )
    at, old, new = exchange.exchanged_at, exchange.old_meter_id, exchange.new_meter_id
    ended = session.scalar(point.where(Installation.meter_id == old, Installation.removed_at == at))
    begun = session.scalar(point.where(Installation.meter_id == new, Installation.installed_at == at))
    if ended is None or begun is None:
        raise ExchangeError(f"The installations at {exchange.metering_point} no longer fit the exchange.")
    return ended, begun


def _meter(session: Session, organisation: str, meter_id: str) -> Meter:
    meter = session.get(Meter, (organisation, meter_id))
    if meter is None:
        raise ExchangeError(f"meter {meter_id} is not registered: import it first")
    return meter


def _newcomer(session: Session, organisation: str, meter_id: str, at: datetime) -> Meter:
    """The meter that is put in place, where nothing speaks against it."""
    meter = _meter(session, organisation, meter_id)
    if problem := refusal(meter, "in_use"):
        raise ExchangeError(problem)
    elsewhere = open_installation(session, organisation, meter_id=meter_id)
    if elsewhere is not None:
        raise ExchangeError(f"meter {meter_id} is installed at {elsewhere.metering_point}.")
    _check_free(session, organisation, meter_id, at, None)
    return meter


def _check_free(session: Session, organisation: str, meter_id: str, at: datetime, but: Installation | None) -> None:
    until = busy_until(session, organisation, meter_id=meter_id, but=but)
    if until is not None and at < until:
        raise ExchangeError(f"meter {meter_id} was installed until {until.isoformat()}.")


def _check_last(begun: Installation) -> None:
    if begun.removed_at is not None:
        raise ExchangeError(
            f"The meter went from {begun.metering_point} at {begun.removed_at.isoformat()}: correct that first."
        )


def _check_time(at: datetime, *, after: datetime, before: datetime | None, now: datetime) -> None:
    if at > now:
        raise ExchangeError("An exchange in the future cannot be entered: wait until it is done.")
    if at <= after:
        raise ExchangeError(f"The old meter was installed at {after.isoformat()}: the exchange lies after that.")
    if before is not None and at >= before:
        raise ExchangeError(f"The new meter was removed at {before.isoformat()}: the exchange lies before that.")


def _check_registers(finals: Mapping[str, Decimal], initials: Mapping[str, Decimal | None]) -> None:
    if not initials:
        raise ExchangeError("An exchange needs a start register of the new meter.")
    if missing := sorted(set(finals) - set(initials)):
        raise ExchangeError(f"The new meter's start register {missing[0]} is missing.")


def _told(rows: Sequence[Exchange]) -> tuple[dict[str, object], dict[str, object]]:
    """An exchange for the audit log, and its registers (old meter, new meter), which tell what somebody used."""
    told: dict[str, object] = {
        "exchanged_at": rows[0].exchanged_at,
        "old_meter_id": rows[0].old_meter_id,
        "new_meter_id": rows[0].new_meter_id,
        "registers": [row.register for row in rows],
    }
    return told, {row.register: [row.old_final, row.new_initial] for row in rows}
