"""What people found of faults of substations: confirmed, or false."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import HeatFaultReview

Verdict = Literal["confirmed", "false"]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One verdict on a fault.

    Attributes:
        verdict: What it turned out to be.
        reason: What was found, in words.
        identity: Who said so.
        known_from: When, UTC.
    """

    verdict: str
    reason: str
    identity: str
    known_from: datetime


def review(
    session: Session,
    organisation: str,
    metering_point: str,
    rule: str,
    period_start: datetime,
    verdict: Verdict,
    *,
    reason: str,
    identity: str,
    now: datetime,
) -> None:
    """Notes what somebody found of a fault; what was noted before stays as an older version.

    Args:
        session: A writing transaction.
        organisation: Whose point.
        metering_point: Where.
        rule: Rule that found the fault.
        period_start: Start of the heating year, UTC.
        verdict: What it turned out to be.
        reason: What was found, in the words of who looked; no personal data.
        identity: Who says so.
        now: When.

    Raises:
        RegistryError: No reason is given.
    """
    if not reason.strip():
        raise RegistryError("A fault is confirmed or dismissed for a reason: say what was found.")
    before = session.scalar(
        select(HeatFaultReview).where(
            HeatFaultReview.organisation == organisation,
            HeatFaultReview.metering_point == metering_point,
            HeatFaultReview.rule == rule,
            HeatFaultReview.period_start == period_start,
            HeatFaultReview.known_to.is_(None),
        )
    )
    if before is not None:
        before.known_to = now
    session.add(
        HeatFaultReview(
            organisation=organisation,
            metering_point=metering_point,
            period_start=period_start,
            rule=rule,
            verdict=verdict,
            reason=reason,
            identity=identity,
            known_from=now,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event="heat_fault.review",
        identity=identity,
        now=now,
        target=metering_point,
        before={"verdict": before.verdict} if before else None,
        after={"verdict": verdict},
        reason=reason,
        details={"rule": rule, "period_start": period_start.isoformat()},
    )


def reviews(
    session: Session, organisation: str, metering_point: str, rule: str, period_start: datetime
) -> list[Reviewed]:
    """What people found of a fault, the latest first.

    Args:
        session: A transaction.
        organisation: Whose point.
        metering_point: Where.
        rule: Rule that found the fault.
        period_start: Start of the heating year, UTC.
    """
    r = HeatFaultReview
    statement = (
        select(r.verdict, r.reason, r.identity, r.known_from)
        .where(
            r.organisation == organisation,
            r.metering_point == metering_point,
            r.rule == rule,
            r.period_start == period_start,
        )
        .order_by(r.known_from.desc(), r.id.desc())
    )
    return [Reviewed(*row) for row in session.execute(statement)]


def erase_reviews(session: Session, organisation: str, metering_point: str, earliest: datetime, end: datetime) -> None:
    """Deletes what was found at a point in heating years that begin in a stretch, former versions included.

    Args:
        session: A writing transaction.
        organisation: Whose point.
        metering_point: Where.
        earliest: From when on a year's start counts, UTC.
        end: Before when it counts, UTC.
    """
    session.execute(
        delete(HeatFaultReview).where(
            HeatFaultReview.organisation == organisation,
            HeatFaultReview.metering_point == metering_point,
            HeatFaultReview.period_start >= earliest,
            HeatFaultReview.period_start < end,
        )
    )
