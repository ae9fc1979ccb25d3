"""Links sent to people: to activate an account, take an invitation, set a new password.

Each is a random token that works once and for a time; the registry keeps its SHA-256 alone.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry.mail import outbox
from registry.models import UserToken
from registry.people.errors import TokenError

ACTIVATION = "activation"
INVITATION = "invitation"
RESET = "reset"

TTL = timedelta(hours=4)
"""How long a link works unless something else is set."""

LETTERS = {ACTIVATION: "confirm_address", INVITATION: "invite_user", RESET: "password_reset"}
"""Type of the message that carries a link, by what it is for."""

_BYTES = 32
_UNFIT = "The link is unknown, used, expired or revoked: ask for a new one."


@dataclass(frozen=True, slots=True)
class Issued:
    """A token for a person, to be sent and kept nowhere.

    Attributes:
        token: What the link carries.
        purpose: What it is for: ``activation``, ``invitation`` or ``reset``.
        user_id: Whom it is for.
        email: Where to send it.
        name: The person's name, for the letter.
        language: The person's language, for the letter.
        expires_at: Until when it works.
    """

    token: str
    purpose: str
    user_id: int
    email: str
    name: str
    language: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Issued(purpose={self.purpose}, user_id={self.user_id}, expires_at={self.expires_at.isoformat()})"


def digest(token: str) -> str:
    """What is kept of a token; tokens are random, so that no salt is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def issue(
    session: Session, organisation: str, user_id: int, purpose: str, now: datetime, ttl: timedelta = TTL
) -> tuple[str, datetime]:
    """Makes a token; those of the same purpose that the person has work no longer.

    Args:
        session: A writing transaction.
        organisation: Whose person.
        user_id: Whom it is for.
        purpose: What it is for.
        now: Instant of issue.
        ttl: How long it works.

    Returns:
        The token, and until when it works.
    """
    revoke(session, user_id, now, purpose)
    token = secrets.token_urlsafe(_BYTES)
    session.add(
        UserToken(
            digest=digest(token),
            organisation=organisation,
            user_id=user_id,
            purpose=purpose,
            created_at=now,
            expires_at=now + ttl,
        )
    )
    session.flush()
    return token, now + ttl


def spend(session: Session, token: str, now: datetime) -> UserToken:
    """Takes a token, which then works no longer.

    Args:
        session: A writing transaction.
        token: What the link carried.
        now: Instant of use.

    Returns:
        What it was for.

    Raises:
        TokenError: It is unknown, used, expired or revoked; the message does not tell which.
    """
    row = _fit(session.get(UserToken, digest(token), with_for_update=True), now)
    row.used_at = now
    return row


def check(session: Session, token: str, now: datetime) -> None:
    """Looks at a token without taking it.

    Raises:
        TokenError: It would not be taken; as :func:`spend`.
    """
    _fit(session.get(UserToken, digest(token)), now)


def _fit(row: UserToken | None, now: datetime) -> UserToken:
    if row is None or row.used_at or row.revoked_at or now >= row.expires_at:
        raise TokenError(_UNFIT, "link")
    return row


def revoke(session: Session, user_id: int, now: datetime, purpose: str | None = None) -> None:
    """Makes a person's tokens work no longer, those of a purpose or all; letters that still wait with one do not go."""
    statement = update(UserToken).where(
        UserToken.user_id == user_id, UserToken.used_at.is_(None), UserToken.revoked_at.is_(None)
    )
    if purpose is not None:
        statement = statement.where(UserToken.purpose == purpose)
    session.execute(statement.values(revoked_at=now))
    letters = [letter for of, letter in LETTERS.items() if purpose in (None, of)]
    outbox.withdraw(session, f"user:{user_id}", letters, now)


def issued_since(session: Session, user_id: int, since: datetime) -> int:
    """How many tokens a person was sent since an instant."""
    rows = session.scalars(
        select(UserToken.digest).where(UserToken.user_id == user_id, UserToken.created_at >= since)
    ).all()
    return len(rows)
