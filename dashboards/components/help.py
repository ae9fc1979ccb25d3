"""The heading of a page with its help; the same text stands in the documents."""

import streamlit as st

from dashboards.words import Words


def heading(say: Words, name: str) -> None:
    """Draws a page's title and, beside it, what opens its help.

    Args:
        say: Who reads it.
        name: The page; its texts are ``page.<name>`` and ``help.<name>``.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say(f"page.{name}"), width="stretch")
        with st.popover(say("shell.help"), icon=":material/help:"):
            st.markdown(say(f"help.{name}"))
