"""Cooling, temperatures, months and energy signatures of heat points."""

from collections.abc import Mapping
from datetime import date

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from dashboards import looks
from dashboards.charts.frame import GRID, LEGEND, framed
from dashboards.words import Words
from warehouse.policies.map import MapPolicy, MapRule

SHOWN = 20
"""Points of a ranking."""

_DASH = {"flow_temp_c": "solid", "return_temp_c": "dash", "cooling_k": "dot"}
_RATING = pl.col("rating").fill_null("unknown")
_COLOUR = {"flow_temp_c": looks.FLOW, "return_temp_c": looks.RETURN, "cooling_k": looks.COOLING}


def ranking(rows: pl.DataFrame, say: Words) -> go.Figure:
    """Bars of the largest excess volumes, patterned by rating.

    Args:
        rows: ``metering_point``, ``excess_m3`` and ``rating`` (nullable) of a heat report.
        say: Who reads it.
    """
    top = rows.filter(pl.col("excess_m3") > 0).sort("excess_m3", "metering_point", descending=[True, False]).head(SHOWN)
    figure = go.Figure()
    for rating, look in looks.RATING.items():
        mine = top.filter(pl.col("rating").fill_null("unknown") == rating)
        if mine.height:
            name = say.named("rating", rating)
            figure.add_bar(
                x=mine["excess_m3"].to_list(),
                y=mine["metering_point"].to_list(),
                orientation="h",
                name=name,
                marker={"color": look.colour, "pattern": {"shape": look.pattern, "size": 5}},
                hovertemplate="%{y}: <b>%{x:,.1f} m³</b> " + name + "<extra></extra>",
            )
    figure.update_yaxes(
        autorange="reversed", categoryorder="array", categoryarray=top["metering_point"].to_list(), type="category"
    )
    figure.update_xaxes(title_text=say("heat_chart.excess"), gridcolor=GRID, rangemode="tozero")
    figure.update_layout(
        height=120 + 26 * max(2, top.height), legend=LEGEND, barmode="overlay", showlegend=True, bargap=0.25
    )
    return framed(figure, say)


def distribution(rows: pl.DataFrame, column: str, title: str, say: Words, *, limit: float | None = None) -> go.Figure:
    """How many points lie at which temperature, by whole kelvins.

    Args:
        rows: Rows of a heat report.
        column: ``flow_temp_c``, ``return_temp_c`` or ``cooling_k``.
        title: Of the axis.
        say: Who reads it.
        limit: Drawn as a line.
    """
    counts = rows.drop_nulls(column).group_by(pl.col(column).floor().alias("from")).len().sort("from")
    figure = go.Figure()
    figure.add_bar(
        x=(counts["from"] + 0.5).to_list(),
        y=counts["len"].to_list(),
        width=0.9,
        marker_color=_COLOUR[column],
        customdata=counts.select("from", to=pl.col("from") + 1).rows(),
        hovertemplate="%{customdata[0]:.0f}–%{customdata[1]:.0f}: <b>%{y:,}</b><extra></extra>",
    )
    if limit is not None:
        figure.add_vline(x=limit, line={"dash": "dash", "color": "#888888"})
    figure.update_xaxes(title_text=title, showgrid=False)
    figure.update_yaxes(title_text=say("heat_chart.points"), gridcolor=GRID, rangemode="tozero", tickformat=",d")
    figure.update_layout(height=300, showlegend=False)
    return framed(figure, say, top=10)


def months(rows: pl.DataFrame, say: Words) -> go.Figure:
    """Heat of months as counted and as normalised, side by side.

    Args:
        rows: From :func:`warehouse.queries.normalisation.by_month`.
        say: Who reads it.
    """
    names = say.periods(rows["month"], "monthly").to_list()
    figure = go.Figure()
    for column, text, look in (
        ("consumption_kwh", say("heat_chart.counted"), looks.QUALITY["M"]),
        ("normalised_kwh", say("heat_chart.normalised"), looks.QUALITY["E"]),
    ):
        figure.add_bar(
            x=names,
            y=rows[column].to_list(),
            name=text,
            marker={"color": look.colour, "pattern": {"shape": look.pattern, "size": 5}},
            hovertemplate="%{x}<br><b>%{y:,.0f} kWh</b><br>" + text + "<extra></extra>",
        )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(title_text="kWh", gridcolor=GRID, rangemode="tozero")
    figure.update_layout(height=340, barmode="group", legend=LEGEND)
    return framed(figure, say)


def signature(days: pl.DataFrame, fits: Mapping[str, tuple[float, float, float]], say: Words) -> go.Figure:
    """Power against the outdoor temperature, with fitted lines.

    Args:
        days: ``day``, ``outdoor_temp_c`` and ``power_kw``.
        fits: Slope (kW/K), base (kW) and t0 (degC) by name of the line; the first one is that of the days.
        say: Who reads it.
    """
    known = days.drop_nulls(["outdoor_temp_c", "power_kw"])
    figure = go.Figure()
    figure.add_scatter(
        x=known["outdoor_temp_c"].to_list(),
        y=known["power_kw"].to_list(),
        customdata=say.periods(known["day"], "daily").to_list(),
        mode="markers",
        name=say("heat_chart.day"),
        marker={"size": 7, "color": looks.FIRST_LINE, "opacity": 0.6},
        hovertemplate="%{customdata}<br>%{x:.1f} °C<br><b>%{y:.2f} kW</b><extra></extra>",
    )
    low, high = known.select(low=pl.col("outdoor_temp_c").min(), high=pl.col("outdoor_temp_c").max()).row(0)
    for number, (name, (slope, base, t0)) in enumerate(fits.items()):
        ends = [-10.0 if low is None else low, t0, max(t0 + 3, t0 if high is None else high)]
        figure.add_scatter(
            x=ends,
            y=[base + slope * max(0.0, t0 - end) for end in ends],
            mode="lines",
            name=name,
            line={
                "color": (looks.SECOND_LINE, looks.THIRD_LINE)[number % 2],
                "width": 3,
                "dash": ("solid", "dash")[number % 2],
            },
            hovertemplate=name + "<br>%{x:.1f} °C: <b>%{y:.2f} kW</b><extra></extra>",
        )
    figure.update_xaxes(title_text=say("heat_chart.outdoor"), gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title_text=say("heat_chart.power"), gridcolor=GRID, rangemode="tozero")
    figure.update_layout(height=420, legend=LEGEND, showlegend=True)
    return framed(figure, say)


