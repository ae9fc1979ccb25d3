"""Failed sign-ins: counted per account and per address, answered with growing delays."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.models import SignInThrottle

_IPV6_NETWORK = 64
"""Bits that name a subscriber's network: whoever has one address of it has all."""

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Rule:
    """When failures lock.

    Attributes:
        free: The failure that locks for the first time.
        first: How long it locks; each further failure doubles that.
        longest: How long one failure locks at most.
        forget: Time without a failure after which they are forgotten.
    """

    free: int
    first: timedelta
    longest: timedelta
    forget: timedelta


ACCOUNT = Rule(free=5, first=timedelta(seconds=30), longest=timedelta(minutes=15), forget=timedelta(days=1))
ADDRESS = Rule(free=20, first=timedelta(seconds=30), longest=timedelta(hours=1), forget=timedelta(hours=2))
"""Many people of one utility share an address."""

LETTERS = Rule(free=20, first=timedelta(minutes=1), longest=timedelta(hours=1), forget=timedelta(hours=2))
"""Letters that are asked for without an account, from one address."""

PROVIDER = Rule(free=60, first=timedelta(seconds=30), longest=timedelta(minutes=15), forget=timedelta(minutes=10))
"""Ways to an identity provider that somebody without an account begins, from one address, and nobody has finished."""


def account_key(user_id: int) -> str:
    """Key of an account."""
    return f"user:{user_id}"


def address_key(address: str) -> str:
    """Key of an address; IPv6 addresses of one network have the same."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return f"address:{address}"[:128]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return f"address:{ip.ipv4_mapped}"
        return f"address:{ipaddress.ip_network((ip, _IPV6_NETWORK), strict=False).network_address}"
    return f"address:{ip}"


def count(session: Session, key: str, rule: Rule, now: datetime) -> bool:
    """Counts an attempt as failed until it is forgiven.

    Attempts are counted before the password is looked at: many at once would otherwise all be let through.

    Args:
        session: A writing transaction.
        key: Account or address.
        rule: When failures lock.
        now: Instant of the attempt.

    Returns:
        Whether the key was locked already; such an attempt is not counted.
    """
    row = _row(session, key, now)
    if row.locked_until is not None and now < row.locked_until:
        return True
    if now - row.last_failure_at > rule.forget:
        row.failures = 0
    row.failures += 1
    row.last_failure_at = now
    row.locked_until = None
    if row.failures >= rule.free:
        doublings = min(row.failures - rule.free, _MOST_DOUBLINGS)
        row.locked_until = now + min(rule.first * 2**doublings, rule.longest)
    return False


def forgive(session: Session, key: str) -> None:
    """Forgets all failures of an account that signed in or got a new password."""
    session.execute(delete(SignInThrottle).where(SignInThrottle.key == key))


def forgive_one(session: Session, key: str, rule: Rule) -> None:
    """Takes back one attempt from an address, which was none that failed.

    The others stay: who owns one account must not be able to try those of others for ever.
    """
    row = session.get(SignInThrottle, key, with_for_update=True)
    if row is not None:
        row.failures = max(row.failures - 1, 0)
        if row.failures < rule.free:
            row.locked_until = None


def locked_until(session: Session, key: str) -> datetime | None:
    """Until when a key is locked; may have passed."""
    row = session.get(SignInThrottle, key)
    return None if row is None else row.locked_until


def clear(session: Session, now: datetime) -> None:
    """Removes counts that no rule remembers."""
    oldest = now - max(ACCOUNT.forget, ADDRESS.forget)
    session.execute(delete(SignInThrottle).where(SignInThrottle.last_failure_at < oldest))


def _row(session: Session, key: str, now: datetime) -> SignInThrottle:
    row = session.get(SignInThrottle, key, with_for_update=True)
    if row is not None:
        return row
    try:
        with session.begin_nested():
            session.add(SignInThrottle(key=key, failures=0, last_failure_at=now))
    except IntegrityError:
        pass  # another attempt came first
    return session.get_one(SignInThrottle, key, with_for_update=True)
