"""Keys of meters, and the key that signs, wrapped."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class MeterKey(Base):
    """A meter's key, wrapped. Of a LoRaWAN set each key has a row, with the set's EUIs.

    Tried for frames received from ``valid_from`` until before ``valid_to``; null is open. ``changed_at``: when that was
    last changed.
    """

    __tablename__ = "meter_keys"
    __table_args__ = (
        # All that the status of a meter's keys is made of: rows with wrapped keys are long, and are not read for it.
        Index(
            "ix_meter_keys_status",
            *("organisation", "key_class", "meter_id", "valid_from", "valid_to", "verified_at", "failed_at"),
        ),
    )

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
    valid_from: Mapped[datetime | None]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


class SigningKey(Base):
    """The key by which an organisation signs what it hands to field devices: Ed25519, the private part wrapped."""

    __tablename__ = "signing_keys"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
