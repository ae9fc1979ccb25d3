"""Exchanges that are known: corrected, withdrawn. What was believed before a correction stays known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.bulk import insert_rows, update_rows
from registry.erasures import ErasedDays
from registry.inventory import capacity
from registry.inventory.lifecycle import busy_until, refusal, set_state
from registry.inventory.meters import chunks, open_installation
from registry.inventory.new_exchanges import (
    ExchangeError,
    Registers,
    check_free,
    check_newcomer,
    check_registers,
    check_time,
    kept_of,
    told,
)
from registry.inventory.registers import subject_of
from registry.inventory.versions import supersede
from registry.inventory.whereabouts import whereabouts
from registry.models import Exchange, Installation, Meter
from registry.vault import KeyVault
from warehouse.schemas import EXCHANGES


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
    at, meter_id = moved_to or exchanged_at, new_meter_id or known[0].new_meter_id
    all_finals = {row.register: row.old_final for row in known if row.old_final is not None} | dict(finals or {})
    all_initials = {row.register: row.new_initial for row in known} | dict(initials or {})
    check_registers(all_finals, all_initials)
    if at != exchanged_at:
        check_time(at, after=ended.installed_at, before=begun.removed_at, now=now)
    if meter_id != known[0].new_meter_id:
        _check_last(begun)
        if meter_id == known[0].old_meter_id:
            raise ExchangeError(f"{meter_id} is the old meter: withdraw the exchange.")
        check_newcomer(whereabouts(session, organisation, [], [meter_id]), meter_id, at)
        new = _meter(session, organisation, meter_id)
        wrong = _meter(session, organisation, known[0].new_meter_id)
        capacity.check(session, organisation, int(new.state != "in_use") - 1)
        set_state(session, wrong, "stock", now, "meter.stock", identity, now, reason, metering_point)
        set_state(session, new, "in_use", at, "meter.install", identity, now, reason, metering_point)
    elif at < exchanged_at:
        check_free(meter_id, at, busy_until(session, organisation, meter_id=meter_id, but=begun))
    if at != exchanged_at:
        supersede(session, ended, now, removed_at=at)
    if at != exchanged_at or meter_id != known[0].new_meter_id:
        supersede(session, begun, now, installed_at=at, meter_id=meter_id)
    erased = ErasedDays.read(session, organisation, zone)
    correct_registers(
        session,
        organisation,
        [Correction(known, at, meter_id, finals or {}, initials or {})],
        erased,
        vault=vault,
        identity=identity,
        now=now,
        reason=reason,
    )
    return not erased.covers(metering_point, at)


@dataclass(frozen=True, slots=True)
class Correction:
    """What an exchange was in truth.

    Attributes:
        known: Its rows that hold so far, one per register.
        exchanged_at: When it was, UTC.
        new_meter_id: Which meter was put there.
        finals: Registers of the old meter that are told anew.
        initials: Registers of the new meter that are told anew.
    """

    known: Sequence[Exchange]
    exchanged_at: datetime
    new_meter_id: str
    finals: Mapping[str, Decimal]
    initials: Mapping[str, Decimal]

    @property
    def registers(self) -> Registers:
        """Final and start register by register, of those that stand and those that are told anew."""
        finals = {row.register: row.old_final for row in self.known} | dict(self.finals)
        initials = {row.register: row.new_initial for row in self.known} | dict(self.initials)
        return {register: (finals.get(register), initial) for register, initial in initials.items()}


def correct_registers(
    session: Session,
    organisation: str,
    corrections: Sequence[Correction],
    erased: ErasedDays,
    *,
    vault: KeyVault | None = None,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Writes corrections of one exchange or of many that were judged before, each with its event.

    Args:
        session: A writing transaction.
        organisation: Owner of the points.
        corrections: What the exchanges were in truth.
        erased: Days whose registers are not kept.
        vault: Wraps the keys under which the audit log keeps the registers; without it, it names them alone.
        identity: Who corrects them.
        now: Instant of the correction, UTC.
        reason: Why; without it, each keeps the reason it has.
    """
    ended: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    changes: list[audit.Change] = []
    for correction in corrections:
        first, point, at = correction.known[0], correction.known[0].metering_point, correction.exchanged_at
        registers = kept_of(correction.registers, kept=not erased.covers(point, at))
        by_register = {row.register: row for row in correction.known}
        before, values = _told(correction.known)
        # Where the time moves, the former one: whichever of the two is erased, the version of that time goes.
        subject = subject_of(point, first.exchanged_at)
        personal = audit.PersonalChange(vault, subject, values, registers) if vault else None
        after = told(at, first.old_meter_id, correction.new_meter_id, registers)
        changes.append(audit.Change(point, before, after, personal=personal))
        for register, (final, initial) in registers.items():
            row = by_register.get(register)
            truth = {
                "exchanged_at": at,
                "new_meter_id": correction.new_meter_id,
                "old_final": final,
                "new_initial": initial,
            }
            if row is not None and all(getattr(row, name) == value for name, value in truth.items()):
                continue
            if row is not None:
                ended.append({"id": row.id, "known_to": now})
            rows.append(
                {
                    "organisation": organisation,
                    "metering_point": point,
                    "register": register,
                    "old_meter_id": first.old_meter_id,
                    "reason": reason or (row.reason if row is not None else None),
                    "identity": identity,
                    "known_from": now,
                }
                | truth
            )
    update_rows(session, Exchange, ended)
    insert_rows(session, Exchange, rows)
    audit.record_changes(
        session,
        organisation=organisation,
        event="exchange.correct",
        identity=identity,
        now=now,
        changes=changes,
        reason=reason,
    )


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
    before, values = _told(known)
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
        before=before,
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


