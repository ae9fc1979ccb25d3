"""The pages, in the order of the menu; those of features that are off are left out."""

import streamlit as st

from dashboards.views import consumption, home
from settings import Settings
from settings.features import why_off


def pages(settings: Settings) -> list[st.Page]:
    """The pages of an installation.

    Args:
        settings: Its settings.

    Returns:
        Pages, the first of which is shown at first.
    """
    featured = {
        "consumption_page": st.Page(
            consumption.page, title="Consumption", icon=":material/bar_chart:", url_path="consumption"
        ),
    }
    shown = [page for feature, page in featured.items() if why_off(settings, feature) is None]
    return [st.Page(home.page, title="Home", icon=":material/home:", url_path="home", default=True), *shown]
