"""Rights to read single meters."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import Meter, MeterGrant
from registry.people import access
from registry.people.errors import PeopleError
from registry.people.roles import person
from registry.store import Registry


@dataclass(frozen=True, slots=True)
class ReadRight:
    """A person's right to read one meter.

    Attributes:
        user_id: The person.
        meter_id: The meter.
        valid_from: From when on.
        valid_to: Until when; ``None`` for no end.
        granted_by: By whom.
    """

    user_id: int
    meter_id: str
    valid_from: datetime
    valid_to: datetime | None
    granted_by: str


def grant(
    registry: Registry,
    organisation: str,
    user_id: int,
    meter_id: str,
    *,
    valid_from: datetime,
    valid_to: datetime | None = None,
    identity: str,
    now: datetime,
) -> None:
    """Gives a person the right to read a meter, in place of the one there was.

    Args:
        registry: The registry.
        organisation: Whose person and meter.
        user_id: The person; may have a pending invitation.
        meter_id: The meter.
        valid_from: From when on it may be read.
        valid_to: Until when; ``None`` for no end.
        identity: Who asks.
        now: Instant of the change.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such person or meter, or the end is not after the beginning.
    """
    if valid_to is not None and valid_to <= valid_from:
        raise PeopleError("A read right must end after it begins.")
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        require_meter(session, organisation, meter_id)
        before = _standing(session, organisation, user_id, meter_id)
        for row in before:
            row.revoked_at = now
        session.add(
            MeterGrant(
                organisation=organisation,
                user_id=user_id,
                meter_id=meter_id,
                valid_from=valid_from,
                valid_to=valid_to,
                granted_by=identity,
            )
        )
        audit.record(
            session,
            organisation=organisation,
            event="user.meter.grant",
            identity=identity,
            now=now,
            target=f"user:{user_id}",
            before={"meters": [_told(row) for row in before]} if before else None,
            after={"meter_id": meter_id, "valid_from": valid_from, "valid_to": valid_to},
        )


def revoke(registry: Registry, organisation: str, user_id: int, meter_id: str, *, identity: str, now: datetime) -> None:
    """Takes the right to read a meter away.

    Raises:
        Denied: The actor may not.
        PeopleError: The person has no such right.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        standing = _standing(session, organisation, user_id, meter_id)
        if not standing:
            raise PeopleError(f"user:{user_id} has no right of its own to read {meter_id}.")
        for row in standing:
            row.revoked_at = now
        audit.record(
            session,
            organisation=organisation,
            event="user.meter.revoke",
            identity=identity,
            now=now,
            target=f"user:{user_id}",
            before={"meter_id": meter_id},
        )


def require_meter(session: Session, organisation: str, meter_id: str) -> None:
    """Refuses what is no meter of the organisation.

    Raises:
        PeopleError: It is none.
    """
    if session.get(Meter, (organisation, meter_id)) is None:
        raise PeopleError(f"There is no meter {meter_id}.")


def read_rights(session: Session, organisation: str, user_id: int) -> list[ReadRight]:
    """Rights of a person to read single meters, past and coming ones included, revoked ones not."""
    statement = select(MeterGrant).where(
        MeterGrant.organisation == organisation, MeterGrant.user_id == user_id, MeterGrant.revoked_at.is_(None)
    )
    names = ReadRight.__dataclass_fields__
    rows = session.scalars(statement.order_by(MeterGrant.meter_id))
    return [ReadRight(**{name: getattr(row, name) for name in names}) for row in rows]


def _standing(session: Session, organisation: str, user_id: int, meter_id: str) -> list[MeterGrant]:
    statement = select(MeterGrant).where(
        MeterGrant.organisation == organisation,
        MeterGrant.user_id == user_id,
        MeterGrant.meter_id == meter_id,
        MeterGrant.revoked_at.is_(None),
    )
    return list(session.scalars(statement))


def _told(row: MeterGrant) -> dict[str, str | None]:
    ends = row.valid_to.isoformat() if row.valid_to else None
    return {"meter_id": row.meter_id, "valid_from": row.valid_from.isoformat(), "valid_to": ends}
