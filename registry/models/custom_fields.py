"""Fields that a utility adds to meters and metering points, and their values."""

from datetime import datetime

from sqlalchemy import Float, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class CustomField(Base):
    """The definition of a field. ``choices`` is a JSON array, null for other types."""

    __tablename__ = "custom_fields"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    label: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(16))
    choices: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class CustomValue(Base):
    """What a field says of one meter or metering point.

    ``value`` is text in the one form of its type; ``number`` has numbers once more, for sorting alone.
    """

    __tablename__ = "custom_values"
    __table_args__ = (Index("ix_custom_values_value", "organisation", "entity", "name", "value"),)

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(16), primary_key=True)
    entity_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    number: Mapped[float | None] = mapped_column(Float(53))
