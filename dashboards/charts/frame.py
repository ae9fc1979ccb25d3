"""What all figures share."""

from typing import Any

import plotly.graph_objects as go

from dashboards.words import Words

CONFIG: dict[str, Any] = {"displayModeBar": False}
"""Options of every chart: a drag zooms, a double click shows all again."""

LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.01, "xanchor": "left", "x": 0, "traceorder": "normal"}
GRID = "rgba(128, 128, 128, 0.2)"
DAY_MS = 86_400_000


def framed(figure: go.Figure, say: Words, *, top: int = 40) -> go.Figure:
    """Gives a figure narrow margins and the separators of the language.

    Args:
        figure: Changed in place.
        say: Who reads it.
        top: Room for the legend [px].

    Returns:
        The same figure.
    """
    figure.update_layout(
        margin={"l": 10, "r": 10, "t": top, "b": 10}, separators=say.separators, hoverlabel={"align": "left"}
    )
    return figure
