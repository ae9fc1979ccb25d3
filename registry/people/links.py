"""What links do: activate an account that somebody made for themselves, take an invitation, set a new password."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import Invitation, User
from registry.people import access, accounts, passwords, throttle, tokens
from registry.people.domains import normal_email
from registry.people.errors import PeopleError, ThrottledError, TokenError
from registry.people.letters import Letters
from registry.people.locale import Locale
from registry.people.roles import appoint_first, person
from registry.people.sessions import end_sessions
from registry.people.tokens import ACTIVATION, INVITATION, RESET, TTL, Issued
from registry.store import Registry
from registry.vault import KeyVault

_RESETS = 5
"""Links that one person is sent per hour at most."""


def admit(registry: Registry, address: str, now: datetime) -> None:
    """Counts a letter that somebody asks for without an account.

    Args:
        registry: The registry.
        address: Network address of who asks.
        now: Instant of the request.

    Raises:
        ThrottledError: They were too many from there.
    """
    with registry.begin() as session:
        is_locked = throttle.count(session, f"letters:{throttle.address_key(address)}"[:128], throttle.LETTERS, now)
    if is_locked:
        raise ThrottledError("Too many letters were asked for from here: wait a while, then try again.", "letters")


def require_own(registry: Registry, organisation: str, email: str, name: str) -> None:
    """Refuses an account that nobody may make for themselves, before it is looked up whether there is one.

    Raises:
        PeopleError: The address is none, or of another domain; or the name is none.
    """
    with registry.begin(readonly=True) as session:
        _require_own(session, organisation, normal_email(email), name)


def _require_own(session: Session, organisation: str, email: str, name: str) -> None:
    accounts.full_name(name)
    if not accounts.belongs(session, organisation, email):
        raise PeopleError(
            "The address is of none of the organisation's domains: ask for an invitation.", "other_domain"
        )


def register(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    *,
    email: str,
    name: str,
    locale: Locale,
    now: datetime,
    ttl: timedelta = TTL,
    letters: Letters | None = None,
) -> Issued | None:
    """Makes an account for the person who asks; the link sent to the address activates it.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose person.
        email: E-mail address of one of the organisation's domains.
        name: Full name.
        locale: Language and number format.
        now: Instant of the request.
        ttl: How long the link works.
        letters: How the link is sent; ``None`` where the caller hands it over.

    Returns:
        What is to be sent; ``None`` where the address has an account already, which is not to be shown to who asks.

    Raises:
        PeopleError: The address is none, or of another domain.
    """
    email = normal_email(email)
    with registry.begin() as session:
        _require_own(session, organisation, email, name)
        if session.scalar(select(User.id).where(User.email == email)) is not None:
            return None
        user = accounts.make(
            session,
            vault,
            organisation,
            email=email,
            name=name,
            locale=locale,
            is_external=False,
            event="user.register",
            identity=None,
            now=now,
        )
        accounts.give_roles(session, user, {}, f"user:{user.id}", now)
        return issue(session, user, ACTIVATION, now, ttl, letters=letters)


def request_reset(
    registry: Registry, email: str, *, now: datetime, ttl: timedelta = TTL, letters: Letters | None = None
) -> Issued | None:
    """Makes a link by which a person who forgot the password, or let the activation link expire, sets a new one.

    Args:
        registry: The registry.
        email: E-mail address.
        now: Instant of the request.
        ttl: How long the link works.
        letters: How the link is sent; ``None`` where the caller hands it over.

    Returns:
        What is to be sent; ``None`` where there is nobody to send it to, which is not to be shown to who asks.
    """
    with registry.begin() as session:
        user = session.scalar(select(User).where(User.email == email.strip().lower()).with_for_update())
        if user is None or not user.is_enabled or _is_invited(session, user):
            return None
        if tokens.issued_since(session, user.id, now - timedelta(hours=1)) >= _RESETS:
            return None
        purpose = RESET if user.activated_at else ACTIVATION
        return issue(session, user, purpose, now, ttl, identity="service:sign-in", letters=letters)


def reset_password(
    registry: Registry,
    organisation: str,
    user_id: int,
    *,
    identity: str,
    now: datetime,
    ttl: timedelta = TTL,
    letters: Letters | None = None,
) -> Issued:
    """Makes a link by which a person sets a new password, at an administrator's wish; the old one works until then.

    Raises:
        Denied: The actor may not.
        PeopleError: There is no such account, it is disabled, or its invitation is pending.
    """
    with registry.begin() as session:
        user = person(session, organisation, user_id)
        access.authorise_for(session, identity, user, now)
        if not user.is_enabled:
            raise PeopleError(f"user:{user_id} is disabled: enable the account first.")
        if _is_invited(session, user):
            raise PeopleError(f"user:{user_id} has not taken the invitation yet: send it again.")
        purpose = RESET if user.activated_at else ACTIVATION
        return issue(session, user, purpose, now, ttl, identity=identity, letters=letters)


def accept(registry: Registry, token: str, password: str, *, now: datetime) -> int:
    """Takes a link: the password is set, the account is active, all its other links and sessions end.

    Args:
        registry: The registry.
        token: What the link carried.
        password: Password from now on.
        now: Instant of the change.

    Returns:
        Number of the account.

    Raises:
        TokenError: The link is unknown, used, expired or revoked.
        PasswordError: The password does not meet its policy; the link still works.
    """
    with registry.begin(readonly=True) as session:
        tokens.check(session, token, now)  # first, since whoever has no link is not worth the next line
    kept = passwords.derive(password)  # outside the transaction: it takes a while
    with registry.begin() as session:
        spent = tokens.spend(session, token, now)
        user = session.get_one(User, spent.user_id, with_for_update=True)
        if not user.is_enabled or user.deleted_at is not None:
            raise TokenError("The account is disabled: ask an administrator.", "disabled")
        purpose = spent.purpose
        if user.activated_at is None:
            user.activated_at = now
            if purpose == INVITATION:  # whoever made the account alone is nobody's choice
                appoint_first(session, user, now)
            _note_acceptance(session, user, now)
        user.password_policy = accounts.check_password(session, user, password).name
        user.password_hash = kept
        user.must_change_password = False
        tokens.revoke(session, user.id, now)
        end_sessions(session, user.id)
        throttle.forgive(session, throttle.account_key(user.id))
        audit.record(
            session,
            organisation=user.organisation,
            event=f"user.{purpose}.accept",
            identity=f"user:{user.id}",
            now=now,
            target=f"user:{user.id}",
        )
        return user.id


def issue(
    session: Session,
    user: User,
    purpose: str,
    now: datetime,
    ttl: timedelta,
    *,
    identity: str | None = None,
    letters: Letters | None = None,
) -> Issued:
    """Makes a link for an account, within a transaction, and notes that in the audit log.

    Args:
        session: A writing transaction.
        user: Whom it is for.
        purpose: What it is for.
        now: Instant of issue.
        ttl: How long it works.
        identity: Who asks; ``None`` for the person.
        letters: How it is sent; ``None`` where the caller hands it over.
    """
    token, expires_at = tokens.issue(session, user.organisation, user.id, purpose, now, ttl)
    audit.record(
        session,
        organisation=user.organisation,
        event=f"user.{purpose}.send",
        identity=identity or f"user:{user.id}",
        now=now,
        target=f"user:{user.id}",
        details={"expires_at": expires_at},
    )
    issued = Issued(
        token=token,
        purpose=purpose,
        user_id=user.id,
        email=user.email or "",
        name=user.name or "",
        language=user.language,
        expires_at=expires_at,
    )
    if letters:
        letters.send(session, user.organisation, issued, now, accounts.name_of(session, identity or ""))
    return issued


def _is_invited(session: Session, user: User) -> bool:
    statement = select(Invitation.id).where(Invitation.user_id == user.id).limit(1)
    return user.activated_at is None and session.scalar(statement) is not None


def _note_acceptance(session: Session, user: User, now: datetime) -> None:
    for invitation in session.scalars(select(Invitation).where(Invitation.user_id == user.id)):
        invitation.accepted_at = now
