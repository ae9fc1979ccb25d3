"""Trials of policies: which document was run over which past days, and what came of it."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import PolicyTrial


def note(
    session: Session,
    organisation: str,
    kind: str,
    document: str,
    *,
    first_day: date,
    last_day: date,
    result: Mapping[str, object],
    identity: str,
    now: datetime,
) -> None:
    """Notes that a document was tried.

    Args:
        session: A writing transaction.
        organisation: Whose policy.
        kind: Which policy.
        document: YAML.
        first_day: First local day it was run over.
        last_day: Last one, inclusive.
        result: What came of it, as JSON.
        identity: Who tried it.
        now: Instant of the trial, UTC.
    """
    digest = _digest(document)
    session.add(
        PolicyTrial(
            organisation=organisation,
            kind=kind,
            digest=digest,
            first_day=first_day,
            last_day=last_day,
            result=json.dumps(result, sort_keys=True),
            identity=identity,
            run_at=now,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event="policy.try",
        identity=identity,
        now=now,
        target=kind,
        details={"digest": digest, "first_day": first_day, "last_day": last_day, "result": dict(result)},
    )


def newest(session: Session, organisation: str, kind: str, document: str) -> PolicyTrial | None:
    """The newest trial of exactly this document; ``None`` where it was not tried."""
    statement = select(PolicyTrial).where(
        PolicyTrial.organisation == organisation, PolicyTrial.kind == kind, PolicyTrial.digest == _digest(document)
    )
    return session.scalar(statement.order_by(PolicyTrial.id.desc()).limit(1))


def _digest(document: str) -> str:
    return sha256(document.encode()).hexdigest()
