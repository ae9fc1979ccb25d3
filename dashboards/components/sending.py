"""A report that goes to somebody by e-mail."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboards.components import asking
from dashboards.installation import installation
from dashboards.viewer import SEE, viewer
from dashboards.words import Words
from registry.mail import Attachment, send_report

MOST_LETTERS = 300


def by_mail(say: Words, title: str, files: Callable[[], Sequence[Attachment]], *, target: str, key: str) -> None:
    """Draws what sends a report to an address; says how to set a mail server where there is none.

    Args:
        say: Who sends it; the letter around it is in the same language.
        title: What the report is about.
        files: Writes the report, when it is sent.
        target: What the audit log says it was about, such as a metering point.
        key: Unique on the page.
    """
    if not installation().settings.smtp.host:
        st.caption(say("sending.no_server"))
        return
    with st.form(f"{key}_mail", border=False):
        address = st.text_input(say("sending.address"), placeholder="name@example.org")
        note = st.text_input(say("sending.note"), max_chars=MOST_LETTERS)
        if not st.form_submit_button(say("sending.send"), icon=":material/send:", type="primary"):
            return

    attached = files()  # before the transaction, since drawing a report takes a while
    sender = asking.name_of(viewer().identity, viewer().organisation)

    def send(doing: asking.Doing) -> str:
        return send_report(
            doing.session,
            doing.house.vault,
            doing.organisation,
            address.strip(),
            title,
            attached,
            language=say.language,
            sender=sender,
            note=note.strip(),
            target=target,
            identity=doing.identity,
            now=doing.now,
        )

    right = next(right for right in SEE if viewer().may(right))
    if asking.done(right, send, said=lambda _: say("sending.queued"), publish=asking.publish_events):
        st.rerun()
