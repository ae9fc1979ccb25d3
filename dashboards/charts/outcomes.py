"""What became of frames."""

import plotly.graph_objects as go
import polars as pl

from dashboards import looks
from dashboards.charts.frame import DAY_MS, GRID, LEGEND, framed
from dashboards.words import Words

_EVERY_DAY = 14


def outcomes(days: pl.DataFrame, say: Words) -> go.Figure:
    """Stacked bars of frames by arrival day and outcome.

    Args:
        days: From :func:`warehouse.queries.overview.outcomes_by_day`.
        say: Who reads it.
    """
    figure = go.Figure()
    present = days["outcome"].unique().to_list()
    for outcome in sorted(present, key=[*looks.OUTCOME_COLOUR, *present].index):
        rows = days.filter(pl.col("outcome") == outcome)
        name = say.named("outcome", outcome)
        figure.add_bar(
            x=rows["landed_day"].to_list(),
            y=rows["frames"].to_list(),
            customdata=say.periods(rows["landed_day"], "daily").to_list(),
            name=name,
            marker_color=looks.OUTCOME_COLOUR.get(outcome),
            hovertemplate="%{customdata}: %{y:,} " + name + "<extra></extra>",
        )
    ticks = days["landed_day"].unique().sort()
    ticks = ticks.gather_every(-(-ticks.len() // _EVERY_DAY))
    figure.update_layout(barmode="stack", bargap=0.3, height=320, showlegend=True, legend=LEGEND)
    figure.update_xaxes(
        type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list(), dtick=DAY_MS
    )
    figure.update_yaxes(title_text=say("chart.frames"), gridcolor=GRID)
    return framed(figure, say)
