"""Invitations: made, looked at, confirmed, sent and revoked."""

from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.words import LANGUAGES, Words
from registry.people import invitations
from registry.people.locale import Locale
from registry.people.rights import ACCESS_CONTROL, SERVICES, Right

RIGHT = Right(ACCESS_CONTROL)


def pending(say: Words) -> None:
    """Draws the invitations, and what can be done about one."""
    with installation().registry.begin(readonly=True) as session:
        found = invitations.invitations(session, organisation(), datetime.now(UTC))
    columns = {
        "invitation_id": COUNT,
        "name": TEXT,
        "email": TEXT,
        "state": TEXT,
        "created_at": WHEN,
        "created_by": TEXT,
        "sent_at": WHEN,
        "expires_at": WHEN,
    }
    rows = named(rows_of(found, columns), "created_by").rename(
        {"invitation_id": "number", "name": "person", "state": "invitation_state"}
    )
    chosen = table(
        say,
        rows,
        key="invitations",
        file_name="invitations",
        nothing=say("invitations.none"),
        values={"invitation_state": "invitation_state"},
    )
    if installation().letters is None:
        st.info(say("invitations.no_mail"), icon=":material/info:")
    with st.container(horizontal=True):
        _actions(say, chosen)


def _actions(say: Words, chosen: pl.DataFrame) -> None:
    row = chosen.row(0, named=True) if chosen.height else {}
    number, state = int(row.get("number") or 0), str(row.get("invitation_state") or "")
    letters = installation().letters
    is_open = state in invitations.PENDING
    if confirmed(
        say,
        say("invitations.confirm"),
        say("invitations.confirm_help"),
        key="confirm",
        icon="verified_user",
        disabled=state != invitations.HELD,
    ):

        def confirm(work: Working) -> None:
            invitations.confirm(work.house.registry, work.organisation, number, **work.by)

        if asking.worked(RIGHT, confirm, said=lambda _: say("invitations.confirmed")):
            st.rerun()
    if confirmed(
        say,
        say("invitations.send"),
        say("invitations.send_help", email=row.get("email") or ""),
        key="send",
        icon="outgoing_mail",
        disabled=not is_open or letters is None,
    ):

        def send(work: Working) -> None:
            invitations.send(work.house.registry, work.organisation, number, letters=letters, **work.by)

        if asking.worked(RIGHT, send, said=lambda _: say("invitations.sent")):
            st.rerun()
    if confirmed(
        say,
        say("invitations.revoke"),
        say("invitations.revoke_help"),
        key="revoke",
        icon="unsubscribe",
        disabled=not is_open,
    ):

        def revoke(work: Working) -> None:
            invitations.revoke(work.house.registry, work.organisation, number, **work.by)

        if asking.worked(RIGHT, revoke, said=lambda _: say("invitations.revoked")):
            st.rerun()


def invite(say: Words) -> None:
    """Draws the form of a new invitation."""
    st.subheader(say("invitations.new"))
    with st.form("invite", enter_to_submit=False):
        name = st.text_input(say("column.person"), max_chars=100).strip()
        email = st.text_input(say("column.email"), max_chars=200).strip()
        language = st.selectbox(
            say("shell.language"),
            list(LANGUAGES),
            index=list(LANGUAGES).index(words().language),
            format_func=LANGUAGES.__getitem__,
        )
        given = {}
        with st.container(horizontal=True):
            for service, offered in SERVICES.items():
                given[service] = st.selectbox(
                    say.named("service", service),
                    ("", *offered),
                    format_func=lambda role: say.named("role", role) if role else say("users.no_role"),
                    key=f"invite_{service}",
                )
        is_asked = st.form_submit_button(say("invitations.make"), type="primary")
    if not is_asked:
        return
    if not (name and email):
        st.warning(say("invitations.incomplete"), icon=":material/warning:")
        return

    def create(work: Working) -> int:
        return invitations.create(
            work.house.registry,
            work.house.vault,
            work.organisation,
            email=email,
            name=name,
            roles={service: role for service, role in given.items() if role},
            locale=Locale(language=language),
            **work.by,
        )

    if asking.worked(RIGHT, create, said=lambda number: say("invitations.made", number=number)):
        st.rerun()
