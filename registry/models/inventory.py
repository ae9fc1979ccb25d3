"""Meters, places, and which meter is where."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class Meter(Base):
    """A device.

    A deleted one keeps its row, so that history stays explained: ``state`` is ``deleted``, ``deleted_from`` the state
    before.
    """

    __tablename__ = "meters"
    __table_args__ = (
        Index("ix_meters_state", "organisation", "state"),
        Index("ix_meters_sorted", "organisation", "serial", "meter_id"),
    )

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    manufacturer: Mapped[str] = mapped_column(String(3))
    serial: Mapped[str] = mapped_column(String(8), index=True)
    version: Mapped[str] = mapped_column(String(2))
    device_type: Mapped[str] = mapped_column(String(2))
    medium: Mapped[str] = mapped_column(String(16))
    model: Mapped[str | None] = mapped_column(String(64))
    meter_number: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    imported_at: Mapped[datetime | None]
    state_since: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted_from: Mapped[str | None] = mapped_column(String(16))
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


class MeterConfiguration(Base):
    """How a meter is set from one instant to another, as it was known from one instant to another.

    Null is what nobody noted.
    """

    __tablename__ = "meter_configurations"
    __table_args__ = (Index("ix_meter_configurations_meter", "organisation", "meter_id", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    meter_id: Mapped[str] = mapped_column(String(32))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    interval_s: Mapped[int | None]
    tariffs: Mapped[str | None] = mapped_column(String(200))
    pulse_inputs: Mapped[str | None] = mapped_column(String(200))
    package: Mapped[str | None] = mapped_column(String(200))
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class Exchange(Base):
    """One register of a meter exchange, as it was known from one instant to another.

    A correction ends the version before it and adds its own; ``known_to`` is null for what holds. Where the registers
    were erased, both are null.
    """

    __tablename__ = "exchanges"
    __table_args__ = (Index("ix_exchanges_point", "organisation", "metering_point", "exchanged_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    metering_point: Mapped[str] = mapped_column(String(64))
    exchanged_at: Mapped[datetime]
    register: Mapped[str] = mapped_column(String(32))
    old_meter_id: Mapped[str] = mapped_column(String(32))
    new_meter_id: Mapped[str] = mapped_column(String(32))
    old_final: Mapped[Decimal | None]
    new_initial: Mapped[Decimal | None]
    reason: Mapped[str | None] = mapped_column(Text)
    identity: Mapped[str | None] = mapped_column(String(128))
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class FinalReading(Base):
    """One register read when a customer moved out; the final registers of exchanges stand in ``exchanges``."""

    __tablename__ = "final_readings"
    __table_args__ = (Index("ix_final_readings_point", "organisation", "metering_point", "read_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    metering_point: Mapped[str] = mapped_column(String(64))
    meter_id: Mapped[str] = mapped_column(String(32))
    read_at: Mapped[datetime]
    register: Mapped[str] = mapped_column(String(32))
    value: Mapped[Decimal]
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class Collector(Base):
    """A concentrator or other receiver; its coordinates are degrees, both or none."""

    __tablename__ = "collectors"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    collector: Mapped[str] = mapped_column(String(128), primary_key=True)
    comment: Mapped[str | None] = mapped_column(String(200))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
