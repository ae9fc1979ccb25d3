"""Landed files, and how far their consumers have come."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class File(Base):
    """A landed file."""

    __tablename__ = "landed_files"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    landed_at: Mapped[datetime]
    landed_day: Mapped[date] = mapped_column(Date, index=True)
    collector: Mapped[str | None] = mapped_column(String(128))
    received_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16), index=True)
    batch_no: Mapped[int | None] = mapped_column(index=True)
    frames: Mapped[int | None]
    rejected: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(500))
    gone: Mapped[int] = mapped_column(default=0, server_default="0")


class Cursor(Base):
    """How far a consumer has come."""

    __tablename__ = "cursors"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(4000))
    written_at: Mapped[datetime]


class RefusedImport(Base):
    """A dropped file that was refused, until it is taken, changes or goes away.

    Attributes:
        place: Digest of source and path.
        source: ``folder`` or ``sftp``; ``sftp_keys`` of key files.
        path: The file.
        content: Hash of what it held at the latest attempt.
        tries: Attempts at this content.
        first_at: First attempt at this content.
        last_at: Latest attempt.
        reason: Why it was refused.
    """

    __tablename__ = "refused_imports"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
