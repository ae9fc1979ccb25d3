"""What every way to an account shares: the row, who it belongs to, its password, its end."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry import audit
from registry.models import MeterGrant, User
from registry.people import passwords, tokens
from registry.people.access import roles_of
from registry.people.domains import domain_of, domains, set_domain
from registry.people.errors import PeopleError
from registry.people.locale import Locale
from registry.people.rights import KEYS, PORTAL, USER
from registry.people.roles import Roles, assign, end_all
from registry.people.sessions import end_sessions
from registry.vault import KeyVault

PERSONAL = ("email", "name")
_NAME_LENGTH = 200


def belongs(session: Session, organisation: str, email: str) -> bool:
    """Whether an address has one of the organisation's domains."""
    return domain_of(email) in domains(session, organisation)


def found_organisation(session: Session, organisation: str, email: str, identity: str, now: datetime) -> None:
    """Makes the domain of the first person that of the organisation, where none is set."""
    nobody = session.scalar(select(User.id).where(User.organisation == organisation).limit(1)) is None
    if nobody and not domains(session, organisation):
        set_domain(session, organisation, domain_of(email), is_allowed=True, identity=identity, now=now)


def make(
    session: Session,
    vault: KeyVault,
    organisation: str,
    *,
    email: str,
    name: str,
    locale: Locale,
    is_external: bool,
    event: str,
    identity: str | None,
    now: datetime,
) -> User:
    """Makes an account without roles and password.

    Args:
        session: A writing transaction.
        vault: Wraps the person's key of the audit log.
        organisation: Whose person.
        email: Address in small letters.
        name: Full name.
        locale: Language and number format.
        is_external: Whether the person belongs to another company.
        event: Type of the audit event.
        identity: Who makes it; ``None`` for the person.
        now: Instant of the change.

    Raises:
        PeopleError: The address has an account already, or the name is empty or too long.
    """
    user = User(
        organisation=organisation,
        email=email,
        name=full_name(name),
        language=locale.language,
        csv_delimiter=locale.csv_delimiter,
        thousands_separator=locale.thousands_separator,
        decimal_separator=locale.decimal_separator,
        is_external=is_external,
        is_enabled=True,
        must_change_password=False,
        created_at=now,
    )
    session.add(user)
    flush_email(session)
    audit.record(
        session,
        organisation=organisation,
        event=event,
        identity=identity or f"user:{user.id}",
        now=now,
        target=f"user:{user.id}",
        after={"external": is_external, "language": locale.language},
        personal=audit.PersonalChange(vault, f"user:{user.id}", after={"email": email, "name": user.name}),
    )
    return user


def full_name(text: str) -> str:
    """A full name as it is kept.

    Raises:
        PeopleError: It is empty or too long, or begins as a formula does.
    """
    name = " ".join(text.split())
    if not name or len(name) > _NAME_LENGTH:
        raise PeopleError(f"A full name has between 1 and {_NAME_LENGTH} characters.", "name_length", most=_NAME_LENGTH)
    if name[0] in "=+-@":  # a spreadsheet that opens a list of people would take it for a formula
        raise PeopleError("A full name begins with a letter.", "name_letter")
    return name


def name_of(session: Session, identity: str) -> str:
    """Full name of a person by identity, such as ``user:42``; empty for services and whoever is no more."""
    number = identity.removeprefix("user:")
    user = session.get(User, int(number)) if identity.startswith("user:") and number.isdecimal() else None
    return user.name or "" if user else ""


def flush_email(session: Session) -> None:
    """Writes accounts whose addresses may be taken.

    Raises:
        PeopleError: One is; the transaction is to be given up.
    """
    try:
        session.flush()
    except IntegrityError as exc:
        raise PeopleError("That e-mail address has an account already.", "taken") from exc.with_traceback(None)


def give_roles(session: Session, user: User, roles: Roles, identity: str, now: datetime) -> None:
    """Gives a new account its roles; everybody is at least a user of the portal."""
    for service, role in ({PORTAL: USER} | dict(roles)).items():
        assign(session, user, service, role, identity=identity, now=now)


def policy_for(roles: Roles) -> passwords.Policy:
    """The policy a person's password must meet: the stricter one for whoever has a role in the key service."""
    return passwords.KEYVAULT if KEYS in roles else passwords.BASIC


def check_password(session: Session, user: User, password: str) -> passwords.Policy:
    """Refuses a password that does not meet the person's policy.

    Raises:
        PasswordError: It does not.
    """
    policy = policy_for(roles_of(session, user.id))
    passwords.check(policy, password, name=user.name, email=user.email)
    return policy


def told(user: User, names: tuple[str, ...]) -> dict[str, Any]:
    """Fields of an account by name."""
    return {name: getattr(user, name) for name in names}


def empty(session: Session, user: User, identity: str, now: datetime) -> None:
    """Ends an account: its number stays, and nothing that tells who it was."""
    end_sessions(session, user.id)
    tokens.revoke(session, user.id, now)
    end_all(session, user, identity, now)
    grants = select(MeterGrant).where(MeterGrant.user_id == user.id, MeterGrant.revoked_at.is_(None))
    for grant in session.scalars(grants):
        grant.revoked_at = now
    user.email = user.name = user.password_hash = user.password_policy = None
    user.is_enabled, user.deleted_at = False, now
