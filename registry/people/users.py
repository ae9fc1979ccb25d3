"""Accounts of people: adding, listing, changing, disabling, deleting."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, subjects
from registry.models import User, UserRole
from registry.people import access, accounts, passwords, throttle, tokens
from registry.people.domains import normal_email
from registry.people.errors import PasswordError, PeopleError, SignInError
from registry.people.locale import Locale
from registry.people.rights import ACCESS_CONTROL, ADMINISTRATOR, SUPERUSER
from registry.people.roles import Roles, appoint_first, person, require_another_administrator
from registry.people.sessions import end_sessions, may_sign_in
from registry.store import Registry
from registry.vault import KeyVault

OWN = ("name", "language", "csv_delimiter", "thousands_separator", "decimal_separator")
"""What people change of their own accounts."""

CHANGEABLE = ("email", *OWN, "is_external")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as administrators see it.

    Attributes:
        user_id: Its number.
        organisation: Whose person.
        email: E-mail address, which is the user name.
        name: Full name.
        roles: Role by service.
        locale: Language and number format.
        is_external: Whether the person belongs to another company.
        state: ``active``, ``disabled`` or ``pending`` (no password yet).
        must_change_password: Whether the password must be changed first.
        latest_login_at: When the person last signed in.
    """

    user_id: int
    organisation: str
    email: str
    name: str
    roles: Roles
    locale: Locale
    is_external: bool
    state: str
    must_change_password: bool
    latest_login_at: datetime | None


def add(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    *,
    email: str,
    name: str,
    password: str,
    roles: Roles,
    locale: Locale,
    identity: str,
    now: datetime,
) -> int:
    """Makes an account with a first password, which the person must change at the first sign-in.

    The first person of an organisation becomes its administrator, with the strictest password policy.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose person.
        email: E-mail address, which is the user name; of one of the organisation's domains.
        name: Full name.
        password: First password.
        roles: Role by service.
        locale: Language and number format.
        identity: Who asks.
        now: Instant of the change.

    Returns:
        Number of the account.

    Raises:
        Denied: The actor may not.
        PasswordError: The password does not meet its policy.
        PeopleError: The address is none, taken, or of another domain.
    """
    email = normal_email(email)
    kept = passwords.derive(password)  # outside the transaction: it takes a while
    with registry.begin() as session:
        access.authorise(session, identity, organisation, ACCESS_CONTROL, now)
        for role in roles.values():
            access.authorise_role(session, identity, organisation, role)
        accounts.found_organisation(session, organisation, email, identity, now)
        if not accounts.belongs(session, organisation, email):
            raise PeopleError(
                "The address is of none of the organisation's domains: invite its owner, and another administrator "
                "confirms; or allow the domain first."
            )
        user = accounts.make(
            session,
            vault,
            organisation,
            email=email,
            name=name,
            locale=locale,
            is_external=False,
            event="user.add",
            identity=identity,
            now=now,
        )
        accounts.give_roles(session, user, roles, identity, now)
        user.activated_at = now
        appoint_first(session, user, now)
        user.password_policy = accounts.check_password(session, user, password).name
        user.password_hash = kept
        user.must_change_password = True
        return user.id


def find(
    session: Session,
    organisations: Collection[str],
    *,
    name: str = "",
    email: str = "",
    role: str = "",
    is_external: bool | None = None,
) -> list[Account]:
    """Accounts by name.

    Args:
        session: A transaction.
        organisations: Whose people.
        name: Part of the name, in any case.
        email: Part of the address, in any case.
        role: A role held in some service, such as ``superuser``, or in one, such as ``keys=superuser``.
        is_external: External people alone, or those of the organisation alone.

    Returns:
        The accounts.
    """
    statement = select(User).where(User.organisation.in_(organisations), User.deleted_at.is_(None))
    users = session.scalars(statement.order_by(User.name, User.id)).all()
    roles: dict[int, dict[str, str]] = {}
    held = select(UserRole).where(UserRole.organisation.in_(organisations), UserRole.ended_at.is_(None))
    for row in session.scalars(held.order_by(UserRole.service)):
        roles.setdefault(row.user_id, {})[row.service] = row.role
    found = [_account(user, roles.get(user.id, {})) for user in users]
    return [
        account
        for account in found
        if name.casefold() in account.name.casefold()
        and email.casefold() in account.email
        and (not role or role in {*account.roles.values(), *(f"{at}={held}" for at, held in account.roles.items())})
        and is_external in (None, account.is_external)
    ]


