"""Heat of months as it would have been in the weather of a reference."""

import streamlit as st

from dashboards.charts import heat as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components import map as places
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy
from dashboards.words import Words
from warehouse.policies import WeatherPolicy
from warehouse.queries import heat_days, normalisation

_SHOWN = ("metering_point", "address", "month", "consumption_kwh", "normalised_kwh", "degree_days",
          "reference_degree_days", "base_kwh", "reason")  # fmt: skip
_DIGITS = dict.fromkeys(("consumption_kwh", "normalised_kwh", "base_kwh", "degree_days", "reference_degree_days"), 0)


def draw(say: Words) -> None:
    """Draws the part of the page.

    Args:
        say: Who reads it.
    """
    known = remembered(heat_days.extent)
    if known is None:
        st.info(say("heat.no_figures"), icon=":material/info:")
        return
    left, middle, right = st.columns(3)
    with left:
        days = filters.period(say, known, back=364, key="months")
    with middle:
        whom = filters.members(say)
    with right:
        years = ("mean", *(str(year) for year in range(known[1].year, known[0].year - 1, -1)))
        reference = filters.one_of(
            say("normalised.reference"),
            years,
            key="reference",
            named=lambda year: say("normalised.mean_of_years") if year == "mean" else year,
        )
    if days is None or whom is None:
        return
    year = None if reference == "mean" else int(reference)
    asked = normalisation.Asked(days[0], days[1], say.zone, year)
    found = remembered(normalisation.report, policy(WeatherPolicy), asked, whom[1])
    if found.is_empty():
        st.info(say("normalised.nothing"), icon=":material/info:")
        return
    months = normalisation.by_month(found)
    missing = int(found["normalised_kwh"].null_count())
    st.caption(say("normalised.explained", rows=say.number(found.height), missing=say.number(missing)))
    if missing < found.height:
        st.plotly_chart(charts.months(months, say), config=CONFIG, key="chart", alt=say("normalised.chart"))
    table(
        say,
        found,
        completed=places.located,
        key="normalised",
        file_name=f"heat_normalised_{days[0]}_{days[1]}",
        nothing=say("normalised.nothing"),
        shown=_SHOWN,
        headings={"reason": say("normalised.reason"), "month": say("normalised.month")},
        values={"reason": "normalised_reason", "base_from": "base_from", "quality": "quality"},
        digits=_DIGITS,
    )
