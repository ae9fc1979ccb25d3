"""Who may do what: the one function that pages, API and command line ask.

Everything is read from the database at each call, so that a change holds at the next request.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.models import (
    MeterGrant,
    RolePermission,
    ServiceIdentity,
    ServicePermission,
    User,
    UserCapability,
    UserRole,
)
from registry.people.errors import Denied, PasswordChangeNeeded
from registry.people.rights import (
    ACCESS_CONTROL,
    ADMINISTRATOR,
    ANALYTICS,
    AREAS,
    BUILT_IN,
    CAPABILITIES,
    DATA_ACCESS,
    KEYS,
    MANAGER,
    MATRIX,
    SERVICES,
    Right,
)
from registry.people.sessions import may_sign_in

Areas = Mapping[str, frozenset[str]]
"""Areas by service."""

_EVERYTHING: Areas = dict.fromkeys(SERVICES, frozenset(AREAS))


def authorise(
    session: Session, actor: str, organisation: str, area: str, now: datetime, *, service: str = MANAGER
) -> None:
    """Lets an actor go on, or not.

    Args:
        session: A transaction.
        actor: ``user:<id>``, ``service:<name>`` or ``local:<login>``.
        organisation: Whose data or settings.
        area: One of :data:`registry.people.rights.AREAS`.
        now: Instant of the request.
        service: One of :data:`registry.people.rights.SERVICES`.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
        Denied: The actor may not.
    """
    if area not in AREAS or service not in SERVICES:
        raise ValueError(f"There is no area {area!r} of {service!r}.")
    if area not in areas(session, actor, organisation, now).get(service, frozenset()):
        raise Denied(f"{actor} has no right to {area.replace('_', ' ')} in the service {service}.")


def authorise_right(session: Session, actor: str, organisation: str, right: Right, now: datetime) -> None:
    """Lets an actor go on who holds a right, with its capability where it has one.

    Args:
        session: A transaction.
        actor: ``user:<id>``, ``service:<name>`` or ``local:<login>``.
        organisation: Whose data or settings.
        right: What is needed.
        now: Instant of the request.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
        Denied: The actor may not.
    """
    authorise(session, actor, organisation, right.area, now, service=right.service)
    if right.capability and right.capability not in capabilities(session, actor, organisation):
        raise Denied(f"{actor} has not the function {right.capability}, which is given to people alone.")


def areas(session: Session, actor: str, organisation: str, now: datetime) -> Areas:
    """All areas an actor may work in, by service; for menus.

    Args:
        session: A transaction.
        actor: Who.
        organisation: Whose data or settings.
        now: Instant of the request.

    Returns:
        Areas by service; services without any are left out.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    kind, _, name = actor.partition(":")
    if kind == "local" and name:
        return _EVERYTHING
    if kind == "service":
        return _of_service(session, name, organisation)
    user = _person(session, actor, organisation)
    if user is None:
        return {}
    found = _of_roles(session, user)
    if DATA_ACCESS not in found.get(MANAGER, frozenset()) and _granted(session, user, now):
        found[MANAGER] = found.get(MANAGER, frozenset()) | {DATA_ACCESS}
    return found


def visible_meters(
    session: Session, actor: str, organisation: str, now: datetime, *, service: str = MANAGER
) -> frozenset[str] | None:
    """Meters whose data an actor may see.

    Args:
        session: A transaction.
        actor: Who.
        organisation: Whose meters.
        now: Instant of the request.
        service: Where.

    Returns:
        ``meter_id`` of each; ``None`` for all meters of the organisation; empty for none.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    if DATA_ACCESS not in areas(session, actor, organisation, now).get(service, frozenset()):
        return frozenset()
    user = _person(session, actor, organisation)
    if user is None:
        return None  # the owner of the installation, or a service
    if not user.is_external and DATA_ACCESS in _of_roles(session, user).get(service, frozenset()):
        return None
    return _granted(session, user, now)


def meters_seen(session: Session, actor: str, organisation: str, now: datetime) -> frozenset[str] | None:
    """Meters whose data an actor may see in one of the services that show readings, on pages and through the API.

    Returns:
        As :func:`visible_meters`.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    seen = [visible_meters(session, actor, organisation, now, service=service) for service in (MANAGER, ANALYTICS)]
    return None if None in seen else frozenset().union(*(meters for meters in seen if meters is not None))


