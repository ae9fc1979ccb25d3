"""Losses, balances and night flow of districts; the hours of a leak."""

from datetime import date, datetime, timedelta
from typing import Literal

import plotly.graph_objects as go
import polars as pl

from dashboards import looks
from dashboards.charts.frame import DAY_MS, GRID, LEGEND, framed
from dashboards.words import Words

_COLOURS = (looks.FIRST_LINE, looks.SECOND_LINE, looks.THIRD_LINE, looks.COOLING)
_WIDTH = {"daily": 0.8 * DAY_MS, "monthly": 22 * DAY_MS}
_STATES = {"known": looks.QUALITY["M"], "interval": looks.QUALITY["E"]}


def losses(rows: pl.DataFrame, interval: Literal["daily", "monthly"], say: Words) -> go.Figure:
    """Losses of one district by period with their bounds; of periods whose loss is not stated, the bounds alone.

    Args:
        rows: From :func:`warehouse.queries.water.balances`, of one district.
        interval: Length of the periods.
        say: Who reads it.
    """
    figure = go.Figure()
    bounded = rows.drop_nulls(["loss_low_m3", "loss_high_m3"])
    for state, look in _STATES.items():
        mine = bounded.filter(state=state).with_columns(
            middle=pl.coalesce("loss_m3", (pl.col("loss_low_m3") + pl.col("loss_high_m3")) / 2)
        )
        if mine.is_empty():
            continue
        name, days = say.named("loss_state", state), say.periods(mine["day"], interval).to_list()
        spread = {
            "type": "data",
            "symmetric": False,
            "array": (mine["loss_high_m3"] - mine["middle"]).to_list(),
            "arrayminus": (mine["middle"] - mine["loss_low_m3"]).to_list(),
            "thickness": 1.5,
            "width": 4,
            "color": "#888888",
        }
        common = {
            "x": mine["day"].to_list(),
            "y": mine["middle"].to_list(),
            "name": name,
            "customdata": [
                [day, low, high]
                for day, low, high in zip(
                    days, mine["loss_low_m3"].to_list(), mine["loss_high_m3"].to_list(), strict=True
                )
            ],
        }
        bounds = "%{customdata[1]:,.0f} – %{customdata[2]:,.0f} m³<br>" + name + "<extra></extra>"
        if state == "known":
            figure.add_bar(
                **common,
                width=_WIDTH[interval],
                error_y=spread,
                marker={"color": look.colour},
                hovertemplate="%{customdata[0]}<br><b>%{y:,.0f} m³</b><br>" + bounds,
            )
        else:
            figure.add_scatter(
                **common,
                error_y=spread | {"color": look.colour, "thickness": 3},
                mode="markers",
                marker={"color": look.colour, "size": 6, "symbol": "line-ns-open"},
                hovertemplate="%{customdata[0]}<br>" + bounds,
            )
    figure.update_yaxes(title_text=say("water_chart.loss"), gridcolor=GRID, zeroline=True, zerolinecolor="#888888")
    _axis(figure, rows["day"], interval, say)
    figure.update_layout(height=340, legend=LEGEND, showlegend=True)
    return framed(figure, say)


def balance(rows: pl.DataFrame, interval: Literal["daily", "monthly"], say: Words) -> go.Figure:
    """Where the water of a district went, by period: consumption, authorised use, apparent and real loss.

    Args:
        rows: As in :func:`losses`.
        interval: Length of the periods.
        say: Who reads it.
    """
    figure = go.Figure()
    days = say.periods(rows["day"], interval).to_list()
    for column, look in looks.BALANCE.items():
        if not (rows[column].fill_null(0) != 0).any():
            continue
        name = say.heading(column)
        figure.add_bar(
            x=rows["day"].to_list(),
            y=rows[column].to_list(),
            name=name,
            width=_WIDTH[interval],
            customdata=days,
            marker={"color": look.colour, "pattern": {"shape": look.pattern, "size": 5}},
            hovertemplate="%{customdata}<br><b>%{y:,.0f} m³</b><br>" + name + "<extra></extra>",
        )
    figure.add_scatter(
        x=rows["day"].to_list(),
        y=rows["input_m3"].to_list(),
        customdata=days,
        name=say.heading("input_m3"),
        mode="markers",
        marker={"symbol": "line-ew-open", "size": 22 if rows.height < 40 else 8, "color": "#888888"},
        hovertemplate="%{customdata}<br><b>%{y:,.0f} m³</b><br>" + say.heading("input_m3") + "<extra></extra>",
    )
    figure.update_yaxes(title_text="m³", gridcolor=GRID)
    _axis(figure, rows["day"], interval, say)
    figure.update_layout(height=420, barmode="relative", legend=LEGEND | {"y": -0.18, "yanchor": "top"})
    return framed(figure, say, top=10)


