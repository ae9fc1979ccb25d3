"""People whom an identity provider vouches for: they need no password here."""

from datetime import datetime

from sqlalchemy import select

from registry import audit
from registry.models import Invitation, User
from registry.people import accounts, throttle, tokens
from registry.people.domains import normal_email
from registry.people.errors import SignInError, ThrottledError
from registry.people.locale import Locale
from registry.people.roles import appoint_first
from registry.people.sessions import SignedIn, open_session
from registry.store import Registry
from registry.vault import KeyVault

START, ANSWER = "start", "answer"
"""Steps of a sign-in for which the provider is asked."""


def admit(registry: Registry, step: str, address: str, now: datetime) -> None:
    """Counts a step of a sign-in for which the provider is asked; one that succeeds is taken back.

    Args:
        registry: The registry.
        step: Which; they are counted apart, so that one that gets through at last can be finished.
        address: Network address the person comes from.
        now: Instant of the request.

    Raises:
        ThrottledError: They were too many from there.
    """
    with registry.begin() as session:
        is_locked = throttle.count(session, _place(step, address), throttle.PROVIDER, now)
    if is_locked:
        raise ThrottledError("Too many sign-ins with the provider were begun from here: wait a while.")


def sign_in(
    registry: Registry,
    vault: KeyVault,
    organisation: str,
    *,
    email: str,
    name: str,
    admits_domains: bool,
    address: str,
    now: datetime,
) -> SignedIn:
    """Signs in the owner of an address that the provider has verified; an invitation counts as taken by that.

    Args:
        registry: The registry.
        vault: Wraps the person's key of the audit log.
        organisation: Whose people the provider knows.
        email: Verified e-mail address.
        name: Full name as the provider has it; may be empty.
        admits_domains: Whether an address of one of the organisation's domains gets an account, without any role but
            that of a user of the portal.
        address: Network address the person comes from.
        now: Instant of the sign-in.

    Returns:
        The session.

    Raises:
        SignInError: There is no account, it is disabled or of another organisation, or its invitation waits for a
            second administrator.
        PeopleError: The address is none.
    """
    email = normal_email(email)
    with registry.begin() as session:
        user = session.scalar(select(User).where(User.email == email).with_for_update())
        if user is None and admits_domains and accounts.belongs(session, organisation, email):
            user = accounts.make(
                session,
                vault,
                organisation,
                email=email,
                name=name or email.partition("@")[0],
                locale=Locale(),
                is_external=False,
                event="user.register",
                identity=None,
                now=now,
            )
            accounts.give_roles(session, user, {}, f"user:{user.id}", now)
        if user is None or user.organisation != organisation or not user.is_enabled:
            raise SignInError
        if user.activated_at is None:
            invited = session.scalars(select(Invitation).where(Invitation.user_id == user.id)).all()
            if any(invitation.is_held for invitation in invited):
                raise SignInError
            user.activated_at = now
            if invited:
                appoint_first(session, user, now)
            tokens.revoke(session, user.id, now)
            for invitation in invited:
                invitation.accepted_at = now
            audit.record(
                session,
                organisation=organisation,
                event="user.activation.accept",
                identity=f"user:{user.id}",
                now=now,
                target=f"user:{user.id}",
                details={"way": "identity provider"},
            )
        for step in (START, ANSWER):
            throttle.forgive_one(session, _place(step, address), throttle.PROVIDER)
        user_id = user.id
    return open_session(registry, user_id, address=address, now=now)


def _place(step: str, address: str) -> str:
    return f"provider:{step}:{throttle.address_key(address)}"[:128]
