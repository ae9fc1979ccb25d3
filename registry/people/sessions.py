"""Server-side sessions: who is signed in, until when, and how to end that.

A browser holds an opaque random token; the registry keeps its SHA-256. A session ends when it is idle or old, by
signing out, by revocation, and when its person is disabled or deleted.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import User, UserRole, UserSession
from registry.people import passwords, throttle
from registry.people.errors import SignInError
from registry.people.tokens import digest
from registry.store import Registry

IDLE = timedelta(minutes=30)
"""A session without a request for so long has ended."""

ABSOLUTE = timedelta(hours=12)
"""A session this old has ended."""

_TOUCH = timedelta(minutes=1)
_TOKEN_BYTES = 32

T = TypeVar("T")

SIGN_IN_SERVICE = "service:sign-in"
"""Who acts while it is not known which person does."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in.

    Attributes:
        user_id: The account.
        organisation: Whose person.
        email: E-mail address, which is the user name.
        name: Full name.
        language: Two letters, such as ``en``.
        roles: Role by service.
        must_change_password: Whether nothing but the change of the password is allowed.
        is_external: Whether the person belongs to another company.
        csrf: Secret of this session that its forms carry.
    """

    user_id: int
    organisation: str
    email: str
    name: str
    language: str
    roles: Mapping[str, str]
    must_change_password: bool
    is_external: bool
    csrf: str

    @property
    def identity(self) -> str:
        """How audit events and authorisation name the person."""
        return f"user:{self.user_id}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has begun.

    Attributes:
        token: What the browser keeps; never stored here.
        user: Who signed in.
    """

    token: str
    user: Person

    def __repr__(self) -> str:
        return f"SignedIn(user=user:{self.user.user_id})"


def sign_in(registry: Registry, email: str, password: str, *, address: str, now: datetime) -> SignedIn:
    """Signs a person in with a password.

    Args:
        registry: The registry.
        email: User name, in any case.
        password: Password.
        address: Network address the attempt comes from.
        now: Instant of the attempt.

    Returns:
        The session.

    Raises:
        SignInError: It failed, for whatever reason; what that was stands in the audit log.
    """

    def begin(session: Session, user: User) -> SignedIn:
        return _begin(session, user, address, now, "password")

    return _with_password(registry, email, password, begin, address=address, now=now)


def prove(registry: Registry, email: str, password: str, *, address: str, now: datetime) -> None:
    """Proves by a password who acts in a single command; counted and written down as a sign-in, but no session begins.

    Args:
        registry: The registry.
        email: User name, in any case.
        password: Password.
        address: Where the attempt comes from.
        now: Instant of the attempt.

    Raises:
        SignInError: As of :func:`sign_in`.
    """

    def note(session: Session, user: User) -> None:
        _note(session, user, address, now, "command")

    _with_password(registry, email, password, note, address=address, now=now)


def _with_password(
    registry: Registry,
    email: str,
    password: str,
    then: Callable[[Session, User], T],
    *,
    address: str,
    now: datetime,
) -> T:
    """Does something for who has shown the password, in the transaction that forgives the failures before."""
    place = throttle.address_key(address)
    with registry.begin() as session:
        if throttle.count(session, place, throttle.ADDRESS, now):
            raise SignInError
        user = session.scalar(select(User).where(User.email == email.strip().lower()))
        account = throttle.account_key(user.id) if user else None
        locked = account is not None and throttle.count(session, account, throttle.ACCOUNT, now)
        kept = user.password_hash if user else None
    fits = passwords.verify(password, kept)  # outside a transaction: it takes a while, and would keep writers waiting
    with registry.begin() as session:
        user = session.get(User, user.id, with_for_update=True) if user else None
        if user is None or account is None:
            reason = "unknown account"
        elif locked:
            reason = "locked"
        elif not fits or user.password_hash != kept:
            reason = "wrong password"
        elif not may_sign_in(user):
            reason = "disabled"
        else:
            throttle.forgive(session, account)
            throttle.forgive_one(session, place, throttle.ADDRESS)
            throttle.clear(session, now)
            return then(session, user)
        _failed(session, user, reason, address, now)
        for key in (None if locked else account, place):
            _tell_lockout(session, user, key, address, now)
    raise SignInError


def open_session(registry: Registry, user_id: int, *, address: str, now: datetime) -> SignedIn:
    """Signs in a person whom an identity provider vouches for.

    Args:
        registry: The registry.
        user_id: The account.
        address: Network address the person comes from.
        now: Instant of the sign-in.

    Returns:
        The session.

    Raises:
        SignInError: There is no such account, or it is disabled.
    """
    with registry.begin() as session:
        user = session.get(User, user_id, with_for_update=True)
        if user is not None and may_sign_in(user):
            return _begin(session, user, address, now, "identity provider")
        _failed(session, user, "disabled" if user else "unknown account", address, now)
    raise SignInError