def night_flow(rows: pl.DataFrame, alarms: pl.DataFrame, say: Words) -> go.Figure:
    """Minimum night flow, legitimate use and leakage of one district by day, with the alarms as bands.

    Args:
        rows: From :func:`warehouse.queries.water.night_flows`, of one district.
        alarms: From :func:`warehouse.queries.water.loss_alarms`, of it.
        say: Who reads it.
    """
    figure = go.Figure()
    days = say.periods(rows["day"], "daily").to_list()
    columns = ("mnf_m3h", "mnf_median_m3h", "lnu_median_m3h", "leak_night_m3h")
    for column, colour, dash in zip(columns, _COLOURS, ("dot", "solid", "dash", "dashdot"), strict=True):
        name = say.heading(column)
        figure.add_scatter(
            x=rows["day"].to_list(),
            y=rows[column].to_list(),
            customdata=days,
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="%{customdata}<br>" + name + ": <b>%{y:,.2f} m³/h</b><extra></extra>",
        )
    for kind, first, last in alarms.select("kind", "first_day", pl.col("last_day").dt.offset_by("1d")).rows():
        figure.add_vrect(
            x0=first.isoformat(),
            x1=last.isoformat(),
            fillcolor=looks.OTHER_EVENT[1],
            opacity=0.12,
            line_width=0,
            annotation_text=say.named("loss_alarm", kind),
            annotation_position="top left",
        )
    figure.update_yaxes(title_text="m³/h", gridcolor=GRID, rangemode="tozero")
    _axis(figure, rows["day"], "daily", say)
    figure.update_layout(height=400, legend=LEGEND | {"y": -0.18, "yanchor": "top"})
    return framed(figure, say, top=24)


def leak(hours: pl.DataFrame, first: datetime, last: datetime, rate_lh: float, say: Words) -> go.Figure:
    """Flow by hour around a leak, which is shaded, with the flow that is taken for lost.

    Args:
        hours: ``period_start`` and ``consumption`` (m3) of the hours.
        first: First evidence (UTC).
        last: Last evidence (UTC).
        rate_lh: Flow that is taken for lost [l/h].
        say: Who reads it.
    """
    local = hours["period_start"].dt.convert_time_zone(say.zone.key).dt.replace_time_zone(None)
    figure = go.Figure()
    figure.add_scatter(
        x=local.to_list(),
        y=(hours["consumption"].cast(pl.Float64) * 1000).to_list(),
        customdata=say.periods(hours["period_start"], "hourly").to_list(),
        mode="lines",
        line={"shape": "hv", "color": looks.FIRST_LINE, "width": 1.5},
        name=say("water_chart.flow"),
        hovertemplate="%{customdata}<br><b>%{y:,.0f} l/h</b><extra></extra>",
    )
    ends = [at.astimezone(say.zone).replace(tzinfo=None).isoformat() for at in (first, last)]
    figure.add_vrect(x0=ends[0], x1=ends[1], fillcolor=looks.OTHER_EVENT[1], opacity=0.12, line_width=0)
    figure.add_hline(y=rate_lh, line={"dash": "dash", "color": looks.OTHER_EVENT[1]})
    figure.update_yaxes(title_text="l/h", gridcolor=GRID, rangemode="tozero")
    ticks = local.dt.date().unique().sort()
    ticks = ticks.gather_every(max(1, -(-ticks.len() // 10)))
    figure.update_xaxes(type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list())
    figure.update_layout(height=320, showlegend=False)
    return framed(figure, say, top=10)


def _axis(figure: go.Figure, days: pl.Series, interval: Literal["daily", "monthly"], say: Words) -> None:
    ticks = days.unique().sort()
    ticks = ticks.gather_every(max(1, -(-ticks.len() // 10)))
    texts = say.ticks(ticks) if interval == "daily" else say.periods(ticks, "monthly").str.replace(" ", "<br>")
    around = timedelta(days=1 if interval == "daily" else 16)
    ends = [days.min(), days.max()]
    figure.update_xaxes(
        type="date",
        showgrid=False,
        tickvals=ticks.to_list(),
        ticktext=texts.to_list(),
        range=[end + sign * around for end, sign in zip(ends, (-1, 1), strict=True) if isinstance(end, date)],
    )
