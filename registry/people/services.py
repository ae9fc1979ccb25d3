"""Service identities: who unattended work runs as. They have permissions of their own and no way to sign in."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import ServiceIdentity, ServicePermission
from registry.people import access
from registry.people.errors import Denied, PeopleError
from registry.people.rights import ACCESS_CONTROL, AREAS, BUILT_IN, SERVICES
from registry.people.sessions import SIGN_IN_SERVICE
from registry.people.tokens import digest
from registry.store import Registry

Permissions = Collection[tuple[str, str]]
"""Pairs of service and area."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_RESERVED = {SIGN_IN_SERVICE.removeprefix("service:")}
_SECRET_BYTES = 32

SECRET_TTL = timedelta(days=365)
"""How long a service's secret works unless something else is set."""

LONGEST_TTL = timedelta(days=3 * 365)
"""How long a secret may work at most."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service identity.

    Attributes:
        organisation: Whose.
        name: Its name; audit events and authorisation name it ``service:<name>``.
        description: What it is for.
        is_enabled: Whether it may do anything.
        permissions: Pairs of service and area.
        secret_expires_at: Until when its secret works; ``None`` where it has none, or one made before secrets ended.
    """

    organisation: str
    name: str
    description: str | None
    is_enabled: bool
    permissions: frozenset[tuple[str, str]]
    secret_expires_at: datetime | None = None

    @property
    def identity(self) -> str:
        """How audit events and authorisation name it."""
        return f"service:{self.name}"


def add(
    registry: Registry,
    organisation: str,
    name: str,
    permissions: Permissions,
    *,
    description: str | None = None,
    identity: str,
    now: datetime,
) -> None:
    """Makes a service identity.

    Args:
        registry: The registry.
        organisation: Whose.
        name: Small letters, digits and hyphens.
        permissions: What it may do.
        description: What it is for.
        identity: Who asks.
        now: Instant of the change.

    Raises:
        Denied: The actor may not.
        PeopleError: The name is taken or none, or there is no such permission.
    """
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise PeopleError(f"{name!r} is no name for a service: use small letters, digits and hyphens.")
    _require_known(permissions)
    with registry.begin() as session:
        _authorise(session, identity, organisation, now, permissions)
        if name in BUILT_IN or session.get(ServiceIdentity, (organisation, name)) is not None:
            raise PeopleError(f"There is a service {name} already.")
        session.add(
            ServiceIdentity(
                organisation=organisation, name=name, description=description, is_enabled=True, created_at=now
            )
        )
        session.flush()
        _write(session, organisation, name, permissions)
        after = {"permissions": _told(permissions)}
        _record(session, organisation, name, "service.add", identity, now, None, after)


def permit(
    registry: Registry, organisation: str, name: str, permissions: Permissions, *, identity: str, now: datetime
) -> None:
    """Sets what a service may do, in place of what it might.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such service or permission.
    """
    _require_known(permissions)
    with registry.begin() as session:
        _authorise(session, identity, organisation, now, permissions)
        _find(session, organisation, name, now)
        before = access.service_permissions(session, organisation, name)
        _write(session, organisation, name, permissions)
        told = {"permissions": _told(before)}, {"permissions": _told(permissions)}
        _record(session, organisation, name, "service.permissions", identity, now, *told)


def enable(registry: Registry, organisation: str, name: str, *, is_enabled: bool, identity: str, now: datetime) -> None:
    """Enables or disables a service.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such service.
    """
    with registry.begin() as session:
        _authorise(session, identity, organisation, now, access.service_permissions(session, organisation, name))
        row = _find(session, organisation, name, now)
        told = {"enabled": row.is_enabled}, {"enabled": is_enabled}
        row.is_enabled = is_enabled
        _record(session, organisation, name, "service.enable", identity, now, *told)


def new_secret(
    registry: Registry, organisation: str, name: str, *, identity: str, now: datetime, ttl: timedelta = SECRET_TTL
) -> str:
    """Makes the secret by which programs act as a service; the one before works no longer.

    Args:
        registry: The registry.
        organisation: Whose service.
        name: Its name.
        identity: Who asks.
        now: Instant of the change.
        ttl: How long the secret works.

    Returns:
        The secret, which is kept nowhere: put it into a file or the environment of the program.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such service, or the secret would work for no time or for too long.
    """
    if not timedelta(0) < ttl <= LONGEST_TTL:
        raise PeopleError(f"A secret works for some time, and for {LONGEST_TTL.days} days at most.")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with registry.begin() as session:
        _authorise(session, identity, organisation, now, access.service_permissions(session, organisation, name))
        row = _find(session, organisation, name, now)
        row.secret_digest, row.secret_expires_at = digest(secret), now + ttl
        after = {"expires_at": row.secret_expires_at}
        _record(session, organisation, name, "service.secret", identity, now, None, after)
    return secret


