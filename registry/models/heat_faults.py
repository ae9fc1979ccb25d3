"""What people found of faults of substations."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class HeatFaultReview(Base):
    """One version of what somebody found of a fault: ``confirmed`` or ``false``."""

    __tablename__ = "heat_fault_reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    metering_point: Mapped[str] = mapped_column(String(64), index=True)
    period_start: Mapped[datetime]
    rule: Mapped[str] = mapped_column(String(32))
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    identity: Mapped[str] = mapped_column(String(128))
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]
