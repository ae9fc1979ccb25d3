"""Choices in the address bar by the names that data have, so that an address means the same in every language.

Streamlit's own binding writes what the widget shows, which is right for names and days alone.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def recalled(key: str, offered: Mapping[str, T], default: Sequence[T]) -> list[T]:
    """What is chosen before the widget of a key is drawn: by who is at the page, else by the address.

    Args:
        key: Parameter of the address and key of the widget.
        offered: What there is, by its name in the address.
        default: What is chosen where the address names nothing that there is.
    """
    state, asked = st.session_state, st.query_params.get_all(key)
    before = state.get(_mark(key))
    # A link to the page, or the browser's way back, changes the address and leaves the widget as it was.
    led_here = before is None or (before[0] != asked and before[1] == state.get(key))
    chosen = None if led_here else state.get(key)
    if chosen is None:
        return [offered[name] for name in dict.fromkeys(asked) if name in offered] or list(default)
    kept = chosen if isinstance(chosen, list) else [chosen]
    return [one for one in kept if one in offered.values()] or (list(default) if kept else [])


def noted(key: str, chosen: Sequence[T], default: Sequence[T]) -> None:
    """Writes what is chosen to the address after the widget was drawn; what is so anyway is left out.

    Args:
        key: As in :func:`recalled`.
        chosen: What is chosen now.
        default: As in :func:`recalled`.
    """
    names = [] if list(chosen) == list(default) else [str(one) for one in chosen]
    if names != st.query_params.get_all(key):
        if names:
            st.query_params[key] = names
        else:
            del st.query_params[key]
    st.session_state[_mark(key)] = (names, st.session_state.get(key))


def _mark(key: str) -> str:
    return f"{key}@address"
