"""What cannot be undone is asked for twice."""

import streamlit as st

from dashboards.words import Words


def confirmed(
    say: Words, label: str, question: str, *, key: str, icon: str = "warning", disabled: bool = False
) -> bool:
    """Draws a button that asks before it does anything.

    Args:
        say: Who reads it.
        label: Of the button.
        question: What will happen.
        key: Unique on the page.
        icon: Material symbol.
        disabled: Whether there is nothing to do.

    Returns:
        Whether it was confirmed in this rerun.
    """
    with st.popover(label, icon=f":material/{icon}:", disabled=disabled):
        st.markdown(question)
        return st.button(say("config.yes"), key=key, type="primary", disabled=disabled)
