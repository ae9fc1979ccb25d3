"""What rules and built-in groups look at: installations with their meter and place, and all meters."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

import polars as pl
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from registry.frames import Types, read_frame
from registry.groups.rules import TextField
from registry.models import Customer, Installation, Meter, MeteringPoint
from registry.residences import lived_there
from warehouse.schemas import INSTANT

_INSTALLED: Types = {
    "organisation": pl.String,
    "metering_point": pl.String,
    "meter_id": pl.String,
    "installed_at": INSTANT,
    "removed_at": INSTANT,
    "medium": pl.String,
    "manufacturer": pl.String,
    "model": pl.String,
    "device_type": pl.String,
    "state": pl.String,
    "role": pl.String,
    "postal_code": pl.String,
    "city": pl.String,
}
_METERS: Types = {
    "organisation": pl.String,
    "meter_id": pl.String,
    "state": pl.String,
    "imported_at": INSTANT,
}


@dataclass(frozen=True, slots=True)
class Inventory:
    """Points and meters as they are now; holds places, and is never published.

    Attributes:
        installations: One row per installation: its point, meter and time, what a rule may ask, and for each text of
            those the same in lower case behind ``lower:``.
        meters: ``organisation``, ``meter_id``, ``state``, ``imported_at`` of every meter.
        organisations: All that have a point, a meter or an installation.
    """

    installations: pl.DataFrame
    meters: pl.DataFrame
    organisations: tuple[str, ...]


def read_inventory(session: Session, organisation: str | None = None, known_at: datetime | None = None) -> Inventory:
    """Reads the points and meters of an organisation, or of all.

    Args:
        session: A transaction.
        organisation: Whose; ``None`` for all.
        known_at: Installations as the system knew them then, and places of who lived there then; ``None`` for now. What
            meters and points are has no versions: it is as it is known now.
    """
    i, m, p, c = Installation, Meter, MeteringPoint, Customer
    installed = (
        select(
            i.organisation,
            i.metering_point,
            i.meter_id,
            i.installed_at,
            i.removed_at,
            m.medium,
            m.manufacturer,
            m.model,
            m.device_type,
            m.state,
            p.role,
            c.postal_code,
            c.city,
        )
        .outerjoin(m, and_(m.organisation == i.organisation, m.meter_id == i.meter_id))
        .outerjoin(p, and_(p.organisation == i.organisation, p.metering_point == i.metering_point))
        .outerjoin(
            c,
            and_(c.organisation == i.organisation, c.metering_point == i.metering_point, *lived_there(known_at)),
        )
        .where(*_known(known_at))
    )
    meters = select(m.organisation, m.meter_id, m.state, m.imported_at)
    owners = select(p.organisation).distinct()
    if organisation is not None:
        installed = installed.where(i.organisation == organisation)
        meters = meters.where(m.organisation == organisation)
        owners = owners.where(p.organisation == organisation)
    installations, all_meters = read_frame(session, installed, _INSTALLED), read_frame(session, meters, _METERS)
    found = set(session.scalars(owners)) | set(all_meters["organisation"]) | set(installations["organisation"])
    return Inventory(
        installations.with_columns(pl.col(get_args(TextField)).str.to_lowercase().name.prefix("lower:")),
        all_meters,
        tuple(sorted(found)),
    )


def _known(at: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Versions of installations that the system held then."""
    i = Installation
    return (i.known_to.is_(None),) if at is None else (i.known_from <= at, i.known_to.is_(None) | (i.known_to > at))
