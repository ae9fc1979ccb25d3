"""Curves of several quantities over one time, by two axes at most."""

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from dashboards import looks
from dashboards.charts.frame import GRID, LEGEND, framed
from dashboards.words import Words
from warehouse.queries.comparison import Step

MOST_UNITS = 2


def comparison(grid: pl.DataFrame, names: Sequence[str], units: Sequence[str], *, step: Step, say: Words) -> go.Figure:
    """One curve per series; gaps stay gaps.

    Args:
        grid: From :func:`warehouse.queries.comparison.on_common_grid`.
        names: Of the series, in their order.
        units: Of the series; of :data:`MOST_UNITS` different ones at most, the first of which has the left axis.
        step: Of the grid.
        say: Who reads it.

    Returns:
        The figure, on local time.
    """
    axes = list(dict.fromkeys(units))
    local = grid["at"].dt.convert_time_zone(say.zone.key).dt.replace_time_zone(None)
    # Elapsed time, so that the two hours of the autumn change stand apart; days stand on the calendar.
    places = grid["at"].dt.replace_time_zone(None) if step == "hourly" else local
    times = say.periods(grid["at"], step).to_list()
    figure = go.Figure()
    for place, (name, unit) in enumerate(zip(names, units, strict=True)):
        values = grid[str(place)]
        said = grid.select(say.numbers(pl.col(str(place)).round(3).cast(pl.Decimal(18, 3)))).to_series()
        symbol = say.unit(unit)
        figure.add_trace(
            go.Scatter(
                x=places.to_list(),
                y=values.to_list(),
                name=name,
                mode="lines+markers" if grid.height <= 60 else "lines",
                connectgaps=False,
                yaxis="y" if unit == axes[0] else "y2",
                line={"color": looks.SERIES[place % len(looks.SERIES)], "dash": looks.DASH[place % len(looks.DASH)]},
                customdata=list(zip(times, said.fill_null(say("common.unknown")).to_list(), strict=True)),
                hovertemplate=f"%{{customdata[0]}}<br><b>%{{customdata[1]}} {symbol}</b><br>{name}<extra></extra>",
            )
        )
    for number, unit in enumerate(axes[:MOST_UNITS]):
        title = " / ".join(dict.fromkeys(_kinds(names, units, unit))) if len(axes) > 1 else say.unit(unit)
        right = {"overlaying": "y", "side": "right", "showgrid": False} if number else {"gridcolor": GRID}
        figure.update_layout({f"yaxis{number + 1 if number else ''}": {"title": {"text": title}, **right}})
    marks = pl.DataFrame({"place": places, "local": local})
    if step == "hourly":
        marks = marks.filter(pl.col("local").dt.hour() == 0)
    marks = marks.gather_every(max(1, -(-marks.height // 12)))
    figure.update_xaxes(
        type="date",
        showgrid=False,
        tickvals=marks["place"].to_list(),
        ticktext=say.ticks(marks["local"].dt.date()).to_list(),
    )
    figure.update_layout(height=440, legend=LEGEND, hovermode="closest")
    return framed(figure, say, top=60)


def _kinds(names: Sequence[str], units: Sequence[str], unit: str) -> list[str]:
    """What stands on an axis: the names of its series without their points."""
    return [name.split(" · ", 1)[-1] for name, own in zip(names, units, strict=True) if own == unit]