def session_of(
    registry: Registry, token: str, now: datetime, *, idle: timedelta = IDLE, absolute: timedelta = ABSOLUTE
) -> Person | None:
    """Whose session a token is of; read from the database each time, so that changes hold at the next request.

    Args:
        registry: The registry.
        token: What the browser sent.
        now: Instant of the request; noted at most once a minute.
        idle: Longest time between two requests.
        absolute: Longest time from the sign-in on.

    Returns:
        The person; ``None`` where the session has ended or never was, or the account is disabled.
    """
    with registry.begin(readonly=True) as session:
        row = session.get(UserSession, digest(token))
        if row is None or now - row.last_seen_at > idle or now - row.created_at > absolute:
            return None
        user = session.get(User, row.user_id)
        if user is None or not may_sign_in(user):
            return None
        person = _person(session, user, token)
    if now - row.last_seen_at >= _TOUCH:
        with registry.begin() as session:
            current = session.get(UserSession, row.digest)
            if current is not None:
                current.last_seen_at = now
    return person


def sign_out(registry: Registry, token: str, now: datetime) -> None:
    """Ends a session; nothing happens where there is none."""
    with registry.begin() as session:
        row = session.get(UserSession, digest(token))
        if row is not None:
            session.delete(row)
            audit.record(
                session,
                organisation=row.organisation,
                event="user.sign_out",
                identity=f"user:{row.user_id}",
                now=now,
                target=f"user:{row.user_id}",
            )


def end_sessions(session: Session, user_id: int, *, but: str | None = None) -> int:
    """Ends the sessions of a person within a change that the audit log tells of.

    Args:
        session: A writing transaction.
        user_id: The account.
        but: Token of a session that goes on.

    Returns:
        How many sessions ended.
    """
    statement = delete(UserSession).where(UserSession.user_id == user_id)
    if but is not None:
        statement = statement.where(UserSession.digest != digest(but))
    return session.connection().execute(statement).rowcount


def may_sign_in(user: User) -> bool:
    """Whether an account is activated, enabled and not deleted."""
    return user.is_enabled and user.activated_at is not None and user.deleted_at is None


def _begin(session: Session, user: User, address: str, now: datetime, way: str) -> SignedIn:
    session.execute(delete(UserSession).where(UserSession.created_at < now - ABSOLUTE))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(
        UserSession(
            digest=digest(token), organisation=user.organisation, user_id=user.id, created_at=now, last_seen_at=now
        )
    )
    _note(session, user, address, now, way)
    return SignedIn(token, _person(session, user, token))


def _note(session: Session, user: User, address: str, now: datetime, way: str) -> None:
    user.latest_login_at = now
    audit.record(
        session,
        organisation=user.organisation,
        event="user.sign_in",
        identity=f"user:{user.id}",
        now=now,
        target=f"user:{user.id}",
        details={"way": way},
        computer=address[:128],
    )


def _person(session: Session, user: User, token: str) -> Person:
    roles = select(UserRole).where(UserRole.user_id == user.id, UserRole.ended_at.is_(None))
    return Person(
        user_id=user.id,
        organisation=user.organisation,
        email=user.email or "",
        name=user.name or "",
        language=user.language,
        roles={role.service: role.role for role in session.scalars(roles)},
        must_change_password=user.must_change_password,
        is_external=user.is_external,
        csrf=hmac.digest(token.encode(), b"csrf", "sha256").hex(),
    )


def _failed(session: Session, user: User | None, reason: str, address: str, now: datetime) -> None:
    audit.record(
        session,
        organisation=user.organisation if user else audit.NOBODY,
        event="user.sign_in.failed",
        identity=SIGN_IN_SERVICE,
        now=now,
        target=f"user:{user.id}" if user else None,
        reason=reason,
        computer=address[:128],
    )


def _tell_lockout(session: Session, user: User | None, key: str | None, address: str, now: datetime) -> None:
    until = throttle.locked_until(session, key) if key else None
    if until is not None and now < until:
        audit.record(
            session,
            organisation=user.organisation if user else audit.NOBODY,
            event="user.lockout",
            identity=SIGN_IN_SERVICE,
            now=now,
            target=key if user and key == throttle.account_key(user.id) else "address",
            after={"locked_until": until},
            computer=address[:128],
        )
