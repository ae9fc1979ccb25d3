"""Ways from one page to another, where the other one is there for who looks."""

from collections.abc import Collection, Mapping

import streamlit as st

_REACHABLE = "reachable"


def keep(names: Collection[str]) -> None:
    """Lets the page that is drawn know which pages who looks may open.

    Args:
        names: Their names; they are in the menu of this rerun.
    """
    st.session_state[_REACHABLE] = frozenset(names)


def leads(page: str) -> bool:
    """Whether there is a page that who looks may open."""
    return page in st.session_state.get(_REACHABLE, ())


def link(
    page: str, label: str, address: Mapping[str, str | list[str]] | None = None, *, icon: str = "arrow_forward"
) -> bool:
    """Draws a link to a page; nothing where there is none for who looks.

    Args:
        page: Its name.
        label: For people.
        address: Parameters by name.
        icon: Material symbol.

    Returns:
        Whether it is drawn.
    """
    if not leads(page):
        return False
    there = st.Page(_nothing, title=label, url_path=page)
    st.page_link(there, label=label, icon=f":material/{icon}:", query_params=dict(address or {}))
    return True


def _nothing() -> None:
    """The menu knows the page by its address, and what it draws."""
