"""Final readings: what a meter showed when it was exchanged, or when its customer moved out."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.erasures import ErasedDays
from registry.inventory.errors import InventoryError
from registry.inventory.registers import subject_of
from registry.inventory.versions import supersede
from registry.models import FinalReading, Installation
from registry.vault import KeyVault

_INSTANT = timedelta(microseconds=1)


def enter_final_reading(
    session: Session,
    organisation: str,
    metering_point: str,
    read_at: datetime,
    registers: Mapping[str, Decimal],
    *,
    vault: KeyVault,
    zone: ZoneInfo,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> str:
    """Enters the registers read when a customer moved out; those of the same instant are corrected.

    Args:
        session: A writing transaction.
        organisation: Owner of the point.
        metering_point: Where.
        read_at: When, UTC.
        registers: Value by register, at least one.
        vault: Wraps the key under which the audit log keeps the values.
        zone: The utility's zone.
        identity: Who enters them.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Returns:
        The meter that was installed there at that time.

    Raises:
        InventoryError: No register is given, none was installed there then, the time lies in the future, or in days
            that are erased.
    """
    if not registers:
        raise InventoryError("A final reading needs a register.")
    if read_at > now:
        raise InventoryError("A final reading in the future cannot be entered.")
    if ErasedDays.read(session, organisation, zone).covers(metering_point, read_at - _INSTANT):
        raise InventoryError(f"What was read at {metering_point} on that day is erased, and is not entered again.")
    meter_id = session.scalar(
        select(Installation.meter_id)
        .where(
            Installation.organisation == organisation,
            Installation.metering_point == metering_point,
            Installation.known_to.is_(None),
            Installation.installed_at <= read_at,
            Installation.removed_at.is_(None) | (Installation.removed_at > read_at),
        )
        .limit(1)
    )
    if meter_id is None:
        raise InventoryError(f"At {read_at.isoformat()} no meter was installed at {metering_point}.")
    statement = select(FinalReading).where(
        FinalReading.organisation == organisation,
        FinalReading.metering_point == metering_point,
        FinalReading.read_at == read_at,
        FinalReading.known_to.is_(None),
    )
    known = {row.register: row for row in session.scalars(statement)}
    before = {register: known[register].value for register in registers if register in known}
    for register, value in registers.items():
        row = known.get(register)
        if row is None:
            session.add(
                FinalReading(
                    organisation=organisation,
                    metering_point=metering_point,
                    meter_id=meter_id,
                    read_at=read_at,
                    register=register,
                    value=value,
                    known_from=now,
                )
            )
        elif (row.value, row.meter_id) != (value, meter_id):
            supersede(session, row, now, value=value, meter_id=meter_id)
    audit.record(
        session,
        organisation=organisation,
        event="final_reading.enter",
        identity=identity,
        now=now,
        target=metering_point,
        reason=reason,
        details={"meter_id": meter_id, "read_at": read_at, "registers": sorted(registers)},
        personal=audit.PersonalChange(vault, subject_of(metering_point, read_at), before, dict(registers)),
    )
    return meter_id