def standing(
    session: Session, organisation: str, metering_points: Iterable[str]
) -> dict[tuple[str, datetime], list[Exchange]]:
    """Exchanges of many points as they hold now: their rows, one per register, by point and time."""
    found: dict[tuple[str, datetime], list[Exchange]] = {}
    statement = select(Exchange).where(Exchange.organisation == organisation, Exchange.known_to.is_(None))
    for some in chunks(sorted(set(metering_points))):
        for row in session.scalars(statement.where(Exchange.metering_point.in_(some)).order_by(Exchange.id)):
            found.setdefault((row.metering_point, row.exchanged_at), []).append(row)
    return found


def recorders(session: Session, organisation: str, metering_points: Iterable[str]) -> pl.DataFrame:
    """Who entered or last corrected the exchanges of points, as they hold now.

    Returns:
        ``metering_point``, ``exchanged_at`` (UTC), ``register`` and ``recorded_by`` (identity; null where an import of
        former releases did not say).
    """
    wanted = (Exchange.metering_point, Exchange.exchanged_at, Exchange.register, Exchange.identity)
    statement = select(*wanted).where(Exchange.organisation == organisation, Exchange.known_to.is_(None))
    rows = [
        tuple(row)
        for some in chunks(sorted(set(metering_points)))
        for row in session.execute(statement.where(Exchange.metering_point.in_(some)))
    ]
    schema = {name: EXCHANGES.schema[name] for name in ("metering_point", "exchanged_at", "register")}
    return pl.DataFrame(rows, schema={**schema, "recorded_by": pl.String}, orient="row")


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


def _check_last(begun: Installation) -> None:
    if begun.removed_at is not None:
        raise ExchangeError(
            f"The meter went from {begun.metering_point} at {begun.removed_at.isoformat()}: correct that first."
        )


def _told(rows: Sequence[Exchange]) -> tuple[dict[str, object], Registers]:
    """An exchange for the audit log, and its registers."""
    first = rows[0]
    registers = {row.register: (row.old_final, row.new_initial) for row in rows}
    return told(first.exchanged_at, first.old_meter_id, first.new_meter_id, registers), registers
