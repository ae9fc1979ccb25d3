"""Policies in force: every version that was decided, when, by whom and why; the shipped document before the first."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry import audit, trials
from registry.errors import RegistryError
from registry.models import PolicyVersion
from warehouse.policies import PolicyModel, kind_of, name_of, read_as, read_policy, shipped_document

SHIPPED = 0
"""Version of the document that comes with the package."""

Model = TypeVar("Model", bound=PolicyModel)


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a policy.

    Attributes:
        kind: Which policy.
        version: Its number; 0 is the shipped one.
        document: YAML as it was written.
        known_from: Since when it holds; ``None`` for the shipped one.
        identity: Who decided; empty for the shipped one.
        reason: Why; empty for the shipped one.
    """

    kind: str
    version: int
    document: str
    known_from: datetime | None = None
    identity: str = ""
    reason: str = ""


def stored(session: Session, organisation: str, kind: str, as_of: datetime | None = None) -> Stored:
    """The version that holds, or held.

    Args:
        session: A transaction.
        organisation: Whose policy.
        kind: Which policy.
        as_of: Instant at which it held, UTC; ``None`` takes the newest.

    Returns:
        The version.

    Raises:
        PolicyError: There is no such policy.
    """
    statement = _versions(organisation, kind)
    if as_of is not None:
        statement = statement.where(PolicyVersion.known_from <= as_of)
    newest = session.scalar(statement.limit(1))
    return _stored(newest) if newest else Stored(kind_of(kind).name, SHIPPED, shipped_document(kind))


def current(session: Session, organisation: str, model: type[Model], as_of: datetime | None = None) -> Model:
    """What the policy in force says.

    Args:
        session: A transaction.
        organisation: Whose policy.
        model: Model of the policy's kind.
        as_of: Instant at which it held, UTC; ``None`` takes the newest.

    Returns:
        The policy.

    Raises:
        PolicyError: No kind has this model, or a document of an older release is not understood any more.
    """
    return read_as(model, stored(session, organisation, name_of(model), as_of).document)


def history(session: Session, organisation: str, kind: str) -> list[Stored]:
    """Every version, the newest first, the shipped one last."""
    decided = [_stored(row) for row in session.scalars(_versions(organisation, kind))]
    return [*decided, Stored(kind_of(kind).name, SHIPPED, shipped_document(kind))]


def decide(
    session: Session,
    organisation: str,
    kind: str,
    document: str,
    *,
    reason: str,
    identity: str,
    now: datetime,
    untried: bool = False,
) -> int:
    """Puts a document in force.

    Args:
        session: A writing transaction.
        organisation: Whose policy.
        kind: Which policy.
        document: YAML.
        reason: Why, in the words of who decides.
        identity: Who decides.
        now: Instant of the decision, UTC.
        untried: Whether it may hold though nobody ran it over past data.

    Returns:
        Number of the version in force; the one before where the document is the same.

    Raises:
        PolicyError: There is no such policy, or the document is not understood.
        RegistryError: No reason is given, or the document must be tried first.
    """
    if not reason.strip():
        raise RegistryError("A policy is decided for a reason: give one.")
    read_policy(kind, document)
    before = stored(session, organisation, kind)
    if before.document == document:
        return before.version
    if kind_of(kind).is_tried and not untried and trials.newest(session, organisation, kind, document) is None:
        raise RegistryError(
            f"A policy {kind} is tried over past data before it holds: run 'meterhouse {kind} dry-run FILE --from DAY "
            "--to DAY' with this very document, or say --without-dry-run."
        )
    newest = session.get(PolicyVersion, (organisation, kind, before.version))
    if newest is not None:
        newest.known_to = now
    version = before.version + 1
    session.add(
        PolicyVersion(
            organisation=organisation,
            kind=kind,
            version=version,
            document=document,
            known_from=now,
            identity=identity,
            reason=reason,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event="policy.decide",
        identity=identity,
        now=now,
        target=kind,
        before={"version": before.version, "document": before.document},
        after={"version": version, "document": document},
        details={"untried": True} if untried else None,
        reason=reason,
    )
    return version


def _versions(organisation: str, kind: str) -> Select[PolicyVersion]:
    kind_of(kind)
    return (
        select(PolicyVersion)
        .where(PolicyVersion.organisation == organisation, PolicyVersion.kind == kind)
        .order_by(PolicyVersion.version.desc())
    )


def _stored(row: PolicyVersion) -> Stored:
    return Stored(row.kind, row.version, row.document, row.known_from, row.identity, row.reason)
