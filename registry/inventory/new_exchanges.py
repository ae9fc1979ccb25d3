"""Exchanges that are entered, by hand or from a file: judged and written by the same rules, one or many at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from registry import audit
from registry.bulk import insert_rows, update_rows
from registry.erasures import ErasedDays
from registry.inventory import capacity
from registry.inventory.capacity import Room
from registry.inventory.errors import InventoryError
from registry.inventory.lifecycle import Move, refusal_of, set_states
from registry.inventory.registers import subject_of
from registry.inventory.whereabouts import Stay, Whereabouts, whereabouts
from registry.models import Exchange, Installation
from registry.vault import KeyVault

Registers = Mapping[str, tuple[Decimal | None, Decimal | None]]
"""Final register of the old meter and start register of the new one, by register."""


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

    @property
    def registers(self) -> Registers:
        """Final register of the old meter and start register of the new one, by register."""
        return {register: (self.finals.get(register), initial) for register, initial in self.initials.items()}


def told(exchanged_at: datetime, old_meter_id: str, new_meter_id: str, registers: Iterable[str]) -> dict[str, object]:
    """An exchange for the audit log, without what its registers showed, since that tells what somebody used.

    Args:
        exchanged_at: When, UTC.
        old_meter_id: Meter taken away.
        new_meter_id: Meter put in its place.
        registers: Names of its registers.
    """
    return {
        "exchanged_at": exchanged_at,
        "old_meter_id": old_meter_id,
        "new_meter_id": new_meter_id,
        "registers": sorted(registers),
    }


def kept_of(registers: Registers, *, kept: bool) -> Registers:
    """Registers as they are kept: empty where the point's data of that day is erased."""
    return registers if kept else dict.fromkeys(registers, (None, None))


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
    erased = ErasedDays.read(session, organisation, zone)
    refused = enter_many(
        session,
        organisation,
        [exchange],
        erased,
        vault=vault,
        identity=identity,
        now=now,
        reason=exchange.reason,
    )
    if refused:
        raise refused[0]
    return not erased.covers(exchange.metering_point, exchange.exchanged_at)


