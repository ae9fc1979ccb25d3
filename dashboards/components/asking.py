"""Actions of pages: the right is asked for again when they are done, and what came of them is said.

The text of a success outlives the rerun that shows the page anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl
import streamlit as st
from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.publishing import publish_events, publish_registry
from dashboards.identity import SESSION_HEADER, current_person
from dashboards.installation import EXPECTED, installation
from dashboards.viewer import viewer, words
from registry.audit import By, computer_at_work
from registry.errors import RegistryError
from registry.people import access, users
from registry.people.errors import Denied, PeopleError
from registry.people.rights import Right
from registry.trail import Filter, events

Done = TypeVar("Done")
_SAID = "said"


@dataclass(frozen=True, slots=True)
class Doing:
    """What an action works with.

    Attributes:
        session: A writing transaction; it holds when the action returns.
        organisation: Whose data.
        identity: Who acts; for the audit log.
        now: When.
        house: The installation, for what is no transaction of the registry.
    """

    session: Session
    organisation: str
    identity: str
    now: datetime
    house: Installation

    @property
    def by(self) -> By:
        """Who and when, as functions of the registry ask for it."""
        return {"identity": self.identity, "now": self.now}


@dataclass(frozen=True, slots=True)
class Working:
    """What work goes by that has transactions of its own.

    Attributes:
        organisation: Whose data.
        identity: Who acts; for the audit log.
        now: When.
        house: The installation.
    """

    organisation: str
    identity: str
    now: datetime
    house: Installation

    @property
    def by(self) -> By:
        """Who and when, as functions of the registry ask for it."""
        return {"identity": self.identity, "now": self.now}


class NoRight(RegistryError):  # noqa: N818  says itself what happened
    """Who is at the page has no right to do this."""


class Changed(RegistryError):  # noqa: N818  says itself what happened
    """Somebody else has changed the thing meanwhile; the text says who and when."""


def done(
    right: Right,
    action: Callable[[Doing], Done],
    *,
    said: Callable[[Done], str],
    publish: Callable[[Installation], object] | None = publish_registry,
) -> bool:
    """Does something for who is at the page, if that one may; says what came of it.

    Args:
        right: What is needed; asked of the registry in the transaction of the action.
        action: Does it.
        said: What to say of the result when it holds.
        publish: What is published to the lake then: the registry, its events alone
            (:func:`assets.steps.publishing.publish_events`), or nothing.

    Returns:
        Whether it was done. Where it was not, a sentence stands in its place; the page then goes on as it was, with
        what was filled in.
    """

    def act(working: Working) -> Done:
        with working.house.registry.begin() as session:
            _authorise(session, working, right)
            return action(Doing(session, working.organisation, working.identity, working.now, working.house))

    return _carried_out(act, said, publish)


def worked(
    right: Right,
    action: Callable[[Working], Done],
    *,
    said: Callable[[Done], str],
    publish: Callable[[Installation], object] | None = publish_events,
) -> bool:
    """Does work that has transactions of its own, such as an import; else as :func:`done`.

    Args:
        right: What is needed; asked of the registry just before.
        action: Does it.
        said: What to say of the result when it holds.
        publish: What is published to the lake then.

    Returns:
        Whether it was done.
    """

    def act(working: Working) -> Done:
        with working.house.registry.begin(readonly=True) as session:
            _authorise(session, working, right)
        return action(working)

    return _carried_out(act, said, publish)


def _carried_out(
    act: Callable[[Working], Done],
    said: Callable[[Done], str],
    publish: Callable[[Installation], object] | None,
) -> bool:
    say, house, now = words(), installation(), datetime.now(UTC)
    try:
        who = viewer()
        if st.context.headers.get(SESSION_HEADER):  # a callback may come before the page has asked
            person = current_person()
            if person is None or person.identity != who.identity:
                st.error(say("shell.signed_out"), icon=":material/logout:")
                return False
        # Streamlit runs pages in threads of its own, which do not know the request that they came by.
        address = st.context.ip_address
        token = computer_at_work.set(address if isinstance(address, str) else None)
        try:
            result = act(Working(who.organisation, who.identity, now, house))
        finally:
            computer_at_work.reset(token)
        if publish is not None:
            publish(house)
    except NoRight as exc:
        st.error(str(exc), icon=":material/lock:")
        return False
    except EXPECTED as exc:
        st.error(say.problem(exc) if isinstance(exc, RegistryError) else str(exc), icon=":material/error:")
        return False
    st.session_state[_SAID] = said(result)
    return True


def _authorise(session: Session, working: Working, right: Right) -> None:
    try:
        access.authorise_right(session, working.identity, working.organisation, right, working.now)
    except Denied:
        say = words()
        raise NoRight(say("asking.denied", area=say.named("right", right.area))) from None


def tell() -> None:
    """Says what the last action did, once."""
    if text := st.session_state.pop(_SAID, None):
        st.success(text, icon=":material/check_circle:")


def unchanged(read: object, stored: object, target: str, called: str = "") -> None:
    """Refuses an action on something that somebody else has changed since the page showed it.

    Args:
        read: What the page showed: a version, an instant, or all fields.
        stored: The same as it is now, read in the transaction of the action.
        target: Object of its audit events; the last one names who it was and when.
        called: What people call it, where that is something else.

    Raises:
        Changed: The two differ.
    """
    if read == stored:
        return
    say, organisation, thing = words(), viewer().organisation, called or target
    last = next(iter(events(installation().registry, Filter(organisation, target=target), 1)), None)
    if last is None:
        raise Changed(say("asking.changed", thing=thing))
    raise Changed(
        say("asking.changed_by", thing=thing, who=name_of(last.identity, organisation), at=say.instant(last.at))
    )


def name_of(identity: str, organisation: str) -> str:
    """How people call who acted; programs and accounts that are gone by their identity."""
    with installation().registry.begin(readonly=True) as session:
        try:
            account = users.account_of(session, organisation, identity)
        except PeopleError:
            return identity
    return account.name or account.email


def names(identities: pl.Series) -> pl.Series:
    """Who acted, as people call them, see :func:`name_of`; null where nobody is named."""
    known = identities.drop_nulls().unique().to_list()
    return identities.replace_strict(
        known, [name_of(one, viewer().organisation) for one in known], return_dtype=pl.String
    )


__all__ = [
    "Changed",
    "Doing",
    "done",
    "name_of",
    "names",
    "publish_events",
    "publish_registry",
    "tell",
    "unchanged",
]
