"""Erasure on request (GDPR article 17): what is asked for, what forbids it, and the tombstone that stays."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, erased_customers, subjects
from registry.customer_versions import forget_versions
from registry.errors import RegistryError
from registry.models import Customer, Erasure, LegalHold, MeteringPoint
from registry.notifications.subscriptions import forget as forget_subscriptions
from registry.store import Registry
from registry.vault import KeyVault

ERASED: dict[str, pl.DataType | type[pl.DataType]] = {
    "erasure": pl.Int64,
    "metering_point": pl.String,
    "first_day": pl.Date,
    "last_day": pl.Date,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be erased.

    Attributes:
        organisation: Owner of the metering point.
        metering_point: The place.
        first_day: First local day of the period.
        last_day: Last local day, inclusive.
        reason: Why, e.g. the number of the request; no personal data.

    Raises:
        RegistryError: The period ends before it begins.
    """

    organisation: str
    metering_point: str
    first_day: date
    last_day: date
    reason: str

    def __post_init__(self) -> None:
        """Checks the period."""
        if self.last_day < self.first_day:
            raise RegistryError(f"The period ends on {self.last_day}, before it begins on {self.first_day}.")


class HeldError(RegistryError):
    """Legal holds forbid the erasure; the message names them."""


def place_hold(
    registry: Registry,
    organisation: str,
    metering_point: str,
    *,
    first_day: date | None,
    last_day: date | None,
    reason: str,
    identity: str,
    now: datetime,
) -> int:
    """Forbids the erasure of a period.

    Args:
        registry: The registry.
        organisation: Owner of the metering point.
        metering_point: The place.
        first_day: First local day; ``None`` is from the beginning.
        last_day: Last local day; ``None`` is without end.
        reason: Why; no personal data.
        identity: Who does it.
        now: When.

    Returns:
        Number of the hold.
    """
    with registry.begin() as session:
        _known(session, organisation, metering_point)
        hold = LegalHold(
            organisation=organisation,
            metering_point=metering_point,
            first_day=first_day,
            last_day=last_day,
            reason=reason,
            placed_at=now,
        )
        session.add(hold)
        session.flush()
        audit.record(
            session,
            organisation=organisation,
            event="hold.place",
            identity=identity,
            now=now,
            target=metering_point,
            after={"hold": hold.id, "first_day": first_day, "last_day": last_day},
            reason=reason,
        )
        return hold.id


def release_hold(registry: Registry, organisation: str, number: int, *, identity: str, now: datetime) -> None:
    """Ends a hold.

    Raises:
        RegistryError: There is no such hold in force.
    """
    with registry.begin() as session:
        hold = session.get(LegalHold, number)
        if hold is None or hold.organisation != organisation or hold.released_at is not None:
            raise RegistryError(f"There is no legal hold {number} in force.")
        hold.released_at = now
        audit.record(
            session,
            organisation=organisation,
            event="hold.release",
            identity=identity,
            now=now,
            target=hold.metering_point,
            before={"hold": number},
        )


def holds(registry: Registry, organisation: str) -> list[LegalHold]:
    """Holds in force."""
    statement = select(LegalHold).where(LegalHold.organisation == organisation, LegalHold.released_at.is_(None))
    with registry.begin(readonly=True) as session:
        return list(session.scalars(statement.order_by(LegalHold.id)))


def check(registry: Registry, request: Request) -> None:
    """Asks whether an erasure may be.

    Raises:
        HeldError: Legal holds forbid it.
        RegistryError: The metering point is not known.
    """
    with registry.begin(readonly=True) as session:
        _check(session, request)


def begin(registry: Registry, request: Request, *, identity: str, now: datetime) -> int:
    """Puts up the tombstone, from which on nothing of the period is reckoned any more.

    Args:
        registry: The registry.
        request: What is to be erased. One that was begun and not finished goes on.
        identity: Who does it.
        now: When.

    Returns:
        Number of the erasure.

    Raises:
        HeldError: Legal holds forbid it.
        RegistryError: The metering point is not known.
    """
    with registry.begin() as session:
        _check(session, request)
        fields = ("organisation", "metering_point", "first_day", "last_day")
        same = [getattr(Erasure, name) == getattr(request, name) for name in fields]
        open_ = session.scalar(select(Erasure).where(*same, Erasure.finished_at.is_(None)))
        if open_ is not None:
            return open_.id
        row = Erasure(**{name: getattr(request, name) for name in fields}, reason=request.reason, begun_at=now)
        session.add(row)
        session.flush()
        audit.record(
            session,
            organisation=request.organisation,
            event="erasure.begin",
            identity=identity,
            now=now,
            target=request.metering_point,
            details={"erasure": row.id, "first_day": request.first_day, "last_day": request.last_day},
            reason=request.reason,
        )
        return row.id


def former_occupancies(session: Session, request: Request, zone: ZoneInfo) -> list[Customer]:
    """Who lived at the metering point and had moved in and out within the period; one of unknown start counts."""
    start, end = _instants(request, zone)
    statement = select(Customer).where(
        Customer.organisation == request.organisation,
        Customer.metering_point == request.metering_point,
        Customer.occupied_to <= end,
        Customer.occupied_to > start,
        Customer.occupied_from.is_(None) | (Customer.occupied_from >= start),
    )
    return list(session.scalars(statement))


