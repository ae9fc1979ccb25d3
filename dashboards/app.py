"""Entry point: ``streamlit run dashboards/app.py`` with ``METERHOUSE_HOME`` set."""

import streamlit as st

from dashboards.installation import explained, installation
from dashboards.pages import pages

st.set_page_config(page_title="Meterhouse", page_icon=":material/water_drop:", layout="wide")
with explained():
    st.navigation(pages(installation().settings)).run()
