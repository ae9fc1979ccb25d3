"""The audit log, and the keys of what it holds about persons."""

from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class AuditEvent(Base):
    """A change by a person or a service, chained by hash to the one before (ALGORITHMS §18).

    ``before``, ``after`` and ``details`` are JSON without personal data. What tells of a person stands in ``personal``,
    encrypted with the key of ``subject``: it is erased by destroying that key, and the chain still holds.
    """

    __tablename__ = "audit_log"

    number: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(64))
    identity: Mapped[str] = mapped_column(String(128))
    computer: Mapped[str | None] = mapped_column(String(128))
    object: Mapped[str | None] = mapped_column(String(200))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    details: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(String(128), index=True)
    personal: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


class SubjectKey(Base):
    """The key, wrapped, under which the audit log keeps what tells of one person."""

    __tablename__ = "subject_keys"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
