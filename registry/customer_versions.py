"""What was known of customers at an instant: earlier versions are kept of what files for billing say of them.

Personal data that no file tells (telephone, e-mail, coordinates) has no earlier versions. A version goes with its
customer when they are erased.
"""

from collections.abc import Collection
from datetime import datetime

import polars as pl
from sqlalchemy import ColumnElement, delete, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from registry.frames import read_frame
from registry.inventory.meters import chunks
from registry.known_instants import later
from registry.models import Customer, CustomerVersion
from registry.models.base import Instant
from warehouse.schemas import INSTANT

TOLD = ("customer_number", "name", "address", "address2", "postal_code", "city", "occupied_from", "occupied_to")
"""What files for billing say of an occupancy."""

OCCUPANTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "metering_point": pl.String,
    "occupancy": pl.String,
    "customer_number": pl.String,
    "customer_name": pl.String,
    **dict.fromkeys(("address", "address2", "postal_code", "city"), pl.String),
    "occupied_from": INSTANT,
    "occupied_to": INSTANT,
}


def keep_versions(session: Session, organisation: str, occupancies: Collection[str], now: datetime) -> datetime:
    """Keeps what is known of occupancies of which something is about to change that files tell.

    Args:
        session: A writing transaction, before the change is written.
        organisation: Owner of the points.
        occupancies: Their names.
        now: Instant of the change, UTC.

    Returns:
        Instant since when the change is known; it stands in the rows already.
    """
    instant = later(session, organisation, now)
    shared = [name for name in CustomerVersion.__table__.columns.keys() if name != "known_to"]  # noqa: SIM118
    for some in chunks(sorted(occupancies)):
        these = (Customer.organisation == organisation, Customer.occupancy.in_(some))
        before = select(*(getattr(Customer, name) for name in shared), literal(instant, Instant)).where(
            *these, Customer.known_from.is_(None) | (Customer.known_from < instant)
        )
        session.execute(insert(CustomerVersion).from_select([*shared, "known_to"], before))
        session.execute(update(Customer).where(*these).values(known_from=instant))
    return instant


def forget_versions(session: Session, organisation: str, occupancies: Collection[str]) -> None:
    """Deletes all versions of occupancies that are erased."""
    for some in chunks(sorted(occupancies)):
        mine = (CustomerVersion.organisation == organisation, CustomerVersion.occupancy.in_(some))
        session.execute(delete(CustomerVersion).where(*mine))


def occupants(session: Session, organisation: str, as_of: datetime) -> pl.DataFrame:
    """Who lives and lived where, as it was known at an instant; personal data.

    Args:
        session: A transaction.
        organisation: Owner of the points.
        as_of: The instant, UTC.

    Returns:
        In :data:`OCCUPANTS`, one row per occupancy, by point and moving in; null ``occupied_from`` is since ever, null
        ``occupied_to`` until now. Of customers who were erased since there is no row.
    """
    current = (_since(Customer.known_from, as_of),)
    former = (_since(CustomerVersion.known_from, as_of), CustomerVersion.known_to > as_of)
    parts = [
        read_frame(
            session,
            select(
                model.metering_point,
                model.occupancy,
                model.customer_number,
                model.name.label("customer_name"),
                model.address,
                model.address2,
                model.postal_code,
                model.city,
                model.occupied_from,
                model.occupied_to,
            ).where(model.organisation == organisation, *held),
            OCCUPANTS,
        )
        for model, held in ((Customer, current), (CustomerVersion, former))
    ]
    return pl.concat(parts).sort("metering_point", "occupied_from", "occupancy")


def _since(known_from: InstrumentedAttribute[datetime | None], as_of: datetime) -> ColumnElement[bool]:
    return known_from.is_(None) | (known_from <= as_of)