def finish(
    registry: Registry,
    request: Request,
    number: int,
    rows: Mapping[str, int],
    *,
    vault: KeyVault,
    zone: ZoneInfo,
    identity: str,
    now: datetime,
) -> None:
    """Erases the persons of the period, and notes how many rows of which table went.

    Args:
        registry: The registry.
        request: What is erased.
        number: Number of the erasure.
        rows: Rows that went per table; of an erasure that was interrupted, those of the last attempt.
        vault: Makes the digests by which the persons stay erased.
        zone: The utility's zone.
        identity: Who does it.
        now: When.
    """
    with registry.begin() as session:
        erasure = session.get_one(Erasure, number)
        persons = former_occupancies(session, request, zone)
        numbers = [person.customer_number for person in persons]
        erased_customers.remember(session, vault, request.organisation, number, numbers)
        start, end = _instants(request, zone)
        occupancies = [person.occupancy for person in persons]
        forget_subscriptions(session, request.organisation, request.metering_point, occupancies, start, end)
        forget_versions(session, request.organisation, occupancies)
        for person in persons:
            subjects.destroy(session, request.organisation, f"customer:{person.metering_point}:{person.occupancy}")
            session.delete(person)
        session.flush()
        erasure.finished_at, erasure.rows = now, json.dumps(dict(rows), sort_keys=True)
        audit.record(
            session,
            organisation=erasure.organisation,
            event="erasure.finish",
            identity=identity,
            now=now,
            target=erasure.metering_point,
            details={"erasure": number, "rows": dict(rows)},
        )


def add_rows(registry: Registry, number: int, rows: Mapping[str, int], *, identity: str, now: datetime) -> None:
    """Counts, in an erasure's tombstone, what arrived of its period afterwards and went again.

    Args:
        registry: The registry.
        number: Number of the erasure.
        rows: Rows that went per table.
        identity: Who does it.
        now: When.
    """
    if not rows:
        return
    with registry.begin() as session:
        erasure = session.get_one(Erasure, number)
        total = Counter(json.loads(erasure.rows or "{}")) + Counter(rows)
        erasure.rows = json.dumps(total, sort_keys=True)
        audit.record(
            session,
            organisation=erasure.organisation,
            event="erasure.again",
            identity=identity,
            now=now,
            target=erasure.metering_point,
            details={"erasure": number, "rows": dict(rows)},
        )


def erasures(registry: Registry, organisation: str) -> list[Erasure]:
    """All tombstones, the oldest first."""
    statement = select(Erasure).where(Erasure.organisation == organisation).order_by(Erasure.id)
    with registry.begin(readonly=True) as session:
        return list(session.scalars(statement))


def erased_periods(registry: Registry, organisation: str) -> pl.DataFrame:
    """``erasure``, ``metering_point``, ``first_day`` and ``last_day`` (local, inclusive) of every tombstone."""
    rows = [(row.id, row.metering_point, row.first_day, row.last_day) for row in erasures(registry, organisation)]
    return pl.DataFrame(rows, schema=ERASED, orient="row")


@dataclass(frozen=True, slots=True)
class ErasedDays:
    """Days of metering points whose data is erased, or about to be.

    Attributes:
        periods: First and last local day of each erasure, inclusive, by metering point.
        zone: The utility's zone.
    """

    periods: Mapping[str, Sequence[tuple[date, date]]]
    zone: ZoneInfo

    @classmethod
    def read(cls, session: Session, organisation: str, zone: ZoneInfo) -> "ErasedDays":
        """All of an organisation; they are few."""
        periods: dict[str, list[tuple[date, date]]] = {}
        for row in session.scalars(select(Erasure).where(Erasure.organisation == organisation)):
            periods.setdefault(row.metering_point, []).append((row.first_day, row.last_day))
        return cls(periods, zone)

    def covers(self, metering_point: str, at: datetime) -> bool:
        """Whether a point's data of an instant is erased."""
        day = at.astimezone(self.zone).date()
        return any(first <= day <= last for first, last in self.periods.get(metering_point, ()))


def _instants(request: Request, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of the period, UTC, half-open."""
    start = datetime.combine(request.first_day, time(), zone).astimezone(UTC)
    return start, datetime.combine(request.last_day + timedelta(days=1), time(), zone).astimezone(UTC)


def _known(session: Session, organisation: str, metering_point: str) -> None:
    if session.get(MeteringPoint, (organisation, metering_point)) is None:
        raise RegistryError(f"There is no metering point {metering_point}.")


def _check(session: Session, request: Request) -> None:
    _known(session, request.organisation, request.metering_point)
    statement = select(LegalHold).where(
        LegalHold.organisation == request.organisation,
        LegalHold.metering_point == request.metering_point,
        LegalHold.released_at.is_(None),
        LegalHold.first_day.is_(None) | (LegalHold.first_day <= request.last_day),
        LegalHold.last_day.is_(None) | (LegalHold.last_day >= request.first_day),
    )
    named = [
        f"Legal hold {hold.id} on {hold.metering_point} from {hold.first_day or 'the beginning'} until "
        f"{hold.last_day or 'further notice'} forbids it ({hold.reason})."
        for hold in session.scalars(statement.order_by(LegalHold.id))
    ]
    if named:
        raise HeldError(f"{' '.join(named)} Release what no longer holds first.")
