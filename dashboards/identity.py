"""Who looks at the pages.

The door (``gateway``) names person and session in headers that nobody else can set. A page stays open for hours on one
WebSocket, so the session is looked up again in the database at each rerun: what was revoked shows nothing more.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from dashboards import viewer
from dashboards.installation import installation
from dashboards.viewer import Viewer
from dashboards.words import LANGUAGES, Words, words_in
from registry.people import access, sessions, users
from registry.people.sessions import Person
from registry.wording import asked_for

IDENTITY_PREFIX = "x-meterhouse-"
USER_HEADER = f"{IDENTITY_PREFIX}user"
SESSION_HEADER = f"{IDENTITY_PREFIX}session"


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


def viewer_of(person: Person, headers: Mapping[str, str], now: datetime) -> Viewer:
    """What a person may see and do in the pages.

    Args:
        person: Who looks.
        headers: Headers of the page's connection.
        now: Instant of the rerun.

    Returns:
        The viewer; one who may see no meters and do nothing has neither meters nor areas.
    """
    identity, organisation = person.identity, person.organisation
    with installation().registry.begin(readonly=True) as session:
        return Viewer(
            identity,
            organisation,
            meters=access.meters_seen(session, identity, organisation, now),
            language=language_of(person, headers),
            locale=users.account_of(session, organisation, identity).locale,
            areas=access.areas(session, identity, organisation, now),
            capabilities=access.capabilities(session, identity, organisation),
        )


def language_of(person: Person | None, headers: Mapping[str, str]) -> str:
    """The language of the pages: the person's own, else the browser's, else English.

    Args:
        person: Who looks; ``None`` where nobody knows.
        headers: Headers of the page's connection.

    Returns:
        One of :data:`dashboards.words.LANGUAGES`.
    """
    wanted = (person.language if person else None, asked_for(headers.get("Accept-Language", "")))
    return next((language for language in wanted if language in LANGUAGES), "en")


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
    headers = st.context.headers
    person = current_person()
    say = words_in(language_of(person, headers), installation().settings.timezone)
    if person is None:
        _instead(say, "shell.signed_out", ":material/logout:", {say("shell.sign_in"): "/login"})
        return None
    if person.must_change_password:
        links_to = {say("shell.change_password"): "/password"}
        _instead(say, "shell.password_first", ":material/password:", links_to)
        return None
    found = viewer_of(person, headers, datetime.now(UTC))
    if not found.areas:
        refused(say)
        return None
    viewer.keep(found)
    return person


def refused(say: Words) -> None:
    """Says that nothing here is for the person."""
    _instead(say, "shell.no_service", ":material/block:", {say("shell.sign_out"): "/logout"})


def _instead(say: Words, text: str, icon: str, addresses: Mapping[str, str]) -> None:
    st.warning(say(text), icon=icon)
    links(addresses)