def capabilities(session: Session, actor: str, organisation: str) -> frozenset[str]:
    """Advanced functions of the key service that an actor may use; none without a role in that service.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    if actor.startswith("local:"):
        return frozenset(CAPABILITIES)
    user = _person(session, actor, organisation)
    if user is None or KEYS not in roles_of(session, user.id):
        return frozenset()
    return frozenset(session.scalars(select(UserCapability.capability).where(UserCapability.user_id == user.id)))


def administrators(session: Session, organisation: str) -> frozenset[str]:
    """The administrators of an organisation who can sign in, as ``user:<id>``."""
    held = select(UserRole.user_id).where(
        UserRole.organisation == organisation,
        UserRole.service == MANAGER,
        UserRole.role == ADMINISTRATOR,
        UserRole.ended_at.is_(None),
    )
    return frozenset(
        f"user:{user.id}" for user in session.scalars(select(User).where(User.id.in_(held))) if may_sign_in(user)
    )


def is_administrator(session: Session, actor: str, organisation: str) -> bool:
    """Whether an actor is an administrator of the organisation, or the owner of the installation.

    Raises:
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    if actor.startswith("local:"):
        return True
    user = _person(session, actor, organisation)
    return user is not None and roles_of(session, user.id).get(MANAGER) == ADMINISTRATOR


def authorise_for(session: Session, actor: str, user: User, now: datetime) -> None:
    """Lets an actor change a person's account: access control, and for an administrator's account an administrator.

    Raises:
        Denied: The actor may not.
    """
    authorise(session, actor, user.organisation, ACCESS_CONTROL, now)
    highest = ADMINISTRATOR in roles_of(session, user.id).values()
    if highest and not is_administrator(session, actor, user.organisation):
        raise Denied(f"Only an administrator changes the account of an administrator; {actor} is none.")


def authorise_role(session: Session, actor: str, organisation: str, role: str | None) -> None:
    """Lets an actor who controls access give a role; that of an administrator is given by administrators alone.

    Raises:
        Denied: The actor may not.
    """
    if role == ADMINISTRATOR and not is_administrator(session, actor, organisation):
        raise Denied(f"Only an administrator appoints an administrator; {actor} is none.")


def permission_matrix(session: Session, organisation: str) -> dict[str, frozenset[str]]:
    """Areas by role, as the organisation has set them."""
    found = dict(MATRIX)
    for cell in session.scalars(select(RolePermission).where(RolePermission.organisation == organisation)):
        found[cell.role] = found[cell.role] | {cell.area} if cell.is_allowed else found[cell.role] - {cell.area}
    return found


def roles_of(session: Session, user_id: int) -> dict[str, str]:
    """A person's role by service."""
    rows = session.scalars(select(UserRole).where(UserRole.user_id == user_id, UserRole.ended_at.is_(None)))
    return {row.service: row.role for row in rows}


def service_permissions(session: Session, organisation: str, name: str) -> frozenset[tuple[str, str]]:
    """Pairs of service and area that a service identity was given, whether or not it is enabled."""
    rows = session.scalars(
        select(ServicePermission).where(ServicePermission.organisation == organisation, ServicePermission.name == name)
    )
    return frozenset((row.service, row.area) for row in rows)


def _person(session: Session, actor: str, organisation: str) -> User | None:
    kind, _, number = actor.partition(":")
    if kind != "user" or not (number.isascii() and number.isdecimal()):
        return None
    user = session.get(User, int(number))
    if user is None or user.organisation != organisation or not may_sign_in(user):
        return None
    if user.must_change_password:
        raise PasswordChangeNeeded("The password must be changed before anything else.")
    return user


def _of_roles(session: Session, user: User) -> dict[str, frozenset[str]]:
    permitted = permission_matrix(session, user.organisation)
    found = {service: permitted[role] for service, role in roles_of(session, user.id).items()}
    if user.is_external:
        found = {service: granted & {DATA_ACCESS} for service, granted in found.items()}
    return found


def _of_service(session: Session, name: str, organisation: str) -> Areas:
    identity = session.get(ServiceIdentity, (organisation, name))
    if identity is None:
        permissions = BUILT_IN.get(name, frozenset())
    else:
        permissions = service_permissions(session, organisation, name) if identity.is_enabled else frozenset()
    return {at: frozenset(area for service, area in permissions if service == at) for at in SERVICES}


def _granted(session: Session, user: User, now: datetime) -> frozenset[str]:
    statement = select(MeterGrant.meter_id).where(
        MeterGrant.organisation == user.organisation,
        MeterGrant.user_id == user.id,
        MeterGrant.revoked_at.is_(None),
        MeterGrant.valid_from <= now,
        or_(MeterGrant.valid_to.is_(None), MeterGrant.valid_to > now),
    )
    return frozenset(session.scalars(statement))
