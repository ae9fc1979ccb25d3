"""Customers and their former versions: the only tables with personal data of consumers."""

import secrets
from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


def new_occupancy() -> str:
    """A name for a row that was never given before."""
    return secrets.token_hex(8)


class Customer(Base):
    """Who lives or lived at a metering point, from when to when, and where that is.

    Personal data: it stands here, and in former versions.

    A row is an occupancy: somebody who moves out keeps the row, with ``occupied_to``, until it is erased. At most one
    occupancy of a point is open.

    Attributes:
        occupancy: Name of the row, made by chance and never given again.
        occupied_from: Instant of moving in; null where nobody knows: since ever.
        occupied_to: Instant of moving out; null for who lives there now.
        known_from: Since when the system holds what files for billing say of the occupancy; null where that was never
            noted: since ever.
        coordinate_status: What the address check found (``registry.addresses``); null before it.
        alternatives: Addresses to choose from, as JSON, where the check found several.
    """

    __tablename__ = "customers"
    __table_args__ = (Index("ix_customers_point", "organisation", "metering_point"),)

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    occupancy: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_occupancy)
    metering_point: Mapped[str] = mapped_column(String(64))
    customer_number: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(200))
    address2: Mapped[str | None] = mapped_column(String(200))
    postal_code: Mapped[str | None] = mapped_column(String(16))
    city: Mapped[str | None] = mapped_column(String(100))
    telephone: Mapped[str | None] = mapped_column(String(64))
    email: Mapped[str | None] = mapped_column(String(200))
    latitude: Mapped[str | None] = mapped_column(String(16))
    longitude: Mapped[str | None] = mapped_column(String(16))
    coordinate_status: Mapped[str | None] = mapped_column(String(16), index=True)
    alternatives: Mapped[str | None] = mapped_column(Text)
    occupied_from: Mapped[datetime | None]
    occupied_to: Mapped[datetime | None]
    known_from: Mapped[datetime | None]


class CustomerVersion(Base):
    """What files for billing said of an occupancy before it was changed; it goes when the customer is erased.

    Attributes:
        known_from: Since when the system held it; null: since ever.
        known_to: Until when.
    """

    __tablename__ = "customer_versions"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    occupancy: Mapped[str] = mapped_column(String(16), primary_key=True)
    known_to: Mapped[datetime] = mapped_column(primary_key=True)
    known_from: Mapped[datetime | None]
    metering_point: Mapped[str] = mapped_column(String(64))
    customer_number: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(200))
    address2: Mapped[str | None] = mapped_column(String(200))
    postal_code: Mapped[str | None] = mapped_column(String(16))
    city: Mapped[str | None] = mapped_column(String(100))
    occupied_from: Mapped[datetime | None]
    occupied_to: Mapped[datetime | None]
