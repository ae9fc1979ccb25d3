"""Erasure: periods whose data is gone, and holds that forbid it."""

from datetime import date, datetime

from sqlalchemy import Date, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class LegalHold(Base):
    """What must be kept of a metering point, whoever asks for its erasure."""

    __tablename__ = "legal_holds"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    metering_point: Mapped[str] = mapped_column(String(64))
    first_day: Mapped[date | None] = mapped_column(Date)
    last_day: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]


class Erasure(Base):
    """The tombstone of a metering point's data in a period of local days."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    metering_point: Mapped[str] = mapped_column(String(64))
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    begun_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows: Mapped[str | None] = mapped_column(Text)


class ErasedCustomer(Base):
    """A customer whose erasure must not be undone by a file that still lists them; told by a keyed digest alone.

    Attributes:
        erasure: Number of the erasure.
        digest: :meth:`registry.vault.KeyVault.pseudonym` of the customer number.
    """

    __tablename__ = "erased_customers"

    erasure: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
