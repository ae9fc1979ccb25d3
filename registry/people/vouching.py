"""People whom an identity provider vouches for: they need no password here."""

from datetime import datetime

from sqlalchemy import select

from registry import audit
from registry.models import Invitation, User
from registry.people import accounts, tokens
from registry.people.domains import normal_email
from registry.people.errors import SignInError
from registry.people.locale import Locale
from registry.people.roles import appoint_first
from registry.people.sessions import SignedIn, open_session
from registry.store import Registry
from registry.vault import KeyVault


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
        user_id = user.id
    return open_session(registry, user_id, address=address, now=now)