def account_of(session: Session, organisation: str, who: str) -> Account:
    """One account, by e-mail address or number.

    Raises:
        PeopleError: The organisation has no such account; the message does not show an address.
    """
    statement = select(User).where(User.organisation == organisation, User.deleted_at.is_(None))
    number = who.removeprefix("user:")
    if number.isascii() and number.isdecimal():
        user = session.scalar(statement.where(User.id == int(number)))
    else:
        user = session.scalar(statement.where(User.email == who.strip().lower()))
    if user is None:
        raise PeopleError("There is no such account; see 'meterhouse user list'.")
    return _account(user, access.roles_of(session, user.id))


def who_can_help(session: Session, organisation: str) -> list[str]:
    """Names of the superusers and administrators whom people of the organisation may ask; may be empty."""
    rows = session.scalars(
        select(User)
        .join(UserRole, UserRole.user_id == User.id)
        .where(
            User.organisation == organisation,
            UserRole.ended_at.is_(None),
            UserRole.role.in_((SUPERUSER, ADMINISTRATOR)),
        )
        .distinct()
    )
    return sorted(user.name for user in rows if user.name and may_sign_in(user))


def edit(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    user_id: int,
    changes: Mapping[str, object],
    *,
    identity: str,
    now: datetime,
) -> None:
    """Changes fields of an account.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose person.
        user_id: The account.
        changes: New values by name, out of :data:`CHANGEABLE`; people change :data:`OWN` of their own accounts.
        identity: Who asks.
        now: Instant of the change.

    Raises:
        Denied: The actor may not.
        PeopleError: A value does not hold.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        own = identity == f"user:{user_id}" and set(changes) <= set(OWN) and may_sign_in(user)
        if not own:
            access.authorise_for(session, identity, user, now)
        if "email" in changes and not accounts.belongs(session, organisation, normal_email(str(changes["email"]))):
            # Otherwise an account that was confirmed could be turned into that of anybody.
            raise PeopleError("The address is of none of the organisation's domains: invite its owner instead.")
        write(session, vault, user, changes, identity=identity, now=now)


def write(
    session: Session, vault: KeyVault, user: User, changes: Mapping[str, object], *, identity: str, now: datetime
) -> None:
    """As :func:`edit`, within a transaction, for an actor who has been authorised."""
    if unknown := set(changes) - set(CHANGEABLE):
        raise PeopleError(f"An account has no {', '.join(sorted(unknown))} to change.")
    values = dict(changes)
    if "email" in values:
        values["email"] = normal_email(str(values["email"]))
    if "name" in values:
        values["name"] = accounts.full_name(str(values["name"]))
    names = tuple(name for name in CHANGEABLE if name in values and values[name] != getattr(user, name))
    if not names:
        return
    before = accounts.told(user, names)
    for name in names:
        setattr(user, name, values[name])
    locale_of(user)  # refuses what does not hold
    if user.is_external and {SUPERUSER, ADMINISTRATOR} & set(access.roles_of(session, user.id).values()):
        raise PeopleError("External people hold the role user alone: take the higher roles away first.")
    accounts.flush_email(session)
    after = accounts.told(user, names)
    if "email" in names:
        tokens.revoke(session, user.id, now)  # links that went to the old address
    personal = [name for name in names if name in accounts.PERSONAL]
    told = [{name: value for name, value in side.items() if name not in personal} for side in (before, after)]
    hidden = [{name: side[name] for name in personal} for side in (before, after)]
    audit.record(
        session,
        organisation=user.organisation,
        event="user.edit",
        identity=identity,
        now=now,
        target=f"user:{user.id}",
        before=told[0],
        after=told[1],
        details={"fields": list(names)},
        personal=audit.PersonalChange(vault, f"user:{user.id}", *hidden) if personal else None,
    )


def change_password(
    registry: Registry, user_id: int, old: str, new: str, *, now: datetime, keep: str | None = None
) -> None:
    """Changes the password of a person who is signed in; all other sessions of that person end.

    Args:
        registry: The registry.
        user_id: The account.
        old: Password until now.
        new: Password from now on.
        now: Instant of the change.
        keep: Token of the session that goes on.

    Raises:
        SignInError: The old password is wrong, or too many have been.
        PasswordError: The new one does not meet its policy, or is the old one.
    """
    key = throttle.account_key(user_id)
    with registry.begin() as session:
        locked = throttle.count(session, key, throttle.ACCOUNT, now)
        user = session.get(User, user_id)
        kept = user.password_hash if user is not None and may_sign_in(user) else None
    if not passwords.verify(old, kept) or locked:
        with registry.begin() as session:
            if user is not None:
                _record(session, user, "user.password.failed", f"user:{user_id}", now)
        raise SignInError
    with registry.begin() as session:
        throttle.forgive(session, key)  # for itself: a new password that is too weak undoes what follows
    if old == new:
        raise PasswordError("The new password must differ from the old one.", "same_password")
    derived = passwords.derive(new)
    with registry.begin() as session:
        user = session.get_one(User, user_id, with_for_update=True)
        if user.password_hash != kept or not may_sign_in(user):
            raise SignInError
        user.password_policy = accounts.check_password(session, user, new).name
        user.password_hash = derived
        user.must_change_password = False
        tokens.revoke(session, user_id, now)
        end_sessions(session, user_id, but=keep)
        _record(session, user, "user.password", f"user:{user_id}", now)


def set_enabled(
    registry: Registry, organisation: str, user_id: int, *, is_enabled: bool, identity: str, now: datetime
) -> None:
    """Enables or disables an account; a disabled one has no sessions and no valid links.

    Raises:
        Denied: The actor may not.
        PeopleError: It is that of the last administrator.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        if user.is_enabled == is_enabled:
            return
        if not is_enabled:
            require_another_administrator(session, user)
            end_sessions(session, user_id)
            tokens.revoke(session, user_id, now)
        user.is_enabled = is_enabled
        _record(session, user, "user.enable" if is_enabled else "user.disable", identity, now)


