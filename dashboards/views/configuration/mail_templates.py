"""Letters to people: templates by type and language, their preview, and what became of letters."""

import streamlit as st

from assets.steps.mailing import send_test
from dashboards.components import asking, filters
from dashboards.components.asking import Doing, Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, YES, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import explained, installation
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry import mail
from registry.mail import KINDS, LANGUAGES, SYSTEM, Source
from registry.mail.catalogue import Template
from registry.people.rights import SYSTEM_CONFIGURATION, Right

RIGHT = Right(SYSTEM_CONFIGURATION)
PARTS = ("templates", "outbox")


def page() -> None:
    """Draws the page."""
    say = words()
    part = filters.choice(
        say("mail.part"), PARTS, key="part", default=PARTS[0], named=lambda name: say.named("mail_part", name)
    )
    if part == "outbox":
        _outbox(say)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            say("mail.kind"), list(KINDS), format_func=lambda name: say.named("mail_kind", name), key="kind"
        )
        languages = list(LANGUAGES)
        language = st.selectbox(
            say("shell.language"),
            languages,
            index=languages.index(say.language),
            format_func=lambda name: say.named("mail_language", name),
            key="letter_language",
        )
    with installation().registry.begin(readonly=True) as session:
        found = mail.listing(session, organisation(), kind=kind, language=language)
    rows = rows_of(found, {"name": TEXT, "active": YES}).rename({"name": "template"})
    chosen = table(say, rows, key="templates", file_name="templates", nothing="")
    names = chosen["template"].to_list() if chosen.height else []
    shown = next((one for one in found if one.name in names), None) or next(one for one in found if one.active)
    _preview(say, shown)
    with st.container(horizontal=True):
        _actions(say, shown)
        _test(say, shown)
    if shown.name != SYSTEM:
        _edit(say, shown)


def _preview(say: Words, shown: Template) -> None:
    st.subheader(say("mail.preview", template=shown.name))
    with explained():
        with installation().registry.begin(readonly=True) as session:
            letter = mail.preview(session, organisation(), shown.kind, shown.language, shown.name)
        with st.container(border=True):
            st.markdown(f"**{say('mail.subject')}**")
            st.text(letter.subject)
            st.divider()
            st.text(letter.text)


def _actions(say: Words, shown: Template) -> None:
    place = (shown.kind, shown.language, shown.name)
    if st.button(say("mail.copy"), icon=":material/content_copy:", key="copy"):

        def copy(doing: Doing) -> str:
            return mail.copy(doing.session, doing.organisation, *place, **doing.by)

        if asking.done(RIGHT, copy, said=lambda name: say("mail.copied", template=name), publish=asking.publish_events):
            st.rerun()
    if st.button(say("mail.activate"), icon=":material/outgoing_mail:", key="activate", disabled=shown.active):

        def activate(doing: Doing) -> str:
            return mail.activate(doing.session, doing.organisation, *place, **doing.by)

        def said(_: str) -> str:
            return say("mail.activated", template=shown.name)

        if asking.done(RIGHT, activate, said=said, publish=asking.publish_events):
            st.rerun()
    if confirmed(
        say,
        say("mail.delete"),
        say("mail.delete_help", template=shown.name),
        key="delete",
        icon="delete",
        disabled=shown.name == SYSTEM,
    ):

        def delete(doing: Doing) -> bool:
            return mail.delete(doing.session, doing.organisation, *place, **doing.by)

        if asking.done(
            RIGHT, delete, said=lambda _: say("mail.deleted", template=shown.name), publish=asking.publish_events
        ):
            st.rerun()


def _test(say: Words, shown: Template) -> None:
    if organisation() != installation().organisation:
        return
    with st.popover(say("mail.test"), icon=":material/send:", disabled=not installation().settings.smtp.host):
        st.markdown(say("mail.test_help", template=shown.name))
        address = st.text_input(say("column.email"), key="test_address").strip()
        if not st.button(say("mail.send_test"), type="primary", disabled=not address, key="send_test"):
            return

        def send(work: Working) -> None:
            send_test(work.house, shown.kind, shown.language, shown.name, address, **work.by)

        if asking.worked(RIGHT, send, said=lambda _: say("mail.test_sent")):
            st.rerun()


def _edit(say: Words, stored_now: Template) -> None:
    mark = f"template_{stored_now.kind}_{stored_now.language}_{stored_now.name}"
    shown = seen(say, mark, stored_now)
    with st.expander(say("mail.edit"), icon=":material/edit:"), st.form(mark, enter_to_submit=False):
        variables = ", ".join(f"`{{{{ {name} }}}}`" for name in KINDS[shown.kind])
        st.caption(say("mail.variables", variables=variables))
        name = st.text_input(say("column.template"), shown.name, max_chars=100).strip()
        subject = st.text_input(say("mail.subject"), shown.source.subject)
        text = st.text_area(say("mail.text"), shown.source.text, height=260)
        html = st.text_area("HTML", shown.source.html, height=260)
        if not st.form_submit_button(say("config.save"), type="primary"):
            return

        def edit(doing: Doing) -> None:
            place = (shown.kind, shown.language, shown.name)
            stored = mail.template(doing.session, doing.organisation, *place)
            asking.unchanged(shown.source, stored.source, "/".join(place))
            source = Source(subject, text or "", html or "")
            mail.edit(doing.session, doing.organisation, *place, source, new_name=name, **doing.by)

        if asking.done(RIGHT, edit, said=lambda _: say("mail.saved", template=name), publish=asking.publish_events):
            forget(mark)
            st.rerun()


def _outbox(say: Words) -> None:
    if not installation().settings.smtp.host:
        st.info(say("mail.no_server"), icon=":material/info:")
    with installation().registry.begin(readonly=True) as session:
        found = mail.entries(session, organisation())
    columns = {
        "queued_at": WHEN,
        "kind": TEXT,
        "language": TEXT,
        "state": TEXT,
        "attempts": COUNT,
        "next_at": WHEN,
        "settled_at": WHEN,
        "error": TEXT,
    }
    rows = rows_of(found, columns).rename({"kind": "mail_kind", "state": "mail_state"})
    table(
        say,
        rows,
        key="outbox",
        file_name="outbox",
        nothing=say("mail.none"),
        values={"mail_kind": "mail_kind", "mail_state": "mail_state", "language": "mail_language"},
    )
