"""Exports: formats, destinations, jobs and their runs."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class ExportFormat(Base):
    """A version of a format of an organisation's own, from when it was decided until the next one was.

    ``document`` is null where the format was removed.
    """

    __tablename__ = "export_formats"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[str | None] = mapped_column(Text)
    known_from: Mapped[datetime]
    identity: Mapped[str] = mapped_column(String(128))


class ExportDestination(Base):
    """Where files go. ``secret`` is a password or a private key, encrypted under the key of ``subject``."""

    __tablename__ = "export_destinations"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(128))
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int]
    changed_at: Mapped[datetime]


class ExportJob(Base):
    """A job. ``name`` is also in ``document``; a removed job keeps its row, and its name is free for another one.

    Attributes:
        version: Counts changes, so that of two people who edit at once the second one is told.
        active_since: Periods that are due before it are not asked for by the schedule.
        sequence: Number of the last file.
        known_to: Rows known until then were delivered by a ``since_last`` run; null before the first.
    """

    __tablename__ = "export_jobs"
    __table_args__ = (Index("ix_export_jobs_name", "organisation", "name"),)

    job_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    document: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    active_since: Mapped[datetime | None]
    sequence: Mapped[int]
    known_to: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class ExportRun(Base):
    """A file of a job for a period: asked for, built, delivered or not.

    Attributes:
        revision: Number of the delivery of this period, from 1.
        seq: Number of the job's file, given when it is asked for.
        state: One of :data:`registry.exports.runs.STATES`.
        job_document: The job as it was when the run was asked for.
        requested_by: Who asked; the orchestrator where it was the schedule.
        known_after: Start of the window of a ``since_last`` run; null for others.
        as_of: Instant at which its rows were known; null before it was built.
        manifest: JSON; null before it was built.
        attempts: Tries to deliver.
        claimed_until: Until when a process is at it; null where none is.
        next_at: When it is due.
        reason: Why it is withheld, waits or failed; without names of people.
        released_by: Who let a withheld file go.
    """

    __tablename__ = "export_runs"
    __table_args__ = (
        UniqueConstraint(
            "organisation", "job_id", "period_from", "period_to", "revision", name="uq_export_runs_period"
        ),
        Index("ix_export_runs_due", "state", "next_at"),
    )

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str] = mapped_column(String(16), index=True)
    period_from: Mapped[datetime]
    period_to: Mapped[datetime]
    revision: Mapped[int]
    seq: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    job_document: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(String(128))
    requested_at: Mapped[datetime]
    known_after: Mapped[datetime | None]
    as_of: Mapped[datetime | None]
    manifest: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(String(255))
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    rows: Mapped[int | None] = mapped_column("row_count", BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int]
    claimed_until: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    released_by: Mapped[str | None] = mapped_column(String(128))
    settled_at: Mapped[datetime | None]
