"""Finding meters and where they are installed."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.inventory.errors import InventoryError
from registry.models import Installation, Meter

AT_ONCE = 10_000
"""Ids named in one statement; databases bound the number of parameters."""


def find_meter(session: Session, organisation: str, text: str) -> Meter:
    """The meter that a person means.

    Args:
        session: A transaction.
        organisation: Owner of the meter.
        text: Its id, or its serial where only one meter has it.

    Raises:
        InventoryError: No meter, or several, are called so.
    """
    exact = session.get(Meter, (organisation, text))
    if exact is not None:
        return exact
    serial = text.zfill(8).lower()
    found = session.scalars(
        select(Meter).where(Meter.organisation == organisation, Meter.serial == serial).order_by(Meter.meter_id)
    ).all()
    if not found:
        raise InventoryError(f"No meter is called {text}: 'meterhouse meter list' shows all.")
    if len(found) > 1:
        raise InventoryError(f"{text} is several meters: give one of {', '.join(meter.meter_id for meter in found)}.")
    return found[0]


def get_meters(session: Session, organisation: str, meter_ids: Iterable[str]) -> dict[str, Meter]:
    """Meters by their ids; ids that are not registered are left out."""
    found: dict[str, Meter] = {}
    for some in chunks(sorted(set(meter_ids))):
        rows = session.scalars(select(Meter).where(Meter.organisation == organisation, Meter.meter_id.in_(some)))
        found |= {meter.meter_id: meter for meter in rows}
    return found


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in parts that a statement can name."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def open_installation(
    session: Session, organisation: str, *, meter_id: str | None = None, metering_point: str | None = None
) -> Installation | None:
    """The installation that lasts, of a meter or at a point; ``None`` where there is none."""
    statement = select(Installation).where(
        Installation.organisation == organisation, Installation.removed_at.is_(None), Installation.known_to.is_(None)
    )
    if meter_id is not None:
        statement = statement.where(Installation.meter_id == meter_id)
    if metering_point is not None:
        statement = statement.where(Installation.metering_point == metering_point)
    return session.scalar(statement)


def count_in_use(session: Session, organisation: str) -> int:
    """Meters in use; those in stock, removed, scrapped or deleted do not count."""
    statement = select(func.count()).select_from(Meter)
    return session.scalar(statement.where(Meter.organisation == organisation, Meter.state == "in_use")) or 0
