"""Decisions about exceptions, readings entered by hand, and trials of policies: all of them are only ever added to."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class Decision(Base):
    """What somebody decided about an exception; the newest one that takes effect counts."""

    __tablename__ = "exception_decisions"
    __table_args__ = (Index("ix_exception_decisions_meter", "organisation", "meter_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    organisation: Mapped[str] = mapped_column(String(64))
    meter_id: Mapped[str] = mapped_column(String(64))
    register: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    rule: Mapped[str] = mapped_column(String(32))
    decision: Mapped[str] = mapped_column(String(16))
    value: Mapped[Decimal | None]
    reason_code: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    is_forced: Mapped[bool]
    takes_effect: Mapped[bool]
    identity: Mapped[str] = mapped_column(String(128))
    decided_at: Mapped[datetime]


class ManualReading(Base):
    """Who read a meter by eye, and where the photograph is; the registers are in the lake."""

    __tablename__ = "manual_readings"
    __table_args__ = (Index("ix_manual_readings_meter", "organisation", "meter_id", "read_at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    organisation: Mapped[str] = mapped_column(String(64))
    meter_id: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[datetime]
    reader: Mapped[str] = mapped_column(String(128))
    photo: Mapped[str | None] = mapped_column(String(512))
    identity: Mapped[str] = mapped_column(String(128))
    entered_at: Mapped[datetime]


class PolicyTrial(Base):
    """A policy's document that was run over past data."""

    __tablename__ = "policy_trials"
    __table_args__ = (Index("ix_policy_trials_digest", "organisation", "kind", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    organisation: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64))
    first_day: Mapped[date]
    last_day: Mapped[date]
    result: Mapped[str] = mapped_column(Text)
    identity: Mapped[str] = mapped_column(String(128))
    run_at: Mapped[datetime]
