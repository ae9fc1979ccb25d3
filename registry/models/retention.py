"""Certificates of what retention removed."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class RetentionCertificate(Base):
    """A run of retention; ``finished_at`` and ``digest`` are null while it is not finished."""

    __tablename__ = "retention_certificates"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    policy_version: Mapped[int]
    as_of: Mapped[datetime]
    identity: Mapped[str] = mapped_column(String(128))
    begun_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    digest: Mapped[str | None] = mapped_column(String(64))


class RetentionCount(Base):
    """Rows of one table at the beginning and at the end of a run, and how many it removed."""

    __tablename__ = "retention_counts"

    certificate: Mapped[int] = mapped_column(ForeignKey("retention_certificates.id"), primary_key=True)
    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    rows_before: Mapped[int] = mapped_column(BigInteger)
    rows_removed: Mapped[int | None] = mapped_column(BigInteger)
    rows_after: Mapped[int | None] = mapped_column(BigInteger)
