"""Decisions about exceptions of validation: added, never changed; the newest one that takes effect counts."""

from collections.abc import Sequence
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

_FEW = 5000
"""Meters up to which the database is asked about them alone."""
_TOLD: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: DECISION[name] for name in ("meter_id", "register", "at", "rule")},
    "number": pl.Int64,
    "decision": pl.String,
    "takes_effect": pl.Boolean,
    "decided_at": DECISION["decided_at"],
    "decided_by": pl.String,
}


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

    @property
    def target(self) -> str:
        """How the audit log names it."""
        return f"{self.meter_id} {self.register} {self.rule}"


def latest(session: Session, organisation: str, subject: Subject) -> Decision | None:
    """The last decision about an exception, whether or not it takes effect; ``None`` where nobody decided."""
    return session.scalars(
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
    last = latest(session, organisation, subject)
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
        target=subject.target,
        before={"decision": before},
        after={"decision": decision, "takes_effect": takes_effect},
        reason=reason,
        details={"at": subject.at, "reason_code": reason_code, "forced": forced},
    )
    return takes_effect


def told(session: Session, organisation: str, meters: Sequence[str]) -> pl.DataFrame:
    """The last decision about each exception of some meters, those that wait for a second person among them.

    Args:
        session: A transaction.
        organisation: Owner of the meters.
        meters: ``meter_id`` of those asked about.

    Returns:
        ``meter_id``, ``register``, ``at``, ``rule``, ``number`` (grows with each decision), ``decision``,
        ``takes_effect``, ``decided_at`` (UTC) and ``decided_by``.
    """
    d = Decision
    columns = (d.meter_id, d.register, d.at, d.rule, d.id, d.decision, d.takes_effect, d.decided_at, d.identity)
    statement = select(*columns).where(d.organisation == organisation).order_by(d.id)
    if len(meters) <= _FEW:
        statement = statement.where(d.meter_id.in_(list(meters)))
    frame = pl.DataFrame([tuple(row) for row in session.execute(statement)], schema=_TOLD, orient="row")
    return frame.unique(["meter_id", "register", "at", "rule"], keep="last", maintain_order=True)


def standing(rows: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Exceptions as they stand with decisions after which nothing was reckoned yet.

    Args:
        rows: Rows of ``vee_exceptions``.
        decided: From :func:`told`.

    Returns:
        The same rows with ``state``, ``decided_at`` and ``decided_by`` as decided last, ``waits`` (whether a decision
        waits for a second person) and ``number`` (of the last decision; 0 without).
    """
    found = rows.join(decided, on=["meter_id", "register", "at", "rule"], how="left", maintain_order="left")
    later = (pl.col("decided_at_right") > pl.col("decided_at")).fill_null(pl.col("decided_at").is_null())
    holds = (pl.col("takes_effect") & later & (pl.col("state") != "resolved")).fill_null(value=False)
    newest = pl.col("decision").replace_strict(STATES, default=None, return_dtype=pl.String)
    return found.with_columns(
        state=pl.when(holds).then(newest).otherwise("state"),
        decided_at=pl.when(holds).then("decided_at_right").otherwise("decided_at"),
        decided_by=pl.when(holds).then("decided_by_right").otherwise("decided_by"),
        waits=(~pl.col("takes_effect")).fill_null(value=False),
        number=pl.col("number").fill_null(0),
    ).drop("decision", "takes_effect", "decided_at_right", "decided_by_right")


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
