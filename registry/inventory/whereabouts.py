"""Where meters are: what changes of one meter or of many are judged against, without a query for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.inventory.lifecycle import states_of
from registry.inventory.meters import chunks
from registry.models import Installation


@dataclass(frozen=True, slots=True)
class Stay:
    """An installation that lasts.

    Attributes:
        number: Its row; ``None`` where it begins with a change that is not written yet.
        metering_point: Where.
        meter_id: Which meter.
        installed_at: Since when, UTC.
    """

    number: int | None
    metering_point: str
    meter_id: str
    installed_at: datetime


@dataclass(slots=True)
class Whereabouts:
    """What is known of some points and meters; changes that were judged are noted in it.

    Attributes:
        states: State by registered meter.
        at_point: Installation that lasts, by point.
        of_meter: The same by meter.
        until: Latest end of the installations of each meter that had any, UTC.
    """

    states: dict[str, str]
    at_point: dict[str, Stay]
    of_meter: dict[str, Stay]
    until: dict[str, datetime]

    def exchange(self, metering_point: str, new_meter_id: str, at: datetime) -> None:
        """Notes that the meter at a point was exchanged."""
        old = self.at_point[metering_point]
        new = Stay(None, metering_point, new_meter_id, at)
        del self.of_meter[old.meter_id]
        self.at_point[metering_point] = self.of_meter[new_meter_id] = new
        self.until[old.meter_id] = at
        self.states |= {old.meter_id: "removed", new_meter_id: "in_use"}


def whereabouts(
    session: Session, organisation: str, metering_points: Iterable[str], meter_ids: Iterable[str]
) -> Whereabouts:
    """What is known of some points and meters.

    Args:
        session: A transaction.
        organisation: Their owner.
        metering_points: The points.
        meter_ids: The meters.
    """
    meters = sorted(set(meter_ids))
    found = Whereabouts(states_of(session, organisation, meters), {}, {}, {})
    asked = (
        *(Installation.metering_point.in_(some) for some in chunks(sorted(set(metering_points)))),
        *(Installation.meter_id.in_(some) for some in chunks(meters)),
    )
    statement = select(
        Installation.id,
        Installation.metering_point,
        Installation.meter_id,
        Installation.installed_at,
        Installation.removed_at,
    ).where(Installation.organisation == organisation, Installation.known_to.is_(None))
    for condition in asked:
        for number, point, meter_id, begin, end in session.execute(statement.where(condition)):
            if end is None:
                found.at_point[point] = found.of_meter[meter_id] = Stay(number, point, meter_id, begin)
            else:
                found.until[meter_id] = max(end, found.until.get(meter_id, end))
    return found
