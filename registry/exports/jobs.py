"""Jobs of exports, as documents; a removed one keeps its row for its runs, and its name is free."""

import uuid
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from registry import audit
from registry.engines import name_of, open_engine, reason_of
from registry.errors import RegistryError
from registry.exports.runs import cancel_all
from registry.models import ExportJob


def listing(session: Session, organisation: str) -> list[ExportJob]:
    """The jobs of an organisation that were not removed, by name."""
    statement = select(ExportJob).where(ExportJob.organisation == organisation, ExportJob.removed_at.is_(None))
    return list(session.scalars(statement.order_by(ExportJob.name)))


def get(session: Session, organisation: str, name: str) -> ExportJob:
    """A job.

    Raises:
        RegistryError: There is none of this name.
    """
    row = _find(session, organisation, name)
    if row is None:
        raise RegistryError(f"There is no job {name}; see 'meterhouse job list'.")
    return row


def peek(url: str, organisation: str) -> list[ExportJob]:
    """The jobs of a registry that may not be there or be of an older schema; nothing is made or migrated.

    Args:
        url: Address of the registry.
        organisation: Whose jobs.

    Returns:
        As :func:`listing`; none where there is no registry yet.

    Raises:
        RegistryError: The registry cannot be read.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return []
    engine = open_engine(url)
    try:
        with Session(engine.execution_options(readonly=True), expire_on_commit=False) as session:
            return listing(session, organisation)
    except DBAPIError as exc:
        raise RegistryError(f"The registry at {name_of(engine)} cannot be read: {reason_of(exc)}") from exc
    finally:
        engine.dispose()


def save(
    session: Session,
    organisation: str,
    name: str,
    document: str,
    *,
    active: bool,
    rescheduled: bool = False,
    version: int | None = None,
    identity: str,
    now: datetime,
) -> ExportJob:
    """Saves a job.

    Args:
        session: A writing transaction.
        organisation: Whose.
        name: Its name, as in the document.
        document: YAML that was understood.
        active: Whether its schedule holds, as in the document.
        rescheduled: Whether it has another schedule than before: what that one missed is not asked for.
        version: The version that was changed, 0 for a new job; ``None`` for whichever there is.
        identity: Who saves.
        now: When.

    Returns:
        The job.

    Raises:
        RegistryError: Somebody else changed it meanwhile.
    """
    row = _find(session, organisation, name)
    if version is not None and version != (row.version if row else 0):
        raise RegistryError(f"The job {name} was changed meanwhile: look at it again.")
    if row is not None and row.document == document:
        return row
    before = {"version": row.version, "document": row.document} if row else None
    if row is None:
        row = ExportJob(
            job_id=uuid.uuid4().hex[:16], organisation=organisation, name=name, version=0, sequence=0, active_since=None
        )
    if not active:
        row.active_since = None
    elif row.active_since is None or rescheduled:
        row.active_since = now
    row.document, row.version, row.changed_at = document, row.version + 1, now
    session.add(row)
    audit.record(
        session,
        organisation=organisation,
        event="export.job.save",
        identity=identity,
        now=now,
        target=name,
        before=before,
        after={"version": row.version, "document": document},
    )
    return row


def remove(session: Session, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Removes a job; its runs that nobody is at are cancelled, what was delivered stays known.

    Raises:
        RegistryError: There is none of this name.
    """
    row = get(session, organisation, name)
    cancel_all(session, organisation, row.job_id, identity=identity, now=now)
    row.removed_at, row.active_since = now, None
    audit.record(
        session,
        organisation=organisation,
        event="export.job.remove",
        identity=identity,
        now=now,
        target=name,
        before={"version": row.version, "document": row.document},
    )


def _find(session: Session, organisation: str, name: str) -> ExportJob | None:
    statement = select(ExportJob).where(
        ExportJob.organisation == organisation, ExportJob.name == name, ExportJob.removed_at.is_(None)
    )
    return session.scalar(statement)
