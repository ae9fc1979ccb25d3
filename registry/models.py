"""The registry's tables: who and what.

Instants are UTC. ``organisation`` is on every table. Personal data stands in ``customers`` and nowhere else; keys stand
wrapped in ``meter_keys``.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    Date,
    DateTime,
    Dialect,
    LargeBinary,
    String,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator[datetime]):
    """An instant in UTC; naive in the database, aware outside."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Stores UTC without offset."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Gives UTC with offset."""
        return None if value is None else value.replace(tzinfo=UTC)


class Exact(TypeDecorator[Decimal]):
    """A register as a decimal with six places; text in the database, since SQLite has no exact numbers."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> str | None:
        """Stores the digits."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Decimal | None:
        """Reads the digits."""
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Instant, Decimal: Exact}


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


class Customer(Base):
    """Who lives at a metering point, and where it is. The only table with personal data."""

    __tablename__ = "customers"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    metering_point: Mapped[str] = mapped_column(String(64), primary_key=True)
    customer_number: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(200))
    postal_code: Mapped[str | None] = mapped_column(String(16))
    city: Mapped[str | None] = mapped_column(String(100))
    latitude: Mapped[str | None] = mapped_column(String(16))
    longitude: Mapped[str | None] = mapped_column(String(16))


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


class Group(Base):
    """A named set of metering points."""

    __tablename__ = "groups"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    group: Mapped[str] = mapped_column("group_name", String(100), primary_key=True)


class GroupMember(Base):
    """Membership of a point in a group, from one instant to another."""

    __tablename__ = "group_members"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    group: Mapped[str] = mapped_column("group_name", String(100), primary_key=True)
    metering_point: Mapped[str] = mapped_column(String(64), primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    valid_to: Mapped[datetime | None]


class MeterKey(Base):
    """A meter's key, wrapped. Of a LoRaWAN set each key has a row, with the set's EUIs."""

    __tablename__ = "meter_keys"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key_no: Mapped[int] = mapped_column(primary_key=True)
    key_class: Mapped[str] = mapped_column(String(8))
    algorithm: Mapped[str] = mapped_column(String(8))
    usage: Mapped[str] = mapped_column(String(16))
    device_eui: Mapped[str | None] = mapped_column(String(16), index=True)
    join_eui: Mapped[str | None] = mapped_column(String(16))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


class File(Base):
    """A landed file."""

    __tablename__ = "landed_files"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int]
    landed_at: Mapped[datetime]
    landed_day: Mapped[date] = mapped_column(Date, index=True)
    collector: Mapped[str | None] = mapped_column(String(128))
    received_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16), index=True)
    batch_no: Mapped[int | None] = mapped_column(index=True)
    frames: Mapped[int | None]
    rejected: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(500))


class Cursor(Base):
    """How far a consumer has come."""

    __tablename__ = "cursors"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(4000))
    written_at: Mapped[datetime]


class AuditEvent(Base):
    """A change by a person or a service, chained by hash to the one before (ALGORITHMS §18)."""

    __tablename__ = "audit_log"

    number: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(64))
    identity: Mapped[str] = mapped_column(String(128))
    computer: Mapped[str | None] = mapped_column(String(128))
    object: Mapped[str | None] = mapped_column(String(200))
    details: Mapped[str | None] = mapped_column(String(4000))
    digest: Mapped[str] = mapped_column(String(64))
