"""Invitations: made, checked, perhaps confirmed by a second administrator, sent, taken, revoked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import Invitation, User
from registry.people import access, accounts, users
from registry.people.domains import normal_email
from registry.people.errors import Denied, PeopleError
from registry.people.letters import Letters
from registry.people.links import issue
from registry.people.locale import Locale
from registry.people.rights import ACCESS_CONTROL
from registry.people.roles import Roles, assign
from registry.people.tokens import INVITATION, TTL, Issued
from registry.store import Registry
from registry.vault import KeyVault

HELD = "held"
CREATED = "created"
SENT = "sent"
ACCEPTED = "accepted"
EXPIRED = "expired"
REVOKED = "revoked"

STATES = (HELD, CREATED, SENT, ACCEPTED, EXPIRED, REVOKED)
PENDING = (HELD, CREATED, SENT, EXPIRED)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation as it stands; what a person checks before it is sent.

    Attributes:
        invitation_id: Its number.
        user_id: The account that waits for it.
        email: Whom it goes to; empty once revoked.
        name: Full name; empty once revoked.
        language: Language of the letter.
        roles: Role by service.
        is_external: Whether the person belongs to another company.
        state: One of :data:`STATES`.
        created_at: When it was made.
        created_by: By whom.
        confirmed_by: Who confirmed an address of another domain.
        sent_at: When it was last sent.
        expires_at: Until when its link works.
        accepted_at: When it was taken.
    """

    invitation_id: int
    user_id: int
    email: str
    name: str
    language: str
    roles: Roles
    is_external: bool
    state: str
    created_at: datetime
    created_by: str
    confirmed_by: str | None
    sent_at: datetime | None
    expires_at: datetime | None
    accepted_at: datetime | None


def create(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    *,
    email: str,
    name: str,
    roles: Roles,
    locale: Locale,
    is_external: bool | None = None,
    identity: str,
    now: datetime,
) -> int:
    """Makes an invitation; nothing is sent yet.

    An address of none of the organisation's domains holds it until a second administrator confirms.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose person.
        email: E-mail address.
        name: Full name.
        roles: Role by service; external people hold the role ``user`` alone.
        locale: Language and number format.
        is_external: Whether the person belongs to another company; by default, whether the address does.
        identity: Who asks.
        now: Instant of the change.

    Returns:
        Number of the invitation.

    Raises:
        Denied: The actor may not.
        PeopleError: The address is none or taken, or there is no such role.
    """
    email = normal_email(email)
    with registry.begin() as session:
        access.authorise(session, identity, organisation, ACCESS_CONTROL, now)
        for role in roles.values():
            access.authorise_role(session, identity, organisation, role)
        accounts.found_organisation(session, organisation, email, identity, now)
        ours = accounts.belongs(session, organisation, email)
        user = accounts.make(
            session,
            vault,
            organisation,
            email=email,
            name=name,
            locale=locale,
            is_external=not ours if is_external is None else is_external,
            event="user.invite",
            identity=identity,
            now=now,
        )
        accounts.give_roles(session, user, roles, identity, now)
        row = Invitation(
            organisation=organisation, user_id=user.id, created_at=now, created_by=identity, is_held=not ours
        )
        session.add(row)
        session.flush()
        if row.is_held:
            _record(session, row, "invitation.hold", identity, now)
        return row.id


def confirm(registry: Registry, organisation: str, invitation_id: int, *, identity: str, now: datetime) -> None:
    """Confirms an invitation to an address of another domain.

    Raises:
        Denied: The actor is no administrator, or made the invitation.
        PeopleError: There is no such invitation, or it is not held.
    """
    with registry.begin() as session:
        row = _find(session, organisation, invitation_id)
        if not access.is_administrator(session, identity, organisation):
            raise Denied(f"Only an administrator confirms an invitation; {identity} is none.")
        if identity == row.created_by:
            raise Denied("A second administrator confirms an invitation to another domain, not the one who made it.")
        if state_of(row, now) != HELD:
            raise PeopleError(f"Invitation {invitation_id} is {state_of(row, now)}: there is nothing to confirm.")
        row.is_held, row.confirmed_at, row.confirmed_by = False, now, identity
        _record(session, row, "invitation.confirm", identity, now)


def send(
    registry: Registry,
    organisation: str,
    invitation_id: int,
    *,
    identity: str,
    now: datetime,
    ttl: timedelta = TTL,
    letters: Letters | None = None,
) -> Issued:
    """Makes the link of an invitation; one that was sent before works no longer.

    Args:
        registry: The registry.
        organisation: Whose invitation.
        invitation_id: Which.
        identity: Who asks.
        now: Instant of sending.
        ttl: How long the link works.
        letters: How the link is sent; ``None`` where the caller hands it over.

    Returns:
        What is to be sent.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such invitation, or it is held, accepted or revoked.
    """
    if ttl <= timedelta(0):
        raise PeopleError("An invitation must be valid for some time.")
    with registry.begin() as session:
        row = _pending(session, organisation, invitation_id, now)
        if row.is_held:
            raise PeopleError(
                f"Invitation {invitation_id} goes to another domain: a second administrator must confirm it first."
            )
        user = _authorised(session, row, identity, now)
        issued = issue(session, user, INVITATION, now, ttl, identity=identity, letters=letters)
        row.sent_at, row.expires_at = now, issued.expires_at
        return issued


