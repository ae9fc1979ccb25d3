"""Data keys, organisations and partners, claims, batches, labels, and key bundles of field devices."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class DataKey(Base):
    """A key that records are wrapped under; it lies wrapped under the installation's master key."""

    __tablename__ = "data_keys"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    master_id: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


class Organisation(Base):
    """An organisation in the tree. ``organisation`` is its short name, as all tables have it."""

    __tablename__ = "organisations"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_id: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    own_reference: Mapped[str | None] = mapped_column(String(100))
    parent: Mapped[str | None] = mapped_column(String(64), ForeignKey("organisations.organisation"), index=True)
    may_create_children: Mapped[bool]
    accepts_partners: Mapped[bool]
    created_at: Mapped[datetime]


class Partner(Base):
    """A link from an organisation to another one that is not visible in its tree."""

    __tablename__ = "partners"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner: Mapped[str] = mapped_column(String(64), primary_key=True)
    linked_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(64))


class Claim(Base):
    """Where a device stands on its way to whom it belongs; ``organisation`` holds it. No row: unclaimed."""

    __tablename__ = "claims"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    claimant: Mapped[str] = mapped_column(String(64), index=True)
    batch_owner: Mapped[str | None] = mapped_column(String(64))
    batch: Mapped[str | None] = mapped_column(String(100))
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Batch(Base):
    """A delivery: devices under one reference, by which whom they are meant for claims them."""

    __tablename__ = "batches"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch: Mapped[str] = mapped_column(String(100), primary_key=True)
    target: Mapped[str | None] = mapped_column(String(64))
    label: Mapped[str | None] = mapped_column(String(100))
    needs_confirmation: Mapped[bool]
    created_at: Mapped[datetime]


class BatchDevice(Base):
    """A device of a batch."""

    __tablename__ = "batch_devices"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch: Mapped[str] = mapped_column(String(100), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)


class Label(Base):
    """A free word on a device."""

    __tablename__ = "labels"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    meter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(100), primary_key=True)


class KeyBundle(Base):
    """A file of keys that was handed to a field device, until when it holds, and whether it was revoked."""

    __tablename__ = "key_bundles"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    bundle: Mapped[str] = mapped_column(String(36), primary_key=True)
    device: Mapped[str] = mapped_column(String(100))
    meters: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
