"""Formats of an organisation's own: every version, since a manifest names the one it was written by."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import ExportFormat


def current(session: Session, organisation: str, name: str, as_of: datetime | None = None) -> str | None:
    """The document that holds, or held.

    Args:
        session: A transaction.
        organisation: Whose format.
        name: Its name.
        as_of: Instant at which it held, UTC; ``None`` takes the newest.

    Returns:
        YAML; ``None`` where the organisation has, or had, none of its own.
    """
    statement = _versions(organisation, name)
    if as_of is not None:
        statement = statement.where(ExportFormat.known_from <= as_of)
    newest = session.scalar(statement.limit(1))
    return newest.document if newest else None


def listing(session: Session, organisation: str) -> dict[str, ExportFormat]:
    """The newest version of each format that was not removed, by name."""
    statement = (
        select(ExportFormat)
        .where(ExportFormat.organisation == organisation)
        .order_by(ExportFormat.name, ExportFormat.version)
    )
    newest = {row.name: row for row in session.scalars(statement)}
    return {name: row for name, row in newest.items() if row.document is not None}


def save(session: Session, organisation: str, name: str, document: str, *, identity: str, now: datetime) -> int:
    """Puts a document in force.

    Args:
        session: A writing transaction.
        organisation: Whose format.
        name: Its name.
        document: YAML that was understood.
        identity: Who decides.
        now: Instant of the decision, UTC.

    Returns:
        Number of the version in force; the one before where the document is the same.
    """
    return _add(session, organisation, name, document, "export.format.save", identity, now)


def remove(session: Session, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Removes a format; its versions stay for the manifests that name them.

    Raises:
        RegistryError: There is none of this name.
    """
    if current(session, organisation, name) is None:
        raise RegistryError(f"There is no format {name} of your own; see 'meterhouse export formats list'.")
    _add(session, organisation, name, None, "export.format.remove", identity, now)


def _add(
    session: Session, organisation: str, name: str, document: str | None, event: str, identity: str, now: datetime
) -> int:
    before = session.scalar(_versions(organisation, name).limit(1))
    if before is not None and before.document == document:
        return before.version
    version = before.version + 1 if before else 1
    session.add(
        ExportFormat(
            organisation=organisation,
            name=name,
            version=version,
            document=document,
            known_from=now,
            identity=identity,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event=event,
        identity=identity,
        now=now,
        target=name,
        before={"version": before.version, "document": before.document} if before else None,
        after={"version": version, "document": document},
    )
    return version


def _versions(organisation: str, name: str) -> Select[ExportFormat]:
    return (
        select(ExportFormat)
        .where(ExportFormat.organisation == organisation, ExportFormat.name == name)
        .order_by(ExportFormat.version.desc())
    )
