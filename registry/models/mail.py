"""Mail: an organisation's own templates, and what is to be sent."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class MailTemplate(Base):
    """A template of an organisation's own; those that Meterhouse ships are files."""

    __tablename__ = "mail_templates"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column("plain_text", Text)
    html: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


class ActiveMailTemplate(Base):
    """Which of an organisation's own templates is sent; where there is no row, it is the shipped one.

    The primary key sees to it that one of a type and language is active, whoever activates at the same time.
    """

    __tablename__ = "active_mail_templates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation", "kind", "language", "name"],
            ["mail_templates.organisation", "mail_templates.kind", "mail_templates.language", "mail_templates.name"],
            name="fk_active_mail_templates",
        ),
    )

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class OutgoingMail(Base):
    """A message to one person: waiting, sent, delivered or failed.

    ``channel`` is ``mail`` or ``sms``. ``recipient``, ``variables`` and ``attachments`` are JSON encrypted under the
    key of ``subject``; all are gone once it is sent or has failed, and ``subject`` is empty some time after that.
    """

    __tablename__ = "mail_outbox"
    __table_args__ = (Index("ix_mail_outbox_due", "state", "next_at"),)

    mail_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    channel: Mapped[str] = mapped_column(String(8), server_default="mail")
    kind: Mapped[str] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(128), index=True)
    recipient: Mapped[bytes | None] = mapped_column(LargeBinary)
    variables: Mapped[bytes | None] = mapped_column(LargeBinary)
    attachments: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    queued_at: Mapped[datetime]
    next_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
