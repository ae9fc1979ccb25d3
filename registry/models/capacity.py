"""The capacity plan."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class CapacityPlan(Base):
    """How many meters an organisation may have in use, and how often they may be read; null is no limit.

    ``max_priority`` bounds the priority meters; null is the usual number of them.
    """

    __tablename__ = "capacity_plans"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    max_in_use: Mapped[int | None]
    finest_interval_s: Mapped[int | None]
    max_priority: Mapped[int | None]
    set_at: Mapped[datetime]
