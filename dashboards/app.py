"""Entry point: ``streamlit run dashboards/app.py`` with ``METERHOUSE_HOME`` set."""

import streamlit as st

from dashboards.installation import explained
from dashboards.views import consumption, home

st.set_page_config(page_title="Meterhouse", page_icon=":material/water_drop:", layout="wide")
PAGES = [
    st.Page(home.page, title="Home", icon=":material/home:", url_path="home", default=True),
    st.Page(consumption.page, title="Consumption", icon=":material/bar_chart:", url_path="consumption"),
]
with explained():
    st.navigation(PAGES).run()
