"""Comments on rows of reports."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class ReportComment(Base):
    """What somebody wrote about a row of a report; comments of a subject count from 1."""

    __tablename__ = "report_comments"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    report: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    identity: Mapped[str] = mapped_column(String(128))
    written_at: Mapped[datetime]