def course(days: pl.DataFrame, say: Words, *, limit: float | None = None, since: date | None = None) -> go.Figure:
    """Temperatures and cooling of a point by day, with its volume below.

    Args:
        days: From :func:`warehouse.queries.heat_days.of_point`.
        say: Who reads it.
        limit: A limit on the axis of temperatures.
        since: Day that something is found from.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.7, 0.3])
    texts = say.periods(days["day"], "daily").to_list()
    for column in ("flow_temp_c", "return_temp_c", "cooling_k"):
        name = say.heading(column)
        figure.add_trace(
            go.Scatter(
                x=days["day"].to_list(),
                y=days[column].to_list(),
                customdata=texts,
                mode="lines",
                name=name,
                line={"color": _COLOUR[column], "dash": _DASH[column], "width": 2},
                hovertemplate="%{customdata}<br>" + name + ": <b>%{y:.1f}</b><extra></extra>",
            ),
            row=1,
            col=1,
        )
    figure.add_trace(
        go.Bar(
            x=days["day"].to_list(),
            y=days["volume_m3"].cast(pl.Float64).to_list(),
            customdata=texts,
            name=say.register("volume_m3"),
            marker_color=looks.QUALITY["N"].colour,
            hovertemplate="%{customdata}<br><b>%{y:,.2f} m³</b><extra></extra>",
        ),
        row=2,
        col=1,
    )
    _marked(figure, limit, since)
    figure.update_yaxes(title_text="°C, K", gridcolor=GRID, row=1, col=1)
    figure.update_yaxes(title_text="m³", gridcolor=GRID, rangemode="tozero", row=2, col=1)
    _day_axis(figure, days["day"], say)
    figure.update_layout(height=460, legend=LEGEND)
    return framed(figure, say)


def shares(days: pl.DataFrame, column: str, title: str, say: Words, *, limit: float | None, since: date) -> go.Figure:
    """A share by day, as a limit judges it.

    Args:
        days: ``day`` and the column (from 0 to 1, nullable).
        column: Which.
        title: Of the axis.
        say: Who reads it.
        limit: What the rule allows, in the same unit.
        since: Day that something is found from.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=days["day"].to_list(),
        y=(100 * days[column]).to_list(),
        customdata=say.periods(days["day"], "daily").to_list(),
        mode="lines+markers",
        name=title,
        line={"color": looks.FIRST_LINE},
        hovertemplate="%{customdata}<br><b>%{y:.1f} %</b><extra></extra>",
    )
    _marked(figure, None if limit is None else 100 * limit, since)
    figure.update_yaxes(title_text=f"{title} (%)", gridcolor=GRID, rangemode="tozero")
    _day_axis(figure, days["day"], say)
    figure.update_layout(height=360, showlegend=False)
    return framed(figure, say, top=10)


def _marked(figure: go.Figure, limit: float | None, since: date | None) -> None:
    if limit is not None:
        # A shape rather than a line of the figure, which would stand in every part of one with two.
        shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": limit, "y1": limit}
        figure.add_shape(**shape, line={"dash": "dash", "width": 1.5, "color": "#888888"})
    if since is not None:
        figure.add_vline(x=since.isoformat(), line={"dash": "dot", "width": 1.5, "color": "#888888"})


def _day_axis(figure: go.Figure, days: pl.Series, say: Words) -> None:
    ticks = days.unique().sort()
    ticks = ticks.gather_every(max(1, -(-ticks.len() // 10)))
    figure.update_xaxes(type="date", showgrid=False, tickvals=ticks.to_list(), ticktext=say.ticks(ticks).to_list())


def labels(rows: pl.DataFrame, column: str, say: Words) -> pl.Series:
    """Texts of places on the map.

    Args:
        rows: Rows of a heat report.
        column: The temperature or cooling that is said.
        say: Who reads it.

    Returns:
        A text per row.
    """
    named = _RATING.replace({name: say.named("rating", name) for name in looks.RATING})
    value = say.numbers(pl.col(column).round(1).cast(pl.Decimal(12, 1))).fill_null(say("heat.na"))
    label = pl.concat_str(pl.lit("<b>"), "metering_point", pl.lit(f"</b><br>{say.heading(column)}: "), value)
    return rows.select(label=pl.concat_str(label, pl.lit("<br>"), named)).to_series()


def rated(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a heat report with ``status`` as :func:`rules` ask for it: the rating."""
    return rows.with_columns(status=_RATING)


def rules(say: Words) -> MapPolicy:
    """Colours and symbols of ratings on the map."""
    found = tuple(
        MapRule(
            where={"status": frozenset({name})},
            colour=look.colour,
            symbol=looks.RATING_SYMBOL[name],
            text={"en": say.named("rating", name)},
        )
        for name, look in looks.RATING.items()
    )
    return MapPolicy(own_manufacturers=frozenset(), rules=found)
