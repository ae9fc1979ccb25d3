"""Pressures of two sensors against each other, and of districts by day."""

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from dashboards import looks
from dashboards.charts.frame import GRID, LEGEND, framed
from dashboards.words import Words

_STYLES = (
    (looks.FIRST_LINE, "solid"),
    (looks.SECOND_LINE, "dash"),
    (looks.THIRD_LINE, "dot"),
    (looks.COOLING, "dashdot"),
)
_SYMBOL = {"low": "triangle-down", "high": "triangle-up", "surge": "star", "drop": "x"}
_MOST = 2500
"""Marks of a line; more are drawn by their extremes."""


def two(grid: pl.DataFrame, difference: pl.DataFrame, events: pl.DataFrame, title: str, say: Words) -> go.Figure:
    """Pressures of sensors, and below the head of the first above that of the second.

    Args:
        grid: ``metering_point``, ``at``, ``min_bar``, ``mean_bar`` and ``max_bar`` of the sensors.
        difference: ``at`` and ``difference_m``; may be empty.
        events: ``metering_point``, ``kind``, ``at`` and ``extreme_bar`` of the sensors.
        title: Of the axis of the difference.
        say: Who reads it.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.62, 0.38])
    for number, ((point,), mine) in enumerate(grid.group_by("metering_point", maintain_order=True)):
        colour, dash = _STYLES[number % len(_STYLES)]
        rows = _thinned(mine, "mean_bar")
        figure.add_trace(
            go.Scatter(
                x=_local(rows["at"], say),
                y=rows["mean_bar"].to_list(),
                customdata=say.instants(rows["at"]).to_list(),
                mode="lines",
                name=str(point),
                line={"color": colour, "dash": dash, "width": 1.8},
                hovertemplate="%{customdata}<br>" + str(point) + ": <b>%{y:.2f} bar</b><extra></extra>",
            ),
            row=1,
            col=1,
        )
    levels = grid.group_by("metering_point").agg(pl.col("mean_bar").mean())
    for (kind,), mine in events.join(levels, on="metering_point").group_by("kind", maintain_order=True):
        name = say.named("pressure_event", str(kind))
        # A surge is a step, not a level: it stands at the sensor's mean.
        height = mine["mean_bar"] if kind == "surge" else mine["extreme_bar"]
        figure.add_trace(
            go.Scatter(
                x=_local(mine["at"], say),
                y=height.to_list(),
                customdata=mine.select("metering_point", said=say.instants(mine["at"])).rows(),
                text=[say.number(value, 2) for value in mine["extreme_bar"].to_list()],
                mode="markers",
                name=name,
                marker={"symbol": _SYMBOL.get(str(kind), "circle"), "size": 11, "color": looks.OTHER_EVENT[1]},
                hovertemplate="%{customdata[1]}<br>%{customdata[0]}: " + name + " <b>%{text} bar</b><extra></extra>",
            ),
            row=1,
            col=1,
        )
    lost = _thinned(difference, "difference_m")
    figure.add_trace(
        go.Scatter(
            x=_local(lost["at"], say),
            y=lost["difference_m"].to_list(),
            customdata=say.instants(lost["at"]).to_list(),
            mode="lines",
            name=title,
            line={"color": looks.COOLING, "width": 1.8},
            hovertemplate="%{customdata}<br><b>%{y:.2f} m</b><extra></extra>",
        ),
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text="bar", gridcolor=GRID, row=1, col=1)
    figure.update_yaxes(title_text="m", gridcolor=GRID, row=2, col=1)
    days = grid["at"].dt.convert_time_zone(say.zone.key).dt.date().unique().sort()
    ticks = days.gather_every(max(1, -(-days.len() // 10)))
    figure.update_xaxes(type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list())
    figure.update_layout(height=520, legend=LEGEND, showlegend=True)
    return framed(figure, say)


def zones(rows: pl.DataFrame, say: Words) -> go.Figure:
    """Average pressure of districts by day.

    Args:
        rows: From :func:`warehouse.queries.water.zone_pressures`.
        say: Who reads it.
    """
    figure = go.Figure()
    for number, ((district,), mine) in enumerate(rows.group_by("district", maintain_order=True)):
        colour, dash = _STYLES[number % len(_STYLES)]
        figure.add_scatter(
            x=mine["day"].to_list(),
            y=mine["pressure_m"].to_list(),
            customdata=say.periods(mine["day"], "daily").to_list(),
            mode="lines+markers",
            name=str(district),
            line={"color": colour, "dash": dash},
            hovertemplate="%{customdata}<br>" + str(district) + ": <b>%{y:.1f} m</b><extra></extra>",
        )
    ticks = rows["day"].unique().sort()
    ticks = ticks.gather_every(max(1, -(-ticks.len() // 10)))
    figure.update_xaxes(type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list())
    figure.update_yaxes(title_text=say("pressure_chart.zone"), gridcolor=GRID)
    figure.update_layout(height=320, legend=LEGEND, showlegend=True)
    return framed(figure, say)


def _local(at: pl.Series, say: Words) -> list[object]:
    return at.dt.convert_time_zone(say.zone.key).dt.replace_time_zone(None).to_list()


def _thinned(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of many rows the lowest and the highest of each bunch, by time, so that no peak is lost."""
    if rows.height <= _MOST:
        return rows
    bunch = (pl.int_range(pl.len()) * (_MOST // 2) // pl.len()).alias("bunch")
    bunched = rows.with_columns(bunch)
    ends = [bunched.group_by("bunch").agg(pl.all().sort_by(column).get(place)) for place in (0, -1)]
    return pl.concat(ends).unique("at").sort("at").drop("bunch")
