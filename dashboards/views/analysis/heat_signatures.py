"""Energy signatures: how the power of substations depends on the outdoor temperature."""

from datetime import datetime, timedelta

import polars as pl
import streamlit as st

from dashboards.charts import heat as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components import map as places
from dashboards.components.cells import draw_cells
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy
from dashboards.words import Words
from warehouse.policies import WeatherPolicy
from warehouse.queries import heat_days, weather

_SHOWN = ("metering_point", "address", "slope_kw_per_k", "base_kw", "t0_c", "r2", "fit", "days", "heating_days")
_DIGITS = {"slope_kw_per_k": 3, "base_kw": 2, "t0_c": 2, "r2": 2}


def draw(say: Words) -> None:
    """Draws the part of the page.

    Args:
        say: Who reads it.
    """
    years = remembered(weather.signature_years)
    if years.is_empty():
        st.info(say("signature.nothing"), icon=":material/info:")
        return
    left, right = st.columns(2)
    with left:
        year = heating_year(say, years)
    with right:
        point = filters.point(say)
    begin, end = year
    found = remembered(weather.signature_report, begin)
    if point is not None:
        _point(say, point, begin, end, found)
    table(
        say,
        found,
        completed=places.located,
        key="signatures",
        file_name=f"energy_signatures_{begin.astimezone(say.zone):%Y-%m}",
        nothing=say("signature.nothing"),
        shown=_SHOWN,
        headings={"days": say("signature.days")},
        values={"fit": "fit"},
        digits=_DIGITS,
    )


def heating_year(say: Words, years: pl.DataFrame, *, key: str = "heating_year") -> tuple[datetime, datetime]:
    """Lets one heating year be chosen, the latest at first.

    Args:
        say: Who reads it.
        years: ``period_start`` and ``period_end`` (UTC), the latest first; at least one.
        key: Parameter of the address.

    Returns:
        Its start and end, UTC.
    """
    ends = {f"{begin.astimezone(say.zone):%Y-%m}": (begin, end) for begin, end in years.rows()}
    named = {
        name: f"{say.date(begin.astimezone(say.zone))} – {say.date((end - timedelta(seconds=1)).astimezone(say.zone))}"
        for name, (begin, end) in ends.items()
    }
    chosen = filters.one_of(say("signature.year"), tuple(ends), key=key, named=named.__getitem__)
    return ends[chosen]


def lines_of(say: Words, point: str, found: pl.DataFrame) -> dict[str, tuple[float, float, float]]:
    """The fitted line of a point as the chart takes it; none where nothing was fitted."""
    usable = found.filter(pl.col("metering_point") == point).drop_nulls(["slope_kw_per_k", "base_kw", "t0_c"])
    rows = usable.select("period_start", "slope_kw_per_k", "base_kw", "t0_c").rows()
    return {
        say("signature.line", year=say.date(start.astimezone(say.zone))): (slope, base, t0)
        for start, slope, base, t0 in rows
    }


def _point(say: Words, point: str, begin: datetime, end: datetime, found: pl.DataFrame) -> None:
    first = begin.astimezone(say.zone).date()
    last = (end - timedelta(seconds=1)).astimezone(say.zone).date()
    days = remembered(heat_days.of_point, policy(WeatherPolicy), heat_days.Asked(point, first, last, say.zone))
    if days.drop_nulls(["outdoor_temp_c", "power_kw"]).is_empty():
        st.info(say("signature.no_days", point=point), icon=":material/info:")
        return
    mine = found.filter(metering_point=point)
    if mine.height:
        row = mine.row(0, named=True)
        cells = (
            (say("signature.slope"), say.amount(row["slope_kw_per_k"], "kW/K", 3), say("signature.slope_help")),
            (say("signature.base"), say.amount(row["base_kw"], "kW", 2), say("signature.base_help")),
            (say("signature.heating_from"), say.amount(row["t0_c"], "degC", 1), say("signature.heating_from_help")),
            (
                say("signature.fit"),
                say.named("fit", row["fit"]),
                say("signature.fit_help", r2=say.number(row["r2"], 2)),
            ),
        )
        draw_cells(cells)
    figure = charts.signature(days, lines_of(say, point, found), say)
    st.plotly_chart(figure, config=CONFIG, key="chart", alt=say("signature.chart", point=point))