def revoke_sessions(registry: Registry, organisation: str, user_id: int, *, identity: str, now: datetime) -> int:
    """Ends all sessions of a person.

    Args:
        registry: The registry.
        organisation: Whose person.
        user_id: The account.
        identity: Who asks.
        now: Instant of the revocation.

    Returns:
        How many sessions ended.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such account.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        ended = end_sessions(session, user_id)
        if ended:
            audit.record(
                session,
                organisation=organisation,
                event="user.sessions.revoke",
                identity=identity,
                now=now,
                target=f"user:{user_id}",
                details={"sessions": ended},
            )
    return ended


def delete(
    registry: Registry, organisation: str, user_id: int, *, identity: str, now: datetime, is_erased: bool = False
) -> None:
    """Deletes an account: its number and history stay, name and address go.

    Args:
        registry: The registry.
        organisation: Whose person.
        user_id: The account.
        identity: Who asks.
        now: Instant of the change.
        is_erased: Whether the audit log forgets, too, who that was.

    Raises:
        Denied: The actor may not.
        PeopleError: It is that of the last administrator.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        require_another_administrator(session, user)
        accounts.empty(session, user, identity, now)
        if is_erased:
            subjects.destroy(session, organisation, f"user:{user_id}")
        _record(session, user, "user.erase" if is_erased else "user.delete", identity, now)


def locale_of(user: User) -> Locale:
    """Language and number format of an account."""
    return Locale(user.language, user.csv_delimiter, user.thousands_separator, user.decimal_separator)


def _account(user: User, roles: Roles) -> Account:
    state = "disabled" if not user.is_enabled else "active" if user.activated_at else "pending"
    return Account(
        user_id=user.id,
        organisation=user.organisation,
        email=user.email or "",
        name=user.name or "",
        roles=roles,
        locale=locale_of(user),
        is_external=user.is_external,
        state=state,
        must_change_password=user.must_change_password,
        latest_login_at=user.latest_login_at,
    )


def _record(session: Session, user: User, event: str, identity: str, now: datetime) -> None:
    audit.record(
        session, organisation=user.organisation, event=event, identity=identity, now=now, target=f"user:{user.id}"
    )
