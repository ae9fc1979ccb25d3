"""Mail domains whose people belong to an organisation; whoever has another address is invited as an external person."""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import AllowedDomain
from registry.people import access
from registry.people.errors import PeopleError
from registry.people.rights import ACCESS_CONTROL
from registry.store import Registry

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_EMAIL = re.compile(r"[^\s@\"<>(),:;\[\]\\]{1,64}@(?P<domain>\S+)")
_LONGEST = 254


def normal_email(text: str) -> str:
    """An e-mail address in small letters, which is how user names are compared.

    Raises:
        PeopleError: It is none; the message does not show it.
    """
    email = text.strip().lower()
    found = _EMAIL.fullmatch(email)
    if found is None or not _DOMAIN.fullmatch(found["domain"]) or len(email) > _LONGEST:
        raise PeopleError("That is no e-mail address, such as name@example.org.")
    return email


def domain_of(email: str) -> str:
    """The domain of an address."""
    return email.rpartition("@")[2]


def domains(session: Session, organisation: str) -> frozenset[str]:
    """The domains of an organisation."""
    return frozenset(session.scalars(select(AllowedDomain.domain).where(AllowedDomain.organisation == organisation)))


def allow(
    registry: Registry, organisation: str, domain: str, *, is_allowed: bool, identity: str, now: datetime
) -> None:
    """Adds a domain to those of an organisation, or takes it away.

    Raises:
        Denied: The actor may not.
        PeopleError: It is no domain.
    """
    domain = domain.strip().lower()
    if not _DOMAIN.fullmatch(domain):
        raise PeopleError(f"{domain!r} is no domain, such as example.org.")
    with registry.begin() as session:
        access.authorise(session, identity, organisation, ACCESS_CONTROL, now)
        set_domain(session, organisation, domain, is_allowed=is_allowed, identity=identity, now=now)


def set_domain(
    session: Session, organisation: str, domain: str, *, is_allowed: bool, identity: str, now: datetime
) -> None:
    """As :func:`allow`, within a transaction, for an actor who has been authorised."""
    row = session.get(AllowedDomain, (organisation, domain))
    if (row is not None) == is_allowed:
        return
    if row is None:
        session.add(AllowedDomain(organisation=organisation, domain=domain))
    else:
        session.delete(row)
    session.flush()
    audit.record(
        session,
        organisation=organisation,
        event="domain.allow" if is_allowed else "domain.remove",
        identity=identity,
        now=now,
        target=domain,
    )
