"""Roles of people in services, their history, and the rule that somebody must be administrator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import User, UserCapability, UserRole
from registry.people import access
from registry.people.errors import PeopleError
from registry.people.passwords import KEYVAULT
from registry.people.rights import ADMINISTRATOR, CAPABILITIES, KEYS, MANAGER, PORTAL, SERVICES, USER
from registry.store import Registry

Roles = Mapping[str, str]
"""Role by service."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a person holds or held.

    Attributes:
        user_id: The person.
        service: Where.
        role: Which.
        granted_at: Since when.
        granted_by: By whom.
        ended_at: Until when; ``None`` while it is held.
        ended_by: Who ended it.
    """

    user_id: int
    service: str
    role: str
    granted_at: datetime
    granted_by: str
    ended_at: datetime | None
    ended_by: str | None


def change(
    registry: Registry,
    organisation: str,
    user_id: int,
    service: str,
    role: str | None,
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Gives a person a role in a service, in place of the one held there.

    Args:
        registry: The registry.
        organisation: Whose person.
        user_id: The person.
        service: Where.
        role: Which; ``None`` for no access.
        identity: Who asks.
        now: From when on; holds at the person's next request.
        reason: Why.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such role there, or the organisation would be left without an administrator.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        access.authorise_role(session, identity, organisation, role)
        assign(session, user, service, role, identity=identity, now=now, reason=reason)


def assign(
    session: Session,
    user: User,
    service: str,
    role: str | None,
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """As :func:`change`, within a transaction, for an actor who has been authorised."""
    _require_offered(service, role)
    if user.is_external and role not in (None, USER):
        raise PeopleError("External people hold the role user alone; what they see is granted meter by meter.")
    before = access.roles_of(session, user.id).get(service)
    if before == role:
        return
    if before == ADMINISTRATOR and service == MANAGER:
        require_another_administrator(session, user)
    held = session.scalars(
        select(UserRole).where(UserRole.user_id == user.id, UserRole.service == service, UserRole.ended_at.is_(None))
    ).one_or_none()
    if held is not None:
        held.ended_at, held.ended_by = now, identity
    if role is not None:
        session.add(
            UserRole(
                organisation=user.organisation,
                user_id=user.id,
                service=service,
                role=role,
                granted_at=now,
                granted_by=identity,
            )
        )
    if service == KEYS and role is not None and user.password_policy not in (None, KEYVAULT.name):
        user.must_change_password = True  # the key service asks for a stronger password
    session.flush()
    audit.record(
        session,
        organisation=user.organisation,
        event="user.role",
        identity=identity,
        now=now,
        target=f"user:{user.id}",
        before={service: before},
        after={service: role},
        reason=reason,
    )


def appoint_first(session: Session, user: User, now: datetime) -> None:
    """Makes the first person of an organisation its administrator, with the highest role in each service."""
    if not user.is_external and _is_first(session, user.organisation):
        for service, offered in SERVICES.items():
            assign(session, user, service, offered[-1], identity=f"user:{user.id}", now=now, reason="first person")


def end_all(session: Session, user: User, identity: str, now: datetime) -> None:
    """Ends all roles and capabilities of a person whose account goes."""
    for held in session.scalars(select(UserRole).where(UserRole.user_id == user.id, UserRole.ended_at.is_(None))):
        held.ended_at, held.ended_by = now, identity
    for capability in session.scalars(select(UserCapability).where(UserCapability.user_id == user.id)):
        session.delete(capability)


def require_another_administrator(session: Session, user: User) -> None:
    """Refuses what would take away the last administrator who can sign in.

    Raises:
        PeopleError: The person is the only one.
    """
    # All rows are locked first, in one order: of two administrators who demote each other at once, one is refused.
    holders = session.scalars(
        select(UserRole.user_id)
        .where(
            UserRole.organisation == user.organisation,
            UserRole.service == MANAGER,
            UserRole.role == ADMINISTRATOR,
            UserRole.ended_at.is_(None),
        )
        .order_by(UserRole.id)
        .with_for_update()
    ).all()
    # Columns, not accounts: the session may hold some as they were before the others were waited for.
    able = select(User.id).where(
        User.id.in_(holders), User.is_enabled, User.activated_at.is_not(None), User.deleted_at.is_(None)
    )
    if session.scalars(able).all() == [user.id]:
        raise PeopleError(f"user:{user.id} is the only administrator: appoint another one first.")


def set_capability(
    registry: Registry,
    organisation: str,
    user_id: int,
    capability: str,
    *,
    is_granted: bool,
    identity: str,
    now: datetime,
) -> None:
    """Grants or takes away an advanced function of the key service.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such function, or the person has no role in the key service.
    """
    if capability not in CAPABILITIES:
        raise PeopleError(f"There is no capability {capability!r}; there are {', '.join(CAPABILITIES)}.")
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        if is_granted and KEYS not in access.roles_of(session, user_id):
            raise PeopleError(f"user:{user_id} has no role in the service {KEYS}: give one first.")
        row = session.get(UserCapability, (organisation, user_id, capability))
        if (row is not None) == is_granted:
            return
        if row is None:
            session.add(UserCapability(organisation=organisation, user_id=user_id, capability=capability))
        else:
            session.delete(row)
        audit.record(
            session,
            organisation=organisation,
            event="user.capability",
            identity=identity,
            now=now,
            target=f"user:{user_id}",
            before={capability: not is_granted},
            after={capability: is_granted},
        )


def history(session: Session, organisation: str, user_id: int | None = None) -> list[Held]:
    """All roles that the people of an organisation, or one of them, hold and held, the newest first."""
    statement = select(UserRole).where(UserRole.organisation == organisation)
    if user_id is not None:
        statement = statement.where(UserRole.user_id == user_id)
    names = Held.__dataclass_fields__
    rows = session.scalars(statement.order_by(UserRole.granted_at.desc(), UserRole.id.desc()))
    return [Held(**{name: getattr(row, name) for name in names}) for row in rows]


def person(session: Session, organisation: str, user_id: int) -> User:
    """The account of a person, locked for a change.

    Raises:
        PeopleError: The organisation has none with this number.
    """
    user = session.get(User, user_id, with_for_update=True)
    if user is None or user.organisation != organisation or user.deleted_at is not None:
        raise PeopleError(f"There is no user:{user_id}; see 'meterhouse user list'.")
    return user


def _is_first(session: Session, organisation: str) -> bool:
    statement = select(UserRole.id).where(
        UserRole.organisation == organisation, UserRole.service == MANAGER, UserRole.role == ADMINISTRATOR
    )
    return session.scalar(statement.where(UserRole.ended_at.is_(None)).limit(1)) is None


def _require_offered(service: str, role: str | None) -> None:
    if service not in SERVICES:
        raise PeopleError(f"There is no service {service!r}; there are {', '.join(SERVICES)}.")
    if role is None and service == PORTAL:
        raise PeopleError("Everybody is at least a user of the portal: disable the account instead.")
    if role is not None and role not in SERVICES[service]:
        raise PeopleError(f"The service {service} has no role {role!r}; it has {', '.join(SERVICES[service])}.")
