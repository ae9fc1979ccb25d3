"""The language of the pages, which is the person's own everywhere: pages, letters and files."""

from datetime import UTC, datetime

import streamlit as st

from dashboards.installation import EXPECTED, installation
from dashboards.viewer import viewer
from dashboards.words import LANGUAGES, Words
from registry.people import users

_KEY = "language"


def chooser(say: Words) -> None:
    """Lets the person choose, and notes the choice in the account.

    Args:
        say: The language now.
    """
    names = list(LANGUAGES)
    st.selectbox(
        say("shell.language"),
        names,
        index=names.index(say.language),
        format_func=LANGUAGES.__getitem__,
        key=_KEY,
        on_change=_save,
    )


def _save() -> None:
    house, who = installation(), viewer()
    try:
        users.edit(
            house.registry,
            house.vault,
            who.organisation,
            int(who.identity.removeprefix("user:")),
            {"language": st.session_state[_KEY]},
            identity=who.identity,
            now=datetime.now(UTC),
        )
    except EXPECTED as exc:
        st.toast(str(exc), icon=":material/error:")
