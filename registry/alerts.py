"""Consumption alerts: limits that people set, reset, end and remove (ALGORITHMS §11)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import ConsumptionAlert, Installation, MeteringPoint
from warehouse.schemas.registers import CUMULATIVE

PERIODS = ("total", "day", "month")
LARGEST = Decimal("999999999999")
"""Largest limit: what a register can show."""


class AlertError(RegistryError):
    """An alert is not as it must be, or there is none; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alert to be made.

    Attributes:
        place: Metering point, or the id of a meter that is installed now: its point is meant, whatever meter follows.
        register: Canonical register, such as ``volume_m3``.
        limit_value: Consumption beyond which it alerts, in the register's unit.
        starts_at: Since when consumption counts, UTC.
        ends_at: Until when, UTC; ``None`` without end.
        period: ``total`` since start or reset, or per local ``day`` or ``month``.
        include_estimates: Whether estimated consumption counts.
    """

    place: str
    register: str
    limit_value: Decimal
    starts_at: datetime
    ends_at: datetime | None = None
    period: str = "total"
    include_estimates: bool = False


def add(session: Session, organisation: str, wanted: Wanted, *, most: int, identity: str, now: datetime) -> int:
    """Makes an alert.

    Args:
        session: A writing transaction.
        organisation: Whose.
        wanted: The alert.
        most: Alerts that may be active at a time.
        identity: Who does it.
        now: Instant of the change, UTC.

    Returns:
        Its number.

    Raises:
        AlertError: The place, register, limit or period is not possible, or there are too many alerts.
    """
    if wanted.register not in CUMULATIVE:
        raise AlertError(f"{wanted.register} is no register; there are {', '.join(CUMULATIVE)}.")
    if wanted.period not in PERIODS:
        raise AlertError(f"{wanted.period} is no period of an alert; there are {', '.join(PERIODS)}.")
    if not Decimal(0) < wanted.limit_value <= LARGEST:
        raise AlertError(f"The limit of an alert is a number above 0 up to {LARGEST}.")
    if wanted.ends_at is not None and wanted.ends_at <= wanted.starts_at:
        raise AlertError("The alert ends before it starts.")
    if _active(session, organisation, now) >= most:
        raise AlertError(
            f"{most} alerts are active, and no more may be: end some, or raise max_active in the policy alerts."
        )
    row = ConsumptionAlert(
        organisation=organisation,
        metering_point=_point(session, organisation, wanted.place),
        register=wanted.register,
        limit_value=wanted.limit_value,
        period=wanted.period,
        include_estimates=wanted.include_estimates,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        last_reset=None,
        resets=0,
        changed_at=now,
        removed_at=None,
    )
    session.add(row)
    session.flush()
    _note(session, row, "alert.add", None, _facts(row), identity, now)
    return row.alert_no


def get(session: Session, organisation: str, alert_no: int) -> ConsumptionAlert:
    """An alert that was not removed.

    Raises:
        AlertError: There is none of this number.
    """
    row = session.get(ConsumptionAlert, alert_no)
    if row is None or row.organisation != organisation or row.removed_at is not None:
        raise AlertError(f"There is no alert {alert_no}; 'meterhouse alert list' shows those there are.")
    return row


def reset(session: Session, organisation: str, alert_no: int, *, identity: str, now: datetime) -> None:
    """Lets an alert count anew from now on, so that it can be triggered again.

    Raises:
        AlertError: There is none, it has not started, or it has ended.
    """
    row = get(session, organisation, alert_no)
    if row.starts_at > now:
        raise AlertError(f"The alert {alert_no} starts at {row.starts_at.isoformat()}: there is nothing to reset yet.")
    _open(row, now)
    before = {"last_reset": _text(row.last_reset)}
    row.last_reset, row.resets, row.changed_at = now, row.resets + 1, now
    _note(session, row, "alert.reset", before, {"last_reset": _text(now)}, identity, now)


def end(session: Session, organisation: str, alert_no: int, *, identity: str, now: datetime) -> None:
    """Ends an alert now; readings from before that arrive later still count.

    Raises:
        AlertError: There is none, or it has ended.
    """
    row = get(session, organisation, alert_no)
    _open(row, now)
    before = {"ends_at": _text(row.ends_at)}
    row.ends_at = row.changed_at = now
    _note(session, row, "alert.end", before, {"ends_at": _text(now)}, identity, now)


def replace(
    session: Session, organisation: str, alert_no: int, wanted: Wanted, *, most: int, identity: str, now: datetime
) -> int:
    """Ends an alert and lets another one take its place, so that what the former told stands with its limit.

    Returns:
        Number of the new one.

    Raises:
        AlertError: There is none, or the new one is not possible.
    """
    row = get(session, organisation, alert_no)
    if row.ends_at is None or row.ends_at > now:
        end(session, organisation, alert_no, identity=identity, now=now)
    return add(session, organisation, wanted, most=most, identity=identity, now=now)


def remove(session: Session, organisation: str, alert_no: int, *, identity: str, now: datetime) -> None:
    """Takes an alert off the list; what it told remains known.

    Raises:
        AlertError: There is none.
    """
    row = get(session, organisation, alert_no)
    row.removed_at = row.changed_at = now
    _note(session, row, "alert.remove", _facts(row), None, identity, now)


def _active(session: Session, organisation: str, now: datetime) -> int:
    alert = ConsumptionAlert
    statement = select(func.count()).where(
        alert.organisation == organisation,
        alert.removed_at.is_(None),
        alert.ends_at.is_(None) | (alert.ends_at > now),
    )
    return session.scalar(statement) or 0


def _point(session: Session, organisation: str, place: str) -> str:
    """The metering point that is meant."""
    if session.get(MeteringPoint, (organisation, place)) is not None:
        return place
    installed = session.scalar(
        select(Installation.metering_point).where(
            Installation.organisation == organisation,
            Installation.meter_id == place,
            Installation.known_to.is_(None),
            Installation.removed_at.is_(None),
        )
    )
    if installed is None:
        raise AlertError(f"There is no metering point {place}, and no meter of this id is installed.")
    return installed


def _open(row: ConsumptionAlert, now: datetime) -> None:
    if row.ends_at is not None and row.ends_at <= now:
        raise AlertError(f"The alert {row.alert_no} ended at {row.ends_at.isoformat()}: add a new one.")


def _facts(row: ConsumptionAlert) -> dict[str, object]:
    return {
        "metering_point": row.metering_point,
        "register": row.register,
        "limit_value": str(row.limit_value),
        "period": row.period,
        "include_estimates": row.include_estimates,
        "starts_at": _text(row.starts_at),
        "ends_at": _text(row.ends_at),
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _note(
    session: Session,
    row: ConsumptionAlert,
    event: str,
    before: audit.Fields | None,
    after: audit.Fields | None,
    identity: str,
    now: datetime,
) -> None:
    audit.record(
        session,
        organisation=row.organisation,
        event=event,
        identity=identity,
        now=now,
        target=str(row.alert_no),
        before=before,
        after=after,
    )
