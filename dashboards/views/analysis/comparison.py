"""Several meters, or several values of one meter, in one figure."""

from datetime import timedelta

import polars as pl
import streamlit as st

from dashboards.charts.comparison import MOST_UNITS
from dashboards.charts.comparison import comparison as chart
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import AsKnown, remembered
from dashboards.viewer import words
from dashboards.words import Words
from warehouse.queries import comparison as queries
from warehouse.queries import consumption, subjects
from warehouse.queries.comparison import Compared, Series, Step
from warehouse.schemas.registers import CUMULATIVE, GAUGES, UNITS

_MOST = 8
_BACK = {"hourly": 6, "daily": 30}
_STEPS: tuple[Step, ...] = ("hourly", "daily")


def page() -> None:
    """Draws the page."""
    say = words()
    if remembered(subjects.metering_points).is_empty():
        st.info(say("consumption.no_points"), icon=":material/info:")
        return
    left, right = st.columns([3, 1])
    with left:
        points = filters.points(say)
    with right:
        at = filters.as_of(say)
    if not points:
        st.info(say("comparison.no_points"), icon=":material/info:")
        return
    known = remembered(AsKnown(consumption.registers, at), subjects.point(*points))
    left, middle, right = st.columns([2, 1, 1])
    with left:
        quantities = filters.several(
            say("comparison.quantities"),
            [*known, *GAUGES],
            key="quantity",
            default=known[:1],
            named=say.register,
        )
    with middle:
        step: Step = filters.choice(
            say("filter.interval"), _STEPS, key="step", default="hourly", named=lambda name: say(f"interval.{name}")
        )
    if not quantities:
        st.info(say("comparison.no_quantity"), icon=":material/info:")
        return
    extents = [remembered(AsKnown(consumption.extent, at), subjects.point(*points), name) for name in known]
    there = [extent for extent in extents if extent is not None]
    if not there:
        st.info(say("consumption.no_figures", name=", ".join(points)), icon=":material/info:")
        return
    with right:
        extent = (min(first for first, _ in there), max(last for _, last in there))
        days = filters.period(say, extent, back=_BACK[step], key=f"days_{step}")
    if days is None:
        return
    filters.told_past(say, at)
    series = _series(say, points, quantities)
    interval = timedelta(seconds=installation().settings.expected_interval_s)
    grid = remembered(AsKnown(queries.on_common_grid, at), series, Compared(days[0], days[1], say.zone, step, interval))
    _show(say, series, grid, step)


def _series(say: Words, points: list[str], quantities: list[str]) -> list[Series]:
    """What is shown: as many units as there are axes, and as many curves as can be told apart."""
    units = list(dict.fromkeys(UNITS[name] for name in quantities))
    if len(units) > MOST_UNITS:
        left_out = ", ".join(say.register(name) for name in quantities if UNITS[name] not in units[:MOST_UNITS])
        st.warning(say("comparison.too_many_units", left_out=left_out), icon=":material/warning:")
    shown = [name for name in quantities if UNITS[name] in units[:MOST_UNITS]]
    series = [Series(point, name) for name in shown for point in points]
    if len(series) > _MOST:
        st.warning(say("comparison.too_many", most=say.number(_MOST)), icon=":material/warning:")
    return series[:_MOST]


def _show(say: Words, series: list[Series], grid: pl.DataFrame, step: Step) -> None:
    names = [f"{one.point} · {say.register(one.quantity)}" for one in series]
    empty = [name for place, name in enumerate(names) if grid[str(place)].is_null().all()]
    if len(empty) == len(names):
        st.info(say("comparison.nothing"), icon=":material/info:")
        return
    if empty:
        st.info(say("comparison.without_values", names=", ".join(empty)), icon=":material/info:")
    st.plotly_chart(
        chart(grid, names, [UNITS[one.quantity] for one in series], step=step, say=say),
        config=CONFIG,
        key="chart",
        alt=say("comparison.alt", names=", ".join(names)),
    )
    _likeness(say, names, grid, step)
    headings = {str(place): name for place, name in enumerate(names)}
    table(
        say,
        grid.rename({place: _column(series[int(place)]) for place in headings}),
        key="grid",
        file_name="_".join(dict.fromkeys(one.point for one in series)),
        nothing=say("comparison.nothing"),
        headings={_column(one): name for one, name in zip(series, names, strict=True)},
        digits={_column(one): 3 if one.quantity in CUMULATIVE else 2 for one in series},
        may_group=False,
    )


def _column(one: Series) -> str:
    return f"{one.point} {one.quantity}"


def _likeness(say: Words, names: list[str], grid: pl.DataFrame, step: Step) -> None:
    """Says of each curve how alike it is to the first one, and whether it is shifted."""
    for row in queries.likeness(grid, step).rows(named=True):
        values = {
            "name": names[row["series"]],
            "first": names[0],
            "correlation": say.number(row["correlation"], 2),
            "shifted": say.number(row["shifted"], 2),
            "common": say.number(row["common"]),
            "steps": say.number(abs(row["lag"])),
        }
        if row["shifted"] is None:
            st.caption(say("comparison.unlike", **values))
        elif row["lag"]:
            way = "behind" if row["lag"] > 0 else "ahead"
            st.warning(say(f"comparison.{way}_{step}", **values), icon=":material/schedule:")
        else:
            st.caption(say("comparison.alike", **values))