def enter_many(
    session: Session,
    organisation: str,
    exchanges: Sequence[NewExchange],
    erased: ErasedDays,
    *,
    vault: KeyVault | None = None,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> dict[int, InventoryError]:
    """Enters those of many exchanges that can have been, in the order of time; each leaves its events.

    Args:
        session: A writing transaction.
        organisation: Owner of the points.
        exchanges: What happened.
        erased: Days whose registers are not kept.
        vault: Wraps the keys under which the audit log keeps the registers; without it, it names them alone.
        identity: Who enters them.
        now: Instant of the change, UTC.
        reason: Why, for the audit log.

    Returns:
        What speaks against the others, by their place in ``exchanges``: an :class:`ExchangeError` or a
        :class:`~registry.inventory.capacity.CapacityError`.
    """
    session.flush()  # what follows is written past the session's rows
    known = whereabouts(
        session,
        organisation,
        {exchange.metering_point for exchange in exchanges},
        {meter_id for exchange in exchanges for meter_id in (exchange.old_meter_id, exchange.new_meter_id)},
    )
    room, added = capacity.room(session, organisation), 0
    refused: dict[int, InventoryError] = {}
    entered: list[tuple[NewExchange, Stay, Move, Move]] = []
    # Of several exchanges at one point, or of one meter, each is judged after what came before it.
    for number, exchange in sorted(enumerate(exchanges), key=lambda numbered: numbered[1].exchanged_at):
        try:
            current, old, new = _judged(exchange, known, now)
            more = (new.held != "in_use") - (old.held == "in_use")
            _check_room(room, added, more)
        except InventoryError as problem:
            refused[number] = problem
            continue
        added += more
        known.exchange(exchange.metering_point, exchange.new_meter_id, exchange.exchanged_at)
        entered.append((exchange, current, old, new))
    _write_installations(session, organisation, entered, now)
    set_states(session, organisation, [move for _, _, old, new in entered for move in (old, new)])
    registers = [
        kept_of(exchange.registers, kept=not erased.covers(exchange.metering_point, exchange.exchanged_at))
        for exchange, *_ in entered
    ]
    rows = [
        row
        for (exchange, *_), values in zip(entered, registers, strict=True)
        for row in _rows(organisation, exchange, values, identity, now)
    ]
    insert_rows(session, Exchange, rows)
    audit.record_changes(
        session,
        organisation=organisation,
        event="exchange.enter",
        identity=identity,
        now=now,
        changes=[
            change
            for (exchange, _, old, new), values in zip(entered, registers, strict=True)
            for change in (old.change(), new.change(), _change(exchange, values, vault))
        ],
        reason=reason,
    )
    return refused


def _change(exchange: NewExchange, registers: Registers, vault: KeyVault | None) -> audit.Change:
    at, point = exchange.exchanged_at, exchange.metering_point
    after = told(at, exchange.old_meter_id, exchange.new_meter_id, registers)
    personal = audit.PersonalChange(vault, subject_of(point, at), after=registers) if vault else None
    return audit.Change(point, None, after, personal=personal)


def _judged(exchange: NewExchange, known: Whereabouts, now: datetime) -> tuple[Stay, Move, Move]:
    """The installation that an exchange ends, and what it makes of both meters.

    Raises:
        ExchangeError: It cannot have been.
    """
    at, point = exchange.exchanged_at, exchange.metering_point
    check_registers(exchange.finals, exchange.initials)
    current = known.at_point.get(point)
    if current is None:
        raise ExchangeError(f"No meter is installed at {point}: install the new one.")
    if current.meter_id != exchange.old_meter_id:
        raise ExchangeError(f"At {point} is meter {current.meter_id}, not {exchange.old_meter_id}.")
    check_time(at, after=current.installed_at, before=None, now=now)
    old = state_of(known, exchange.old_meter_id)
    new = check_newcomer(known, exchange.new_meter_id, at)
    return (
        current,
        Move(exchange.old_meter_id, old, "removed", at, "meter.remove", point),
        Move(exchange.new_meter_id, new, "in_use", at, "meter.install", point),
    )


def _check_room(room: Room, added: int, more: int) -> None:
    """An exchange that brings no further meter into use is never too many, even where the plan is exceeded."""
    if more > 0:
        room.check(added + more)


def state_of(known: Whereabouts, meter_id: str) -> str:
    """The state of a meter.

    Raises:
        ExchangeError: It is not registered.
    """
    held = known.states.get(meter_id)
    if held is None:
        raise ExchangeError(f"meter {meter_id} is not registered: import it first")
    return held


def check_newcomer(known: Whereabouts, meter_id: str, at: datetime) -> str:
    """Sees to it that nothing speaks against putting a meter in place.

    Args:
        known: What is known of it.
        meter_id: The meter.
        at: When it is put there, UTC.

    Returns:
        The state it has so far.

    Raises:
        ExchangeError: It is not registered, may not be in use, is installed, or was installed until later.
    """
    held = state_of(known, meter_id)
    if problem := refusal_of(meter_id, held, "in_use"):
        raise ExchangeError(problem)
    elsewhere = known.of_meter.get(meter_id)
    if elsewhere is not None:
        raise ExchangeError(f"meter {meter_id} is installed at {elsewhere.metering_point}.")
    check_free(meter_id, at, known.until.get(meter_id))
    return held


def check_free(meter_id: str, at: datetime, until: datetime | None) -> None:
    """Sees to it that a meter's other installations have ended.

    Raises:
        ExchangeError: One lasted until after ``at``.
    """
    if until is not None and at < until:
        raise ExchangeError(f"meter {meter_id} was installed until {until.isoformat()}.")


def check_time(at: datetime, *, after: datetime, before: datetime | None, now: datetime) -> None:
    """Sees to it that an exchange lies within the time of both meters, and not in the future.

    Args:
        at: When it is said to have been, UTC.
        after: When the old meter was installed.
        before: When the new meter was removed, if it was.
        now: The present.

    Raises:
        ExchangeError: It does not.
    """
    if at > now:
        raise ExchangeError("An exchange in the future cannot be entered: wait until it is done.")
    if at <= after:
        raise ExchangeError(f"The old meter was installed at {after.isoformat()}: the exchange lies after that.")
    if before is not None and at >= before:
        raise ExchangeError(f"The new meter was removed at {before.isoformat()}: the exchange lies before that.")


def check_registers(finals: Mapping[str, Decimal], initials: Mapping[str, Decimal | None]) -> None:
    """Sees to it that each final register has a start register, and that there is one at all.

    Raises:
        ExchangeError: One is missing.
    """
    if not initials:
        raise ExchangeError("An exchange needs a start register of the new meter.")
    if missing := sorted(set(finals) - set(initials)):
        raise ExchangeError(f"The new meter's start register {missing[0]} is missing.")


def _write_installations(
    session: Session, organisation: str, entered: Sequence[tuple[NewExchange, Stay, Move, Move]], now: datetime
) -> None:
    ended: list[dict[str, Any]] = []
    rows: dict[tuple[str, str, datetime], dict[str, Any]] = {}
    for exchange, current, *_ in entered:
        stays = (current, Stay(None, exchange.metering_point, exchange.new_meter_id, exchange.exchanged_at))
        for stay, until in zip(stays, (exchange.exchanged_at, None), strict=True):
            # One that begins and ends in the same batch is written once.
            rows[stay.metering_point, stay.meter_id, stay.installed_at] = {
                "organisation": organisation,
                "metering_point": stay.metering_point,
                "meter_id": stay.meter_id,
                "installed_at": stay.installed_at,
                "removed_at": until,
                "known_from": now,
            }
        if current.number is not None:
            ended.append({"id": current.number, "known_to": now})
    update_rows(session, Installation, ended)
    insert_rows(session, Installation, list(rows.values()))


def _rows(
    organisation: str, exchange: NewExchange, registers: Registers, identity: str, now: datetime
) -> list[dict[str, Any]]:
    """Rows of an exchange, one per register."""
    return [
        {
            "organisation": organisation,
            "metering_point": exchange.metering_point,
            "exchanged_at": exchange.exchanged_at,
            "register": register,
            "old_meter_id": exchange.old_meter_id,
            "new_meter_id": exchange.new_meter_id,
            "old_final": final,
            "new_initial": initial,
            "reason": exchange.reason,
            "identity": identity,
            "known_from": now,
        }
        for register, (final, initial) in registers.items()
    ]
