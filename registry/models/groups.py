"""Groups of metering points."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class Group(Base):
    """A named set of metering points."""

    __tablename__ = "groups"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    group: Mapped[str] = mapped_column("group_name", String(100), primary_key=True)


class GroupMember(Base):
    """Membership of a point in a group, from one instant to another."""

    __tablename__ = "group_members"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    group: Mapped[str] = mapped_column("group_name", String(100), primary_key=True)
    metering_point: Mapped[str] = mapped_column(String(64), primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    valid_to: Mapped[datetime | None]
