"""Names and values of one thing, one below the other."""

import re
from collections.abc import Mapping

import streamlit as st


def facts(known: Mapping[str, str | None]) -> None:
    """Draws names and values; nothing of what is not known.

    Args:
        known: Value by name, as people read them; they are shown as they are, without Markdown.
    """
    st.table({_plain(name): _plain(value) for name, value in known.items() if value}, border="horizontal")


def _plain(text: str) -> str:
    """A text that Markdown leaves as it is: names and addresses were typed by somebody."""
    return re.sub(r"([\\`*_{}\[\]<>#$~|!:])", r"\\\1", text)
