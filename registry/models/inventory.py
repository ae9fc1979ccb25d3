"""Meters, places, and which meter is where."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class Meter(Base):
    """A device."""

    __tablename__ = "meters"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    manufacturer: Mapped[str] = mapped_column(String(3))
    serial: Mapped[str] = mapped_column(String(8), index=True)
    version: Mapped[str] = mapped_column(String(2))
    device_type: Mapped[str] = mapped_column(String(2))
    medium: Mapped[str] = mapped_column(String(16))
    model: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    state_reason: Mapped[str | None] = mapped_column(String(64))


class MeteringPoint(Base):
    """A place with a role."""

    __tablename__ = "metering_points"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    metering_point: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(24), default="consumption")


class Installation(Base):
    """A meter at a metering point from one instant to another."""

    __tablename__ = "installations"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    metering_point: Mapped[str] = mapped_column(String(64), index=True)
    meter_id: Mapped[str] = mapped_column(String(32), index=True)
    installed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class Exchange(Base):
    """One register of a meter exchange."""

    __tablename__ = "exchanges"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    metering_point: Mapped[str] = mapped_column(String(64), primary_key=True)
    exchanged_at: Mapped[datetime] = mapped_column(primary_key=True)
    register: Mapped[str] = mapped_column(String(32), primary_key=True)
    old_meter_id: Mapped[str] = mapped_column(String(32))
    new_meter_id: Mapped[str] = mapped_column(String(32))
    old_final: Mapped[Decimal | None]
    new_initial: Mapped[Decimal]
    known_from: Mapped[datetime]


class Collector(Base):
    """A concentrator or other receiver."""

    __tablename__ = "collectors"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    collector: Mapped[str] = mapped_column(String(128), primary_key=True)
    comment: Mapped[str | None] = mapped_column(String(200))
