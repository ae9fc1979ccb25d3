"""Groups of metering points, their members, and the collectors that read them."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class Group(Base):
    """One version of a group: its name, and its rule where it has one.

    ``group_id`` stays the same over all versions. A group without a current version is deleted.
    """

    __tablename__ = "groups"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    group_id: Mapped[str] = mapped_column(String(32), index=True)
    group: Mapped[str] = mapped_column("group_name", String(100))
    rule: Mapped[str | None] = mapped_column(Text)
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class GroupMember(Base):
    """One version of a membership: a point belongs to a group from one instant to another."""

    __tablename__ = "group_members"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[str] = mapped_column(String(32), index=True)
    metering_point: Mapped[str] = mapped_column(String(64), index=True)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]


class GroupReader(Base):
    """One version of an assignment: a collector is expected to read a group from one instant to another."""

    __tablename__ = "group_readers"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    collector: Mapped[str] = mapped_column(String(128), index=True)
    group_id: Mapped[str] = mapped_column(String(32), index=True)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    known_from: Mapped[datetime]
    known_to: Mapped[datetime | None]
