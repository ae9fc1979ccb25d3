"""Consumption alerts."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class ConsumptionAlert(Base):
    """A limit on what a metering point uses, whatever meter is installed there.

    ``ends_at`` is exclusive and null without end; a removed alert keeps its row.
    """

    __tablename__ = "consumption_alerts"
    __table_args__ = (Index("ix_consumption_alerts_point", "organisation", "metering_point"),)

    alert_no: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    metering_point: Mapped[str] = mapped_column(String(64))
    register: Mapped[str] = mapped_column(String(32))
    limit_value: Mapped[Decimal]
    period: Mapped[str] = mapped_column(String(8))
    include_estimates: Mapped[bool]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    last_reset: Mapped[datetime | None]
    resets: Mapped[int]
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
