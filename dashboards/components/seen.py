"""What a page began with: the script runs anew at each click, and would take what somebody else has saved meanwhile."""

from typing import TypeVar, cast

import streamlit as st

from dashboards.words import Words

Thing = TypeVar("Thing")


def seen(say: Words, key: str, now: Thing) -> Thing:
    """What was shown first of a thing that can be changed; says where it is not the newest any more.

    Args:
        say: Who reads it.
        key: Names the thing in the session.
        now: The thing as it is stored now.

    Returns:
        The thing as it was shown first, until :func:`forget`.
    """
    first = cast("Thing", st.session_state.setdefault(f"seen_{key}", now))
    if first != now:
        st.warning(say("config.newer"), icon=":material/warning:")
        if st.button(say("config.load"), key=f"load_{key}", icon=":material/refresh:"):
            forget(key)
            st.rerun()
    return first


def forget(key: str) -> None:
    """Lets the newest be shown."""
    st.session_state.pop(f"seen_{key}", None)
