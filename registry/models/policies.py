"""Policies."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class PolicyVersion(Base):
    """A policy's document from when it was decided until the next one was; versions count from 1."""

    __tablename__ = "policies"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text)
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]
    identity: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(Text)
