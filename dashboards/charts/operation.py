"""Figures of the area operation: reading performance by day, and a questioned value among its neighbours."""

from datetime import datetime

import plotly.graph_objects as go
import polars as pl

from dashboards.charts.frame import DAY_MS, GRID, LEGEND, framed
from dashboards.looks import QUALITY
from dashboards.words import Words

_EVERY_DAY = 14
_BAR, _LINE, _POOR = "#2b7bba", "#c2781a", "#b04a4a"


def performance(days: pl.DataFrame, threshold: float, say: Words) -> go.Figure:
    """Bars of the share that was read, a line of the share that was read in time, and the threshold.

    Args:
        days: From :func:`warehouse.queries.performance.by_day`.
        threshold: Share below which a meter is poor [%].
        say: Who reads it.
    """
    x, named = days["day"].to_list(), say.periods(days["day"], "daily").to_list()
    hover = "%{customdata}: %{y:.1f} %<extra>%{fullData.name}</extra>"
    figure = go.Figure()
    figure.add_bar(
        x=x,
        y=days["performance"].to_list(),
        customdata=named,
        name=say("performance.read"),
        marker_color=_BAR,
        hovertemplate=hover,
    )
    figure.add_scatter(
        x=x,
        y=days["performance_on_time"].to_list(),
        customdata=named,
        name=say("performance.in_time"),
        mode="lines+markers",
        line={"color": _LINE, "width": 2},
        hovertemplate=hover,
    )
    figure.add_scatter(
        x=x,
        y=[threshold] * len(x),
        name=say("performance.threshold"),
        mode="lines",
        line={"color": _POOR, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
    ticks = days["day"].gather_every(max(1, -(-days.height // _EVERY_DAY)))
    figure.update_layout(height=320, bargap=0.3, legend=LEGEND, showlegend=True)
    figure.update_xaxes(
        type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list(), dtick=DAY_MS
    )
    figure.update_yaxes(range=[0, 105], ticksuffix=" %", gridcolor=GRID)
    return framed(figure, say)


def questioned(readings: pl.DataFrame, at: datetime, register: str, say: Words) -> go.Figure:
    """Readings around a questioned value, which has a mark of its own.

    Args:
        readings: From :func:`warehouse.queries.exceptions.around`.
        at: Time of the questioned value, UTC.
        register: What is shown.
        say: Who reads it.
    """
    local = readings.with_columns(
        pl.col("value").cast(pl.Float64), pl.col("measured_at").dt.convert_time_zone(say.zone.key)
    )
    wall = local["measured_at"].dt.replace_time_zone(None)
    said = say.instants(local["measured_at"]).to_list()
    colours = [QUALITY[quality].colour for quality in local["quality"]]
    figure = go.Figure()
    figure.add_scatter(
        x=wall.to_list(),
        y=local["value"].to_list(),
        customdata=said,
        name=say("exceptions.readings"),
        mode="lines+markers",
        line={"color": _BAR, "width": 1},
        marker={"color": colours, "size": 5},
        hovertemplate="%{customdata}: %{y}<extra></extra>",
    )
    point = local.filter(readings["measured_at"] == at)
    if point.height:
        figure.add_scatter(
            x=point["measured_at"].dt.replace_time_zone(None).to_list(),
            y=point["value"].to_list(),
            customdata=say.instants(point["measured_at"]).to_list(),
            name=say("exceptions.questioned"),
            mode="markers",
            marker={"color": _POOR, "size": 14, "symbol": "x"},
            hovertemplate="%{customdata}: %{y}<extra></extra>",
        )
    else:
        figure.add_vline(x=at.astimezone(say.zone).replace(tzinfo=None), line={"color": _POOR, "dash": "dash"})
    days = wall.dt.date().unique().sort()
    figure.update_layout(height=340, legend=LEGEND, showlegend=True)
    figure.update_xaxes(
        type="date", showgrid=False, tickvals=days.to_list(), ticktext=say.ticks(days).to_list(), dtick=DAY_MS
    )
    figure.update_yaxes(title_text=say.register(register), gridcolor=GRID)
    return framed(figure, say)
