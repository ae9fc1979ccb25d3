"""The pages' script, run by the door (``gateway``) with ``METERHOUSE_HOME`` set."""

import streamlit as st

from dashboards.identity import admitted
from dashboards.installation import explained
from dashboards.views import consumption, home

st.set_page_config(page_title="Meterhouse", page_icon=":material/water_drop:", layout="wide")
PAGES = [
    st.Page(home.page, title="Home", icon=":material/home:", url_path="home", default=True),
    st.Page(consumption.page, title="Consumption", icon=":material/bar_chart:", url_path="consumption"),
]
with explained():
    person = admitted()
    if person is not None:
        with st.sidebar:
            st.caption(f"Signed in as {person.name or person.email}")
            st.markdown("[Password](/password) · [Sign out](/logout)")
        st.navigation(PAGES).run()
