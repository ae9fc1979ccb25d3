"""The pages' script, run by the door (``gateway``) with ``METERHOUSE_HOME`` set."""

import streamlit as st

from dashboards.identity import admitted, links
from dashboards.installation import explained, installation
from dashboards.pages import pages

ICON = (  # drawn here, since Streamlit loads the icons it knows from elsewhere
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<path fill="#1f6fb2" d="M12 2C8 7 5 10.700 5 15a7 7 0 0 0 14 0c0-4.300-3-8-7-13z"/></svg>'
)

st.set_page_config(page_title="Meterhouse", page_icon=ICON, layout="wide")
with explained():
    person = admitted()
    if person is not None:
        with st.sidebar:
            st.caption(f"Signed in as {person.name or person.email}")
            links({"Profile": "/profile", "Sign out": "/logout"})
        st.navigation(pages(installation().settings)).run()