def edit(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    invitation_id: int,
    *,
    changes: Mapping[str, object],
    roles: Mapping[str, str | None],
    identity: str,
    now: datetime,
) -> None:
    """Changes a pending invitation. A link that was sent to another address works no longer.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose invitation.
        invitation_id: Which.
        changes: New values of the account by name.
        roles: New role by service; ``None`` for no access.
        identity: Who asks.
        now: Instant of the change.

    Raises:
        Denied: The actor may not.
        PeopleError: It is not pending any more, or a value does not hold.
    """
    with registry.begin() as session:
        row = _pending(session, organisation, invitation_id, now)
        user = _authorised(session, row, identity, now)
        before = user.email
        if "email" in changes:
            ours = accounts.belongs(session, organisation, normal_email(str(changes["email"])))
            changes = {"is_external": user.is_external or not ours} | dict(changes)
        users.write(session, vault, user, changes, identity=identity, now=now)
        for service, role in roles.items():
            access.authorise_role(session, identity, organisation, role)
            assign(session, user, service, role, identity=identity, now=now)
        if user.email != before:
            row.is_held = not accounts.belongs(session, organisation, user.email or "")
            row.created_by = identity  # who named the address is not who confirms it
            row.confirmed_at = row.confirmed_by = row.sent_at = row.expires_at = None
            if row.is_held:
                _record(session, row, "invitation.hold", identity, now)


def revoke(registry: Registry, organisation: str, invitation_id: int, *, identity: str, now: datetime) -> None:
    """Revokes a pending invitation: its link works no longer, its account is deleted.

    Raises:
        Denied: The actor may not.
        PeopleError: It is not pending any more.
    """
    with registry.begin() as session:
        row = _pending(session, organisation, invitation_id, now)
        user = _authorised(session, row, identity, now)
        accounts.empty(session, user, identity, now)
        row.revoked_at = now
        _record(session, row, "invitation.revoke", identity, now)


def invitations(session: Session, organisation: str, now: datetime) -> list[Invited]:
    """All invitations of an organisation, the newest first."""
    statement = (
        select(Invitation, User)
        .join(User, User.id == Invitation.user_id)
        .where(Invitation.organisation == organisation)
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
    )
    return [_invited(session, row, user, now) for row, user in session.execute(statement).all()]


def preview(session: Session, organisation: str, invitation_id: int, now: datetime) -> Invited:
    """One invitation, to be checked before it is sent.

    Raises:
        PeopleError: There is no such invitation.
    """
    row = _find(session, organisation, invitation_id, is_locked=False)
    return _invited(session, row, session.get_one(User, row.user_id), now)


def state_of(row: Invitation, now: datetime) -> str:
    """How an invitation stands."""
    if row.revoked_at is not None:
        return REVOKED
    if row.accepted_at is not None:
        return ACCEPTED
    if row.is_held:
        return HELD
    if row.sent_at is None or row.expires_at is None:
        return CREATED
    return SENT if now < row.expires_at else EXPIRED


def _invited(session: Session, row: Invitation, user: User, now: datetime) -> Invited:
    return Invited(
        invitation_id=row.id,
        user_id=row.user_id,
        email=user.email or "",
        name=user.name or "",
        language=user.language,
        roles=access.roles_of(session, user.id),
        is_external=user.is_external,
        state=state_of(row, now),
        created_at=row.created_at,
        created_by=row.created_by,
        confirmed_by=row.confirmed_by,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
    )


def _find(session: Session, organisation: str, invitation_id: int, *, is_locked: bool = True) -> Invitation:
    row = session.get(Invitation, invitation_id, with_for_update=is_locked)
    if row is None or row.organisation != organisation:
        raise PeopleError(f"There is no invitation {invitation_id}; see 'meterhouse user invitation list'.")
    return row


def _pending(session: Session, organisation: str, invitation_id: int, now: datetime) -> Invitation:
    row = _find(session, organisation, invitation_id)
    state = state_of(row, now)
    if state not in PENDING:
        raise PeopleError(f"Invitation {invitation_id} is {state}: only a pending one can be changed or sent.")
    return row


def _authorised(session: Session, row: Invitation, identity: str, now: datetime) -> User:
    user = session.get_one(User, row.user_id, with_for_update=True)
    access.authorise_for(session, identity, user, now)
    return user


def _record(session: Session, row: Invitation, event: str, identity: str, now: datetime) -> None:
    audit.record(
        session,
        organisation=row.organisation,
        event=event,
        identity=identity,
        now=now,
        target=f"user:{row.user_id}",
        details={"invitation": row.id},
    )
