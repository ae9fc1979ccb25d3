"""Decisions about exceptions of validation: added, never changed; the newest one that takes effect counts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Decision, ManualReading
from warehouse.transforms.validation.effects import DECISION, STATES
from warehouse.transforms.validation.rules import KEY


@dataclass(frozen=True, slots=True)
class Subject:
    """Which exception.

    Attributes:
        meter_id: Meter.
        register: Register, or ``*`` for a reading as a whole.
        at: Time of the questioned value, UTC.
        rule: Code of the rule.
    """

    meter_id: str
    register: str
    at: datetime
    rule: str


def decide(
    session: Session,
    organisation: str,
    subject: Subject,
    decision: str,
    *,
    reason_code: str,
    reason: str,
    identity: str,
    now: datetime,
    value: Decimal | None = None,
    four_eyes: bool = False,
    forced: bool = False,
) -> bool:
    """Adds a decision.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        subject: The exception.
        decision: ``approve``, ``reject`` or ``override``.
        reason_code: One of the policy's.
        reason: Why, in the words of who decides; no personal data.
        identity: Who decides.
        now: Instant of the decision, UTC.
        value: What the register showed; for an override alone.
        four_eyes: Whether it needs a second person who decides the same.
        forced: Whether somebody insists on a value of lower quality than the one that stands.

    Returns:
        Whether it takes effect; otherwise it waits for the second person.

    Raises:
        RegistryError: It is no decision, has no reason, or the same person decides twice.
    """
    if decision not in STATES:
        raise RegistryError(f"{decision} is no decision; there are {', '.join(STATES)}.")
    if (decision == "override") != (value is not None):
        raise RegistryError("An override has a value, other decisions have none.")
    if not reason.strip():
        raise RegistryError("An exception is decided for a reason: give one.")
    last = session.scalars(
        select(Decision)
        .where(
            Decision.organisation == organisation,
            Decision.meter_id == subject.meter_id,
            Decision.register == subject.register,
            Decision.at == subject.at,
            Decision.rule == subject.rule,
        )
        .order_by(Decision.id.desc())
        .limit(1)
    ).first()
    proposed = last is not None and not last.takes_effect and (last.decision, last.value) == (decision, value)
    if four_eyes and proposed and last is not None and last.identity == identity:
        raise RegistryError(f"{identity} has decided this already: a second person must confirm it.")
    takes_effect = not four_eyes or proposed
    session.add(
        Decision(
            organisation=organisation,
            meter_id=subject.meter_id,
            register=subject.register,
            at=subject.at,
            rule=subject.rule,
            decision=decision,
            value=value,
            reason_code=reason_code,
            reason=reason,
            is_forced=forced,
            takes_effect=takes_effect,
            identity=identity,
            decided_at=now,
        )
    )
    before = last.decision if last is not None and last.takes_effect else None
    audit.record(
        session,
        organisation=organisation,
        event=f"exception.{decision}",
        identity=identity,
        now=now,
        target=f"{subject.meter_id} {subject.register} {subject.rule}",
        before={"decision": before},
        after={"decision": decision, "takes_effect": takes_effect},
        reason=reason,
        details={"at": subject.at, "reason_code": reason_code, "forced": forced},
    )
    return takes_effect


def in_force(session: Session, organisation: str) -> pl.DataFrame:
    """The decisions that count, the newest of each exception.

    Returns:
        Rows in :data:`~warehouse.transforms.validation.effects.DECISION`.
    """
    columns = [getattr(Decision, name) for name in DECISION if name != "decided_by"]
    statement = (
        select(*columns, Decision.identity.label("decided_by"))
        .where(Decision.organisation == organisation, Decision.takes_effect)
        .order_by(Decision.id)
    )
    names = [*(name for name in DECISION if name != "decided_by"), "decided_by"]
    rows = [tuple(row) for row in session.execute(statement)]
    frame = pl.DataFrame(rows, schema={name: DECISION[name] for name in names}, orient="row")
    return frame.unique(KEY, keep="last", maintain_order=True).select(list(DECISION))


def erase(session: Session, organisation: str, shares: pl.DataFrame) -> int:
    """Deletes decisions about, and notes on, readings of some meters in some times.

    Args:
        session: A writing transaction.
        organisation: Owner of the meters.
        shares: ``meter_id``, ``start`` and ``end`` (UTC, half open).

    Returns:
        How many went.
    """
    gone = 0
    for meter_id, start, end in shares.select("meter_id", "start", "end").iter_rows():  # a few meters of one point
        for model, at in ((Decision, Decision.at), (ManualReading, ManualReading.read_at)):
            theirs = (model.organisation == organisation, model.meter_id == meter_id, at >= start, at < end)
            result = session.execute(delete(model).where(*theirs))
            gone += getattr(result, "rowcount", 0)
    return gone
