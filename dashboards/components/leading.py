"""Ways from a row to the page that shows more of it."""

import streamlit as st

from dashboards.viewer import viewer, words


def to(name: str, icon: str, **parameters: str) -> None:
    """Draws a link to a page, where there is one of that name that may be seen.

    Args:
        name: Name of the page.
        icon: Material symbol.
        parameters: What its address holds.
    """
    from dashboards.pages import every_page, reachable  # they import the pages that lead somewhere

    known = {page.name: page for page in every_page()}
    if name not in known or name not in reachable(viewer()):
        return
    st.page_link(
        st.Page(known[name].draw, url_path=name, title=name),
        label=words()(f"page.{name}"),
        icon=f":material/{icon}:",
        query_params=parameters,
    )


def from_row(point: str | None, meter: str | None) -> None:
    """Draws the ways from a row that names a metering point and a meter."""
    with st.container(horizontal=True):
        if point:
            st.markdown(f"**{point}**" if not meter else f"**{point}** · {meter}", width="content")
            to("consumption", "bar_chart", point=point)
        elif meter:
            st.markdown(f"**{meter}**", width="content")
        if meter:
            to("meters", "speed", meter=meter)
