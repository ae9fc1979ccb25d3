"""Where metering points are: addresses and coordinates of who lives there now, joined to rows when they are shown.

Personal data: it is never written to the lake, to logs or to files of the installation.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import read_frame
from registry.models import Customer

_FEW = 5000
"""Points up to which the database is asked about them alone."""
_COLUMNS = ("metering_point", "customer_number", "name", "address", "postal_code", "city", "latitude", "longitude")


def places(session: Session, organisation: str, points: Collection[str] | None = None) -> pl.DataFrame:
    """Places of metering points.

    Args:
        session: A transaction.
        organisation: Owner of the points.
        points: Those of the rows shown; ``None`` for all.

    Returns:
        ``metering_point``, ``customer_number``, ``name``, ``address``, ``postal_code`` and ``city`` (texts, nullable),
        ``latitude`` and ``longitude`` (degrees, WGS 84; null where unknown), by point. A point where nobody lives has
        no row.
    """
    statement = (
        select(*(getattr(Customer, name) for name in _COLUMNS))
        .where(Customer.organisation == organisation, Customer.occupied_to.is_(None))
        .order_by(Customer.metering_point)
    )
    wanted = None if points is None else sorted(set(points))
    if wanted is not None and len(wanted) <= _FEW:
        statement = statement.where(Customer.metering_point.in_(wanted))
    found = read_frame(session, statement, dict.fromkeys(_COLUMNS, pl.String))
    if wanted is not None and len(wanted) > _FEW:
        found = found.filter(pl.col("metering_point").is_in(wanted))
    degrees = pl.col("latitude", "longitude").cast(pl.Float64, strict=False)
    return found.with_columns(degrees).unique("metering_point", keep="last", maintain_order=True)


@dataclass(frozen=True, slots=True)
class Resident:
    """Who lives at a metering point now. Personal data.

    Attributes:
        customer_number: Of the utility.
        name: As registered.
        address: Street, postal code and city in one line; empty where nothing is known.
        since: Instant of moving in, UTC; ``None`` where nobody knows it.
    """

    customer_number: str
    name: str
    address: str
    since: datetime | None


def resident(session: Session, organisation: str, point: str) -> Resident | None:
    """Who lives at a metering point now.

    Args:
        session: A transaction.
        organisation: Owner of the point.
        point: Metering point.

    Returns:
        The resident; ``None`` where nobody is known to live there.
    """
    statement = select(Customer).where(
        Customer.organisation == organisation, Customer.metering_point == point, Customer.occupied_to.is_(None)
    )
    found = session.scalars(statement).first()
    if found is None:
        return None
    place = " ".join(part for part in (found.postal_code, found.city) if part)
    address = ", ".join(part for part in (found.address, found.address2, place) if part)
    return Resident(found.customer_number, found.name or "", address, found.occupied_from)
