"""Places on a map, which needs no tile server: a grid of degrees, or tiles where the installation names a server."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import polars as pl

from dashboards.charts.frame import GRID, LEGEND, framed
from dashboards.words import Words
from warehouse.policies.map import RULE, MapPolicy, MapRule

MOST_MARKS = 3000
"""Places up to which each has a mark of its own; more are drawn together by cells."""

_CELLS = 30
_MARK = 11
_LEAST, _MOST = 9, 20
"""Sizes of marks [px] of one place and of the most, where some have several; areas go by the number of places."""

_SMALLEST = 0.002  # degrees; one place alone is not magnified without end


@dataclass(frozen=True, slots=True)
class Tiles:
    """A tile server.

    Attributes:
        url: Address with ``{z}``, ``{x}`` and ``{y}``.
        attribution: Whose map it is.
    """

    url: str
    attribution: str = ""


def marks(rows: pl.DataFrame, policy: MapPolicy) -> pl.DataFrame:
    """Marks by the rules of a policy: one per place, or per cell and rule where there are many places.

    Args:
        rows: ``latitude`` and ``longitude`` (degrees, never null), ``row`` (number that a click gives back) and the
            columns that rules name.
        policy: Whose rules.

    Returns:
        ``latitude``, ``longitude``, ``rule`` (number in the policy), ``places`` (how many it stands for), ``row``
        (null where they are several), and ``south``, ``north``, ``west`` and ``east``: where these are.
    """
    judged = policy.judged(rows).select("latitude", "longitude", RULE, pl.col("row").cast(pl.Int64))
    if judged.height <= MOST_MARKS:
        lat, lon = pl.col("latitude"), pl.col("longitude")
        return judged.with_columns(south=lat, north=lat, west=lon, east=lon, places=pl.lit(1, pl.Int64))
    cells = [
        ((pl.col(name) - pl.col(name).min()) / (pl.col(name).max() - pl.col(name).min() + 1e-9) * _CELLS)
        .cast(pl.Int32)
        .alias(f"cell_{name}")
        for name in ("latitude", "longitude")
    ]
    grouped = judged.with_columns(cells).group_by("cell_latitude", "cell_longitude", RULE, maintain_order=True)
    return grouped.agg(
        pl.col("latitude", "longitude").mean(),
        south=pl.col("latitude").min(),
        north=pl.col("latitude").max(),
        west=pl.col("longitude").min(),
        east=pl.col("longitude").max(),
        places=pl.len().cast(pl.Int64),
        row=pl.when(pl.len() == 1).then(pl.col("row").first()),
    ).drop("cell_latitude", "cell_longitude")


def places(found: pl.DataFrame, policy: MapPolicy, say: Words, tiles: Tiles | None = None) -> go.Figure:
    """Draws marks.

    Args:
        found: From :func:`marks`, with ``label``: the text of the tooltip of a mark with a row, else null.
        policy: Colours and symbols.
        say: Who reads it.
        tiles: Tile server, if any.

    Returns:
        The figure; ``customdata`` of a mark is its ``row``, of several places -1 less the number of the mark.
    """
    several = say.rows("map.several", count=say.numbers(pl.col("places")))
    drawn = found.with_columns(
        pl.coalesce("label", several),
        pl.coalesce("row", -1 - pl.int_range(pl.len())),
        size=pl.when(pl.col("places").max() == 1)
        .then(_MARK)
        .otherwise((_MOST * (pl.col("places") / pl.col("places").max()).sqrt()).clip(_LEAST)),
    )
    figure = go.Figure()
    for number, rule in reversed([*enumerate(policy.rules)]):  # what a rule before others says lies above them
        mine = drawn.filter(pl.col(RULE) == number)
        if mine.height:
            figure.add_trace(_trace(mine, rule, say, tiles))
    figure.update_layout(height=560, legend={**LEGEND, "traceorder": "reversed"}, showlegend=True, dragmode="pan")
    framed(figure, say)
    return _tiled(figure, drawn, tiles) if tiles else _gridded(figure, drawn)


def _trace(rows: pl.DataFrame, rule: MapRule, say: Words, tiles: Tiles | None) -> go.Scatter | go.Scattermap:
    # As arrays: Plotly visits each element of a list, several times.
    columns = {name: rows[name].to_numpy() for name in ("longitude", "latitude", "label", "row", "size")}
    common = {
        "mode": "markers",
        "name": rule.named(say.language),
        "text": columns["label"],
        "customdata": columns["row"],
        "hovertemplate": "%{text}<extra></extra>",
    }
    marker = {"color": rule.colour, "size": columns["size"], "opacity": 0.9}
    if tiles:  # its symbols would come from a server, too
        return go.Scattermap(lat=columns["latitude"], lon=columns["longitude"], marker=marker, **common)
    outline = {"line": {"width": 1, "color": "white"}, "symbol": rule.symbol}
    return go.Scatter(x=columns["longitude"], y=columns["latitude"], marker=marker | outline, **common)


def _bounds(drawn: pl.DataFrame) -> tuple[list[float], list[float]]:
    """West and east, south and north, with a margin."""
    found = []
    for name in ("longitude", "latitude"):
        low, high = drawn.select(low=pl.col(name).min(), high=pl.col(name).max()).row(0)
        margin = max(_SMALLEST, (high - low) * 0.06)
        found.append([low - margin, high + margin])
    return found[0], found[1]


def _gridded(figure: go.Figure, drawn: pl.DataFrame) -> go.Figure:
    """North up, and a degree of longitude as much shorter than one of latitude as it is at that place."""
    (west, east), (south, north) = _bounds(drawn)
    ratio = 1 / max(0.05, float(np.cos(np.radians((south + north) / 2))))
    degrees = {"showgrid": True, "gridcolor": GRID, "zeroline": False, "ticksuffix": "°", "nticks": 6}
    figure.update_xaxes(range=[west, east], **degrees)
    figure.update_yaxes(range=[south, north], scaleanchor="x", scaleratio=ratio, **degrees)
    return figure


def _tiled(figure: go.Figure, drawn: pl.DataFrame, tiles: Tiles) -> go.Figure:
    (west, east), (south, north) = _bounds(drawn)
    layer = {"below": "traces", "sourcetype": "raster", "source": [tiles.url], "sourceattribution": tiles.attribution}
    margin = 0.2  # tiles keep their scale, so that the frame is wider than what is in it
    bounds = {"west": west - margin, "east": east + margin, "south": south - margin, "north": north + margin}
    zoom = float(np.clip(np.log2(360 / max(east - west, 2 * (north - south))), 1, 17))
    centre = {"lat": (south + north) / 2, "lon": (west + east) / 2}
    figure.update_layout(map={"style": _EMPTY, "layers": [layer], "center": centre, "zoom": zoom, "bounds": bounds})
    return figure


_EMPTY = {"version": 8, "sources": {}, "layers": []}
"""A map's style that loads nothing."""
