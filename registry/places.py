"""Where metering points are: addresses and coordinates of who lives there now, joined to rows when they are shown.

Personal data: it is never written to the lake, to logs or to files of the installation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry.frames import read_frame
from registry.models import Customer

_FEW = 5000
"""Points up to which the database is asked about them alone."""
_COLUMNS = ("metering_point", "customer_number", "name", "address", "postal_code", "city", "latitude", "longitude")
_DEGREES = pl.col("latitude", "longitude").cast(pl.Float64, strict=False)


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
    statement = _living(organisation, _COLUMNS).order_by(Customer.metering_point)
    wanted = None if points is None else sorted(set(points))
    if wanted is not None and len(wanted) <= _FEW:
        statement = statement.where(Customer.metering_point.in_(wanted))
    found = read_frame(session, statement, dict.fromkeys(_COLUMNS, pl.String))
    if wanted is not None and len(wanted) > _FEW:
        found = found.filter(pl.col("metering_point").is_in(wanted))
    return found.with_columns(_DEGREES).unique("metering_point", keep="last", maintain_order=True)


def coordinates(session: Session, organisation: str) -> pl.DataFrame:
    """Coordinates of all metering points, without anything else that is known of who lives there.

    Args:
        session: A transaction.
        organisation: Owner of the points.

    Returns:
        ``metering_point``, ``latitude`` and ``longitude`` (degrees, WGS 84, never null), each point once.
    """
    names = ("metering_point", "latitude", "longitude")
    found = read_frame(session, _living(organisation, names), dict.fromkeys(names, pl.String))
    return found.with_columns(_DEGREES).drop_nulls().unique("metering_point")


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


def _living(organisation: str, columns: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Columns of who lives at each point now."""
    return select(*(getattr(Customer, name) for name in columns)).where(
        Customer.organisation == organisation, Customer.occupied_to.is_(None)
    )
