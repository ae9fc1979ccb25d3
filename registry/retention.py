"""Certificates of what retention removed: begun before the first row goes, finished after the last one."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, policies
from registry.errors import RegistryError
from registry.models import RetentionCertificate, RetentionCount


class RetentionError(RegistryError):
    """Nothing may be removed now; the message says why and what to do."""


def unfinished(session: Session, organisation: str) -> RetentionCertificate | None:
    """The run that was begun and not finished, if there is one."""
    statement = select(RetentionCertificate).where(
        RetentionCertificate.organisation == organisation, RetentionCertificate.finished_at.is_(None)
    )
    return session.scalar(statement.order_by(RetentionCertificate.id).limit(1))


def begin(
    session: Session,
    organisation: str,
    rows: Mapping[str, int],
    *,
    policy_version: int,
    as_of: datetime,
    identity: str,
    now: datetime,
) -> RetentionCertificate:
    """Opens a certificate.

    Args:
        session: A writing transaction.
        organisation: Whose data.
        rows: Rows per table as they are.
        policy_version: Version of the policy that is applied.
        as_of: Instant at which ages are reckoned.
        identity: Who approved.
        now: When.

    Returns:
        The certificate.
    """
    certificate = RetentionCertificate(
        organisation=organisation, policy_version=policy_version, as_of=as_of, identity=identity, begun_at=now
    )
    session.add(certificate)
    session.flush()
    session.add_all(
        RetentionCount(certificate=certificate.id, table_name=name, rows_before=count) for name, count in rows.items()
    )
    audit.record(
        session,
        organisation=organisation,
        event="retention.begin",
        identity=identity,
        now=now,
        target=f"certificate {certificate.id}",
        details={"policy_version": policy_version, "as_of": as_of},
    )
    return certificate


def finish(
    session: Session, number: int, removed: Mapping[str, int], after: Mapping[str, int], *, identity: str, now: datetime
) -> str:
    """Closes a certificate with its counts and its hash.

    Args:
        session: A writing transaction.
        number: Its number.
        removed: Rows removed per table.
        after: Rows per table as they are now.
        identity: Who let the run end: another one than approved it where it was interrupted.
        now: When.

    Returns:
        The hash.
    """
    certificate = session.get_one(RetentionCertificate, number)
    for row in counts(session, number):
        row.rows_removed, row.rows_after = removed[row.table_name], after[row.table_name]
    certificate.finished_at = now
    certificate.digest = digest_of(session, certificate)
    audit.record(
        session,
        organisation=certificate.organisation,
        event="retention.finish",
        identity=identity,
        now=now,
        target=f"certificate {number}",
        details={"removed": {name: count for name, count in removed.items() if count}, "digest": certificate.digest},
    )
    return certificate.digest


def counts(session: Session, number: int) -> list[RetentionCount]:
    """A certificate's tables in order of their names."""
    statement = select(RetentionCount).where(RetentionCount.certificate == number)
    return list(session.scalars(statement.order_by(RetentionCount.table_name)))


def certificates(session: Session, organisation: str) -> list[RetentionCertificate]:
    """All of an organisation, the oldest first."""
    statement = select(RetentionCertificate).where(RetentionCertificate.organisation == organisation)
    return list(session.scalars(statement.order_by(RetentionCertificate.id)))


def digest_of(session: Session, certificate: RetentionCertificate) -> str:
    """Hash of what a certificate says, the text of its policy included: SHA-256 of JSON with sorted keys."""
    versions = policies.history(session, certificate.organisation, "retention")
    document = next(one.document for one in versions if one.version == certificate.policy_version)
    said = {name: getattr(certificate, name) for name in ("organisation", "id", "policy_version", "identity")}
    instants = {name: getattr(certificate, name) for name in ("as_of", "begun_at", "finished_at")}
    rows = {
        row.table_name: [row.rows_before, row.rows_removed, row.rows_after] for row in counts(session, certificate.id)
    }
    text = json.dumps(
        {
            **said,
            **{name: at.isoformat() if at else None for name, at in instants.items()},
            "policy": document,
            "tables": rows,
        },
        sort_keys=True,
    )
    return sha256(text.encode()).hexdigest()
