"""Who looks at the pages.

The door (``gateway``) names person and session in headers that nobody else can set. A page stays open for hours on one
WebSocket, so the session is looked up again in the database at each rerun: what was revoked shows nothing more.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from dashboards.installation import installation
from registry.people import access, sessions
from registry.people.sessions import Person
from warehouse.excerpt import Excerpt, Readable

IDENTITY_PREFIX = "x-meterhouse-"
USER_HEADER = f"{IDENTITY_PREFIX}user"
SESSION_HEADER = f"{IDENTITY_PREFIX}session"

SIGNED_OUT = "You are signed out: the session has ended, or your account was disabled."
NO_SERVICE = "Your account has no access to these pages. Ask an administrator for a role in the service."
ORGANISATION = "organisation_shown"
METERS = "meters_shown"
CHANGE_FIRST = "Your password must be changed before you go on."


def current_person() -> Person | None:
    """Who holds the session that this page was opened with.

    Returns:
        The person as the database knows it now; ``None`` where the session has ended, or the page was not opened
        through the door.
    """
    return person_of(st.context.headers, datetime.now(UTC))


def person_of(headers: Mapping[str, str], now: datetime) -> Person | None:
    """Who the headers of the door name.

    Args:
        headers: Headers of the page's connection.
        now: Instant of the rerun.

    Returns:
        The person; ``None`` where the headers name none, or the session has ended or is another's.
    """
    token = headers.get(SESSION_HEADER)
    if not token:
        return None
    person = sessions.session_of(installation().registry, token, now)
    return person if person is not None and str(person.user_id) == headers.get(USER_HEADER) else None


def meters_seen(person: Person, now: datetime) -> frozenset[str] | None:
    """Meters whose data a person may see in one of the services that have pages.

    Args:
        person: Who looks.
        now: Instant of the rerun.

    Returns:
        ``meter_id`` of each; ``None`` for all of the organisation; empty for none.
    """
    with installation().registry.begin(readonly=True) as session:
        return access.meters_seen(session, person.identity, person.organisation, now)


def organisation() -> str:
    """Whose figures the pages show: those of the organisation of the person that :func:`admitted` let in."""
    return str(st.session_state[ORGANISATION])


def tables() -> Readable:
    """What the pages read from: the lake, or of it what belongs to the meters the person may see."""
    lake, meters = installation().lake, st.session_state[METERS]
    return lake if meters is None else Excerpt(lake, meters)


def links(addresses: Mapping[str, str]) -> None:
    """Links to pages of the door in the same tab; those of Markdown open another one.

    Args:
        addresses: Address by words; both from our own code.
    """
    anchors = (f'<a href="{address}" target="_self">{words}</a>' for words, address in addresses.items())
    st.markdown(" · ".join(anchors), unsafe_allow_html=True)


def admitted() -> Person | None:
    """The person at the page, if the page may be shown; otherwise says in its place why not.

    Returns:
        The person; ``None`` where a sentence stands instead of the page.
    """
    person = current_person()
    if person is None:
        st.warning(SIGNED_OUT, icon=":material/logout:")
        links({"Sign in": "/login"})
        return None
    if person.must_change_password:
        st.warning(CHANGE_FIRST, icon=":material/password:")
        links({"Change the password": "/password"})
        return None
    sees = meters_seen(person, datetime.now(UTC))
    if sees is not None and not sees:
        st.warning(NO_SERVICE, icon=":material/block:")
        links({"Sign out": "/logout"})
        return None
    st.session_state[ORGANISATION], st.session_state[METERS] = person.organisation, sees
    return person