def revoke_secret(registry: Registry, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Makes a service's secret work no longer; the service itself goes on.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such service, or it has no secret.
    """
    with registry.begin() as session:
        _authorise(session, identity, organisation, now, access.service_permissions(session, organisation, name))
        row = _find(session, organisation, name, now)
        if row.secret_digest is None:
            raise PeopleError(f"service:{name} has no secret.")
        row.secret_digest = row.secret_expires_at = None
        _record(session, organisation, name, "service.secret.revoke", identity, now, None, None)


def service_of(registry: Registry, secret: str, now: datetime) -> Service | None:
    """Which service a program acts as by its secret; read anew each time, so that changes hold at the next request.

    Args:
        registry: The registry.
        secret: What the program shows.
        now: Instant of the request.

    Returns:
        The service; ``None`` where the secret is that of none or has expired, or the service is disabled.
    """
    with registry.begin(readonly=True) as session:
        row = with_secret(session, secret)
        return _service(session, row) if row is not None and reason_against(row, now) is None else None


def with_secret(session: Session, secret: str) -> ServiceIdentity | None:
    """The row of the service that has a secret, whether or not it works."""
    return session.scalar(select(ServiceIdentity).where(ServiceIdentity.secret_digest == digest(secret)))


def reason_against(row: ServiceIdentity, now: datetime) -> str | None:
    """Why a service's secret does not work, for the audit log; ``None`` where it does."""
    if not row.is_enabled:
        return "disabled"
    return "expired" if row.secret_expires_at is not None and now >= row.secret_expires_at else None


def services(session: Session, organisation: str) -> list[Service]:
    """All service identities of an organisation, by name, the built-in ones among them."""
    rows = session.scalars(select(ServiceIdentity).where(ServiceIdentity.organisation == organisation)).all()
    found = {name: Service(organisation, name, None, True, granted) for name, granted in BUILT_IN.items()}
    found |= {row.name: _service(session, row) for row in rows}
    return [found[name] for name in sorted(found)]


def _service(session: Session, row: ServiceIdentity) -> Service:
    permissions = access.service_permissions(session, row.organisation, row.name)
    return Service(row.organisation, row.name, row.description, row.is_enabled, permissions, row.secret_expires_at)


def _authorise(session: Session, actor: str, organisation: str, now: datetime, permissions: Permissions) -> None:
    """Access control; and who is no administrator gives no service what an administrator alone may do."""
    access.authorise(session, actor, organisation, ACCESS_CONTROL, now)
    beyond = any(area == ACCESS_CONTROL for _, area in permissions)
    if beyond and not access.is_administrator(session, actor, organisation):
        raise Denied(f"Only an administrator lets a service control access; {actor} is none.")


def _require_known(permissions: Permissions) -> None:
    for service, area in permissions:
        if service not in SERVICES or area not in AREAS:
            known = f"services are {', '.join(SERVICES)}, areas {', '.join(AREAS)}"
            raise PeopleError(f"There is no permission {service}:{area}; {known}.")


def _find(session: Session, organisation: str, name: str, now: datetime) -> ServiceIdentity:
    """The row of a service; that of a built-in one is made when it is first changed."""
    row = session.get(ServiceIdentity, (organisation, name), with_for_update=True)
    if row is None and name in BUILT_IN:
        row = ServiceIdentity(organisation=organisation, name=name, is_enabled=True, created_at=now)
        session.add(row)
        session.flush()
        _write(session, organisation, name, BUILT_IN[name])
    if row is None:
        raise PeopleError(f"There is no service {name}; see 'meterhouse user service list'.")
    return row


def _write(session: Session, organisation: str, name: str, permissions: Permissions) -> None:
    table = ServicePermission
    session.execute(delete(table).where(table.organisation == organisation, table.name == name))
    session.add_all(
        table(organisation=organisation, name=name, service=service, area=area)
        for service, area in sorted(set(permissions))
    )
    session.flush()


def _told(permissions: Permissions) -> list[str]:
    return sorted(f"{service}:{area}" for service, area in permissions)


def _record(
    session: Session,
    organisation: str,
    name: str,
    event: str,
    identity: str,
    now: datetime,
    before: audit.Fields | None,
    after: audit.Fields | None,
) -> None:
    audit.record(
        session,
        organisation=organisation,
        event=event,
        identity=identity,
        now=now,
        target=f"service:{name}",
        before=before,
        after=after,
    )
