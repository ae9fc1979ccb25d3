"""Entry point: ``streamlit run dashboards/app.py`` with ``METERHOUSE_HOME`` set."""

import streamlit as st

from dashboards.installation import explained, installation
from dashboards.views import consumption, home
from settings.features import why_off

st.set_page_config(page_title="Meterhouse", page_icon=":material/water_drop:", layout="wide")
HOME = st.Page(home.page, title="Home", icon=":material/home:", url_path="home", default=True)
PAGES_BY_FEATURE = {
    "consumption_page": st.Page(
        consumption.page, title="Consumption", icon=":material/bar_chart:", url_path="consumption"
    ),
}
with explained():
    pages = [page for name, page in PAGES_BY_FEATURE.items() if why_off(installation().settings, name) is None]
    st.navigation([HOME, *pages]).run()
