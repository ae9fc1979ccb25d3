"""What people note about collectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.frames import read_frame
from registry.models import Collector

LONGEST = 200
"""Characters of a comment at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collector stands.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.

    Raises:
        RegistryError: They are no degrees.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise RegistryError("A latitude lies between -90 and 90 degrees, a longitude between -180 and 180.")

    def __str__(self) -> str:
        """As :func:`read_place` reads it."""
        return f"{self.latitude}, {self.longitude}"


def read_place(text: str) -> Place | None:
    """Reads a place as people type or paste it.

    Args:
        text: Latitude and longitude with a decimal point, a comma or blanks between them; empty for none.

    Raises:
        RegistryError: It is none.
    """
    parts = text.replace(",", " ").split()
    if not parts:
        return None
    try:
        latitude, longitude = map(float, parts)
    except ValueError:
        raise RegistryError(
            "Give latitude and longitude in degrees, such as 55.6761, 12.5683; south and west are negative."
        ) from None
    return Place(latitude, longitude)


def collectors(session: Session, organisation: str) -> Sequence[Collector]:
    """The collectors of an organisation, by name."""
    statement = select(Collector).where(Collector.organisation == organisation)
    return session.scalars(statement.order_by(Collector.collector)).all()


def noted(session: Session, organisation: str) -> pl.DataFrame:
    """What people noted of the collectors that are registered.

    A collector may hang at somebody's house: where it is stays in the registry, as the places of metering points do.

    Returns:
        ``collector``, ``comment`` (nullable), ``latitude`` and ``longitude`` (degrees; both null where nobody noted
        them), by collector.
    """
    columns = {"collector": pl.String, "comment": pl.String, "latitude": pl.Float64, "longitude": pl.Float64}
    statement = select(*(getattr(Collector, name) for name in columns)).where(Collector.organisation == organisation)
    return read_frame(session, statement.order_by(Collector.collector), columns)


def get(session: Session, organisation: str, collector: str) -> Collector:
    """A collector.

    Raises:
        RegistryError: There is none of this name.
    """
    row = session.get(Collector, (organisation, collector))
    if row is None:
        raise RegistryError(f"There is no collector {collector}.")
    return row


def set_comment(
    session: Session, organisation: str, collector: str, comment: str, *, identity: str, now: datetime
) -> None:
    """Notes where a collector hangs, or what it is for; the audit log says that it was done, not the words.

    Args:
        session: A writing transaction.
        organisation: Owner of the collector.
        collector: The collector.
        comment: The comment; empty takes it away.
        identity: Who does it.
        now: When, UTC.

    Raises:
        RegistryError: There is no such collector, or the comment is too long.
    """
    words = comment.strip()
    if len(words) > LONGEST:
        raise RegistryError(f"A comment on a collector has at most {LONGEST} characters; this one has {len(words)}.")
    get(session, organisation, collector).comment = words or None
    audit.record(
        session, organisation=organisation, event="collector.comment", identity=identity, now=now, target=collector
    )


def place_of(row: Collector) -> Place | None:
    """Where a collector stands; ``None`` where nobody noted it."""
    if row.latitude is None or row.longitude is None:
        return None
    return Place(row.latitude, row.longitude)


def set_place(
    session: Session, organisation: str, collector: str, place: Place | None, *, identity: str, now: datetime
) -> bool:
    """Notes where a collector stands; the audit log says that it was done, not where.

    Args:
        session: A writing transaction.
        organisation: Owner of the collector.
        collector: The collector.
        place: Where; ``None`` takes it away.
        identity: Who does it.
        now: When, UTC.

    Returns:
        Whether it was noted otherwise before; nothing is written where it was not.

    Raises:
        RegistryError: There is no such collector.
    """
    row = get(session, organisation, collector)
    if place_of(row) == place:
        return False
    row.latitude, row.longitude = (None, None) if place is None else (place.latitude, place.longitude)
    audit.record(
        session, organisation=organisation, event="collector.place", identity=identity, now=now, target=collector
    )
    return True
