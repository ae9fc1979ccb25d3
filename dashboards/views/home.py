"""The fleet at a glance."""

import streamlit as st

from dashboards.charts.frame import CONFIG
from dashboards.charts.outcomes import outcomes
from dashboards.components.table import table
from dashboards.page import Page
from dashboards.remembering import remembered
from dashboards.viewer import words
from dashboards.words import Words
from warehouse.queries import overview


def page() -> None:
    """Draws the page."""
    say = words()
    counts = remembered(overview.counts)
    days = remembered(overview.outcomes_by_day)
    if not counts["meters"] and days.is_empty():
        st.info(say("home.empty"), icon=":material/info:")
        st.markdown(say("home.start"))
        return
    _figures(say, counts)
    if days.is_empty():
        st.info(say("home.no_frames"), icon=":material/info:")
        return
    st.subheader(say("home.frames_by_day"))
    st.plotly_chart(outcomes(days, say), config=CONFIG, key="outcomes", alt=say("home.frames_by_day"))
    st.subheader(say("home.latest_files"))
    table(
        say,
        remembered(overview.latest_imports),
        key="files",
        file_name="files",
        nothing=say("home.no_frames"),
        help_texts={"waiting": say("home.waiting_help"), "damaged": say("home.damaged_help")},
    )


def _figures(say: Words, counts: dict[str, int]) -> None:
    performance = remembered(overview.performance)
    shown = (
        ("metering_points", say.number(counts["metering_points"]), None),
        ("meters", say.number(counts["meters"]), None),
        ("without_key", say.number(counts["without_key"]), say("home.without_key_help")),
        ("open_info_codes", say.number(counts["open_info_codes"]), say("home.open_info_codes_help")),
        (
            "performance",
            say.percent(performance[1] / 100 if performance else None, 1),
            say("home.performance_help", day=say.date(performance[0])) if performance else say("home.no_performance"),
        ),
    )
    with st.container(horizontal=True):
        for name, value, explanation in shown:
            st.metric(say(f"home.{name}"), value, help=explanation, border=True, width=175)


PAGES = (Page("home", "home", page),)
