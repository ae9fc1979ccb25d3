"""Destinations: where files go. Their passwords and private keys are encrypted, and never shown."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import ExportDestination
from registry.subjects import destroy, seal, unseal
from registry.vault import KeyVault


@dataclass(frozen=True, slots=True)
class Opened:
    """A destination with what opens it.

    Attributes:
        document: YAML.
        secret: Password or private key; ``None`` where it has none.
    """

    document: str
    secret: bytes | None = field(repr=False)


def listing(session: Session, organisation: str) -> list[ExportDestination]:
    """The destinations of an organisation, by name."""
    statement = select(ExportDestination).where(ExportDestination.organisation == organisation)
    return list(session.scalars(statement.order_by(ExportDestination.name)))


def get(session: Session, organisation: str, name: str) -> ExportDestination:
    """A destination.

    Raises:
        RegistryError: There is none of this name.
    """
    row = session.get(ExportDestination, (organisation, name))
    if row is None:
        raise RegistryError(f"There is no destination {name}; see 'meterhouse export destinations list'.")
    return row


def open_(session: Session, vault: KeyVault, organisation: str, name: str) -> Opened:
    """A destination with its secret.

    Raises:
        RegistryError: There is none of this name, or what is kept of its secret was altered.
    """
    row = get(session, organisation, name)
    if row.secret is None:
        return Opened(row.document, None)
    secret = unseal(session, vault, organisation, row.subject, row.secret)
    if secret is None:
        raise RegistryError(f"The secret of the destination {name} was destroyed: save it again.")
    return Opened(row.document, secret)


def save(
    session: Session,
    vault: KeyVault,
    organisation: str,
    name: str,
    document: str,
    *,
    secret: bytes | None = None,
    keep_secret: bool = True,
    version: int | None = None,
    identity: str,
    now: datetime,
) -> int:
    """Saves a destination.

    Args:
        session: A writing transaction.
        vault: Wraps the key of the secret.
        organisation: Whose.
        name: Its name.
        document: YAML that was understood.
        secret: Password or private key.
        keep_secret: Where none is given, whether the one that is there stays.
        version: The version that was changed; ``None`` for whichever there is.
        identity: Who saves.
        now: When.

    Returns:
        Its version now.

    Raises:
        RegistryError: Somebody else changed it meanwhile.
    """
    row = session.get(ExportDestination, (organisation, name))
    if version is not None and version != (row.version if row else 0):
        raise RegistryError(f"The destination {name} was changed meanwhile: look at it again.")
    had = row is not None and row.secret is not None
    if row is None:
        row = ExportDestination(
            organisation=organisation, name=name, subject=f"destination:{name}", secret=None, version=0
        )
    row.document, row.changed_at, row.version = document, now, row.version + 1
    if secret is not None:
        row.secret = seal(session, vault, organisation, row.subject, secret, now)
    elif not keep_secret:
        _forget_secret(session, row)
    session.add(row)
    told = {True: "set", False: "none"}
    audit.record(
        session,
        organisation=organisation,
        event="export.destination.save",
        identity=identity,
        now=now,
        target=name,
        before={"version": row.version - 1, "secret": told[had]} if row.version > 1 else None,
        after={"version": row.version, "secret": "changed" if had and secret else told[row.secret is not None]},
    )
    return row.version


def remove(session: Session, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Removes a destination and destroys its secret.

    Raises:
        RegistryError: There is none of this name.
    """
    row = get(session, organisation, name)
    _forget_secret(session, row)
    session.delete(row)
    audit.record(
        session,
        organisation=organisation,
        event="export.destination.remove",
        identity=identity,
        now=now,
        target=name,
        before={"version": row.version},
    )


def _forget_secret(session: Session, row: ExportDestination) -> None:
    destroy(session, row.organisation, row.subject)
    row.secret = None
