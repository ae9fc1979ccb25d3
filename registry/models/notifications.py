"""Notifications: rules, to whom they go, and what was told."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class NotificationRule(Base):
    """A rule of the utility, or what a customer chose to be told of.

    ``document`` is :class:`registry.notifications.rules.Rule` as JSON, without its recipients. A removed rule keeps its
    row, since what it told is listed under its name.

    Attributes:
        occupancy: The customer's, where it is a customer's own choice; null for the utility's rules.
        active_since: Since when it holds; null while it does not.
        handled_until: Instant of the last digest or report that was made or had nothing to tell.
        version: Counts changes, so that of two people who edit at once the second one is told.
    """

    __tablename__ = "notification_rules"
    __table_args__ = (Index("ix_notification_rules_organisation", "organisation", "name"),)

    rule_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    occupancy: Mapped[str | None] = mapped_column(String(16), index=True)
    name: Mapped[str] = mapped_column(String(100))
    document: Mapped[str] = mapped_column(Text)
    active_since: Mapped[datetime | None]
    handled_until: Mapped[datetime | None]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class NotificationRecipient(Base):
    """Somebody a rule tells. ``address`` is encrypted under the key of ``subject``, and gone once they are removed."""

    __tablename__ = "notification_recipients"

    rule_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    recipient_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(128))
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    removed_at: Mapped[datetime | None]


class NotificationMessage(Base):
    """A message to one recipient of a rule; what became of it stands in the outbox under the same name.

    Attributes:
        kind: ``immediate``, ``digest`` or ``report``.
        due_at: When the digest or report was due, of which there is one; null for immediate messages.
    """

    __tablename__ = "notification_messages"
    __table_args__ = (
        UniqueConstraint("rule_id", "recipient_no", "due_at", name="uq_notification_messages_due"),
        Index("ix_notification_messages_made", "organisation", "made_at"),
    )

    message_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    rule_id: Mapped[str] = mapped_column(String(16))
    recipient_no: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class NotificationTelling(Base):
    """That a recipient of a rule was told of an episode of an event. The primary key sees to it that it is so once.

    Attributes:
        event_key: Which event, such as a code of a meter.
        episode: Since when it was there, as known when it was told.
        turn: 0 for the first time, then 1, 2 … for reminders and retractions.
        kind: ``opened``, ``reminded`` or ``retracted``.
        metering_point: Where; null for what has no place.
        message_id: The message that told it.
    """

    __tablename__ = "notification_tellings"
    __table_args__ = (Index("ix_notification_tellings_point", "organisation", "metering_point"),)

    rule_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    recipient_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    episode: Mapped[datetime] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    metering_point: Mapped[str | None] = mapped_column(String(64))
    message_id: Mapped[str] = mapped_column(String(32))
    told_at: Mapped[datetime]
