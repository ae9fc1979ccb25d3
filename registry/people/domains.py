"""Mail domains whose people belong to an organisation; whoever has another address is invited as an external person."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import AllowedDomain, DomainRequest
from registry.people import access
from registry.people.errors import Denied, PeopleError
from registry.people.rights import ACCESS_CONTROL, MANAGER
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
        raise PeopleError("That is no e-mail address, such as name@example.org.", "no_email")
    return email


def domain_of(email: str) -> str:
    """The domain of an address."""
    return email.rpartition("@")[2]


def domains(session: Session, organisation: str) -> frozenset[str]:
    """The domains of an organisation."""
    return frozenset(session.scalars(select(AllowedDomain.domain).where(AllowedDomain.organisation == organisation)))


@dataclass(frozen=True, slots=True)
class Asked:
    """A domain that waits for a second administrator.

    Attributes:
        domain: The domain.
        asked_by: Who asks for it.
        asked_at: When.
    """

    domain: str
    asked_by: str
    asked_at: datetime


def requests(session: Session, organisation: str) -> list[Asked]:
    """The domains of an organisation that wait for a second administrator, by name."""
    rows = session.scalars(
        select(DomainRequest).where(DomainRequest.organisation == organisation).order_by(DomainRequest.domain)
    )
    return [Asked(row.domain, row.asked_by, row.asked_at) for row in rows]


def allow(registry: Registry, organisation: str, domain: str, *, identity: str, now: datetime) -> bool:
    """Adds a domain to those of an organisation, or asks a second administrator to.

    Whoever has an address of the domain can make an account without invitation; so it takes two where there are two. An
    administrator who is the only one adds it alone, and the audit log says so.

    Returns:
        Whether the domain is one of the organisation's now; otherwise it waits, see :func:`confirm`.

    Raises:
        Denied: The actor may not.
        PeopleError: It is no domain.
    """
    domain = _normal(domain)
    with registry.begin() as session:
        access.authorise(session, identity, organisation, ACCESS_CONTROL, now)
        if session.get(AllowedDomain, (organisation, domain)) is not None:
            return True
        others = access.administrators(session, organisation) - {identity}
        is_owner = not identity.startswith("user:")
        alone = access.is_administrator(session, identity, organisation) and len(others) < (2 if is_owner else 1)
        if alone:
            _drop_request(session, organisation, domain)
            set_domain(
                session,
                organisation,
                domain,
                is_allowed=True,
                identity=identity,
                now=now,
                reason="no second administrator to confirm it",
            )
        elif session.get(DomainRequest, (organisation, domain)) is None:
            session.add(DomainRequest(organisation=organisation, domain=domain, asked_by=identity, asked_at=now))
            _record(session, organisation, "domain.request", identity, now, domain)
        return alone


def confirm(registry: Registry, organisation: str, domain: str, *, identity: str, now: datetime) -> None:
    """Adds a domain that somebody else asked for.

    Raises:
        Denied: The actor is no administrator, or asked for it.
        PeopleError: Nobody asked for it, or who did may not any more.
    """
    domain = _normal(domain)
    with registry.begin() as session:
        if not access.is_administrator(session, identity, organisation):
            raise Denied(f"Only an administrator confirms a domain; {identity} is none.")
        row = session.get(DomainRequest, (organisation, domain), with_for_update=True)
        if row is None:
            raise PeopleError(f"Nobody asks for the domain {domain}: see 'meterhouse user domain list'.")
        if row.asked_by == identity:
            raise Denied("A second administrator confirms a domain, not the one who asks for it.")
        if ACCESS_CONTROL not in access.areas(session, row.asked_by, organisation, now).get(MANAGER, frozenset()):
            raise PeopleError(f"{row.asked_by}, who asked for {domain}, may not any more: remove it, and ask anew.")
        details = {"asked_by": row.asked_by}
        session.delete(row)
        set_domain(session, organisation, domain, is_allowed=True, identity=identity, now=now, details=details)


def remove(registry: Registry, organisation: str, domain: str, *, identity: str, now: datetime) -> None:
    """Takes a domain away, or the request for one; accounts that exist stay.

    Raises:
        Denied: The actor may not.
        PeopleError: It is no domain.
    """
    domain = _normal(domain)
    with registry.begin() as session:
        access.authorise(session, identity, organisation, ACCESS_CONTROL, now)
        if _drop_request(session, organisation, domain):
            _record(session, organisation, "domain.request.remove", identity, now, domain)
        set_domain(session, organisation, domain, is_allowed=False, identity=identity, now=now)


def set_domain(
    session: Session,
    organisation: str,
    domain: str,
    *,
    is_allowed: bool,
    identity: str,
    now: datetime,
    reason: str | None = None,
    details: audit.Fields | None = None,
) -> None:
    """Adds a domain or takes it away, within a transaction, for an actor who has been authorised."""
    row = session.get(AllowedDomain, (organisation, domain))
    if (row is not None) == is_allowed:
        return
    if row is None:
        session.add(AllowedDomain(organisation=organisation, domain=domain))
    else:
        session.delete(row)
    event = "domain.allow" if is_allowed else "domain.remove"
    _record(session, organisation, event, identity, now, domain, reason, details)


def _drop_request(session: Session, organisation: str, domain: str) -> bool:
    row = session.get(DomainRequest, (organisation, domain), with_for_update=True)
    if row is not None:
        session.delete(row)
    return row is not None


def _normal(domain: str) -> str:
    domain = domain.strip().lower()
    if not _DOMAIN.fullmatch(domain):
        raise PeopleError(f"{domain!r} is no domain, such as example.org.")
    return domain


def _record(
    session: Session,
    organisation: str,
    event: str,
    identity: str,
    now: datetime,
    domain: str,
    reason: str | None = None,
    details: audit.Fields | None = None,
) -> None:
    session.flush()
    audit.record(
        session,
        organisation=organisation,
        event=event,
        identity=identity,
        now=now,
        target=domain,
        reason=reason,
        details=details,
    )
