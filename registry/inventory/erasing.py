"""Erasure of registers that were read at a point: final readings, and those of exchanges.

A final reading belongs to who moved out: it goes with the period it ends. An exchange stays, since the meter did
change; its registers go with the period it lies in. What was believed before a correction goes with what was believed
after it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import subjects
from registry.inventory.exchanges import versions
from registry.inventory.registers import subject_of
from registry.models import Exchange, FinalReading


@dataclass(frozen=True, slots=True)
class Registers:
    """What was read at a point in a period, former versions included.

    Attributes:
        finals: Final readings.
        exchanges: Exchanges; those without registers, too.
    """

    finals: list[FinalReading]
    exchanges: list[Exchange]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by table that hold registers."""
        held = [row for row in self.exchanges if row.old_final is not None or row.new_initial is not None]
        return {"final_readings": len(self.finals), "exchanges": len(held)}


def registers_between(
    session: Session, organisation: str, metering_point: str, start: datetime, end: datetime
) -> Registers:
    """Finds what was read at a point.

    Args:
        session: A transaction.
        organisation: Owner of the point.
        metering_point: Where.
        start: Start of the period, UTC. A final reading of that instant is that of who lived there before.
        end: End of the period, UTC. An exchange at that instant lies after it.

    Returns:
        The rows.
    """
    finals = session.scalars(
        select(FinalReading).where(
            FinalReading.organisation == organisation,
            FinalReading.metering_point == metering_point,
            FinalReading.read_at > start,
            FinalReading.read_at <= end,
        )
    )
    known = versions(session, organisation, metering_point, superseded=True)
    found: list[Exchange] = []
    for row in sorted(known, key=lambda row: row.id, reverse=True):
        if start <= row.exchanged_at < end or any(_precedes(row, later) for later in found):
            found.append(row)
    return Registers(list(finals), found)


def erase_registers(session: Session, organisation: str, metering_point: str, registers: Registers) -> None:
    """Deletes final readings, blanks the registers of exchanges, and destroys the keys of what the audit log has.

    Args:
        session: The transaction that found them, a writing one.
        organisation: Owner of the point.
        metering_point: Where.
        registers: What was read there.
    """
    instants = {row.read_at for row in registers.finals} | {row.exchanged_at for row in registers.exchanges}
    for row in registers.finals:
        session.delete(row)
    for exchange in registers.exchanges:
        exchange.old_final = exchange.new_initial = None
    session.flush()
    for instant in instants:
        subjects.destroy(session, organisation, subject_of(metering_point, instant))


def _precedes(row: Exchange, later: Exchange) -> bool:
    """Whether one version of an exchange was corrected to another."""
    same = (row.register, row.old_meter_id) == (later.register, later.old_meter_id)
    return same and row.known_to == later.known_from
