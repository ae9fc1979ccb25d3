"""Figures drawn from frames; nothing here knows Streamlit."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from dashboards import wording
from warehouse.phrases import phrase
from warehouse.queries.consumption import QUALITIES, Interval
from warehouse.schemas import INSTANT

CONFIG = {"displayModeBar": False}
"""Options of every chart: a drag zooms, a double click shows all again."""

_PERIOD = {"hourly": "%a %-d %b %Y %H:%M %Z", "daily": "%a %-d %b %Y", "monthly": "%B %Y", "yearly": "%Y"}
_INSTANT = "%-d %b %Y %H:%M"
_TICK_FORMAT = {"daily": "%-d %b\n%Y", "monthly": "%b\n%Y", "yearly": "%Y"}
_TICKS_AT_MOST = 14
_DAY_MS = 86_400_000
_LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.01, "xanchor": "left", "x": 0, "traceorder": "normal"}
_GRID = "rgba(128, 128, 128, 0.2)"


def consumption(
    figures: pl.DataFrame,
    *,
    interval: Interval,
    register: str,
    zone: ZoneInfo,
    events: pl.DataFrame,
    info_codes: pl.DataFrame,
) -> go.Figure:
    """Bars of consumption by period, patterned by quality, with what happened above and the info codes below.

    Args:
        figures: One row per period: ``period_start``, ``period_end``, ``consumption``, ``quality`` and, for the sum of
            several points, ``points`` and ``missing``.
        interval: Length of the periods.
        register: Canonical register.
        zone: Zone of the times shown.
        events: From :func:`warehouse.queries.consumption.register_events`.
        info_codes: From :func:`warehouse.queries.consumption.info_codes`.

    Returns:
        The figure. Hours stand on an axis of elapsed time, so that the two hours of the autumn change stand apart.
    """
    lanes = info_codes["code"].unique().sort().to_list()
    share = min(0.4, 0.08 + 0.06 * len(lanes))
    figure = make_subplots(
        rows=2 if lanes else 1,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.03,
        row_heights=[1 - share, share] if lanes else [1],
    )
    symbol = wording.unit(register_unit(figures))
    for trace in _bars(figures, interval, symbol, zone):
        figure.add_trace(trace, row=1, col=1)
    for trace in _markers(events, figures, interval, zone):
        figure.add_trace(trace, row=1, col=1)
    for trace in _episodes(info_codes, figures, interval, zone):
        figure.add_trace(trace, row=2, col=1)
    for at in _placed(events["at"], interval, zone):
        figure.add_vline(x=at, line={"width": 1, "dash": "dot", "color": "#888888"}, row=1, col=1)
    figure.update_yaxes(title_text=wording.register(register), rangemode="tozero", gridcolor=_GRID, row=1, col=1)
    figure.update_xaxes(type="date", showgrid=False, **_time_axis(figures, interval, zone))
    if lanes:
        figure.update_yaxes(title_text="Info codes", showgrid=False, fixedrange=True, row=2, col=1)
    figure.update_layout(
        barmode="overlay",
        height=440 + (30 + 26 * len(lanes) if lanes else 0),
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        legend=_LEGEND,
        hoverlabel={"align": "left"},
    )
    return figure


def outcomes(days: pl.DataFrame) -> go.Figure:
    """Stacked bars of frames by arrival day and outcome.

    Args:
        days: From :func:`warehouse.queries.overview.outcomes_by_day`.
    """
    figure = go.Figure()
    present = days["outcome"].unique().to_list()
    for outcome in sorted(present, key=[*wording.OUTCOME_COLOUR, *present].index):
        rows = days.filter(pl.col("outcome") == outcome)
        figure.add_bar(
            x=rows["landed_day"].to_list(),
            y=rows["frames"].to_list(),
            name=outcome.replace("_", " "),
            marker_color=wording.OUTCOME_COLOUR.get(outcome),
            hovertemplate="%{x|%-d %b %Y}: %{y:,} " + outcome.replace("_", " ") + "<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.3,
        height=320,
        showlegend=True,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend=_LEGEND,
    )
    every_day = days["landed_day"].n_unique() <= _TICKS_AT_MOST
    figure.update_xaxes(type="date", showgrid=False, tickformat="%-d %b\n%Y", dtick=_DAY_MS if every_day else None)
    figure.update_yaxes(title_text="Frames", gridcolor=_GRID)
    return figure


def register_unit(figures: pl.DataFrame) -> str:
    """Unit of the figures; empty where there are none."""
    return str(figures["unit"][0]) if figures.height else ""


def _placed(instants: pl.Series, interval: Interval, zone: ZoneInfo) -> pl.Series:
    """Instants as places on the axis: elapsed time for hours, the local calendar for the rest."""
    shown = "UTC" if interval == "hourly" else zone.key
    return instants.dt.convert_time_zone(shown).dt.replace_time_zone(None)


def _bars(figures: pl.DataFrame, interval: Interval, symbol: str, zone: ZoneInfo) -> list[go.Bar | go.Scatter]:
    starts, ends = (_placed(figures[name], interval, zone) for name in ("period_start", "period_end"))
    said = pl.concat_str(
        pl.col("consumption").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".").fill_null("unknown"),
        pl.when(pl.col("consumption").is_not_null()).then(pl.lit(f" {symbol}".rstrip())).otherwise(pl.lit("")),
    )
    if "missing" in figures.columns:
        partly = phrase("<br>{} of {} points without a value", "missing", "points")
        said = pl.concat_str(said, pl.when(pl.col("missing") > 0).then(partly).otherwise(pl.lit("")))
    placed = figures.select(
        "quality",
        "consumption",
        start=starts,
        width=(ends - starts).dt.total_milliseconds(),
        period=pl.col("period_start").dt.convert_time_zone(zone.key).dt.strftime(_PERIOD[interval]),
        said=said,
    )
    traces: list[go.Bar | go.Scatter] = []
    for letter in QUALITIES:
        rows = placed.filter(pl.col("quality") == letter)
        if rows.is_empty():
            continue
        look = wording.QUALITY[letter]
        common = {
            "name": look.name,
            "customdata": rows.select("period", "said").rows(),
            "hovertemplate": f"%{{customdata[0]}}<br><b>%{{customdata[1]}}</b><br>{look.name}<extra></extra>",
        }
        if letter == "N":
            x = rows["start"] + (rows["width"] // 2).cast(pl.Duration("ms"))
            marker = {"symbol": "x-thin", "size": 7, "line": {"width": 1.5, "color": look.colour}}
            traces.append(
                go.Scatter(
                    x=x.to_list(), y=[0] * rows.height, mode="markers", marker=marker, cliponaxis=False, **common
                )
            )
        else:
            # A narrow gap between bars, except where there are too many to see it.
            gap = 0.12 if figures.height <= 400 else 0.0
            traces.append(
                go.Bar(
                    x=rows["start"].to_list(),
                    y=rows["consumption"].cast(pl.Float64).to_list(),
                    width=(rows["width"] * (1 - gap)).to_list(),
                    offset=(rows["width"] * (gap / 2)).to_list(),
                    marker={"color": look.colour, "pattern": {"shape": look.pattern, "size": 5}, "line": {"width": 0}},
                    **common,
                )
            )
    return traces


def _markers(events: pl.DataFrame, figures: pl.DataFrame, interval: Interval, zone: ZoneInfo) -> list[go.Scatter]:
    """Events stand at the height of the tallest bar."""
    height = max(figures["consumption"].cast(pl.Float64).drop_nulls().to_list(), default=0.0) or 1.0
    traces = []
    for (kind,), rows in events.group_by("kind", maintain_order=True):
        name = wording.event(str(kind))
        _, shape, colour = wording.EVENT.get(str(kind), ("", *wording.OTHER_EVENT))
        texts = rows.select(
            pl.concat_str(
                pl.lit(f"<b>{name}</b><br>"),
                pl.col("at").dt.convert_time_zone(zone.key).dt.strftime(_INSTANT),
                phrase("<br>{} · {}", "metering_point", "meter_id"),
                phrase("<br>register {} → {}", _plain("before"), _plain("after")),
                pl.when(pl.col("correction").is_null())
                .then(pl.lit("<br>consumption across it is unknown"))
                .otherwise(pl.lit("")),
            )
        ).to_series()
        traces.append(
            go.Scatter(
                x=_placed(rows["at"], interval, zone).to_list(),
                y=[height * 1.06] * rows.height,
                mode="markers",
                name=name,
                marker={"symbol": shape, "size": 12, "color": colour, "line": {"width": 1, "color": "white"}},
                text=texts.to_list(),
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return traces


def _episodes(info_codes: pl.DataFrame, figures: pl.DataFrame, interval: Interval, zone: ZoneInfo) -> list[go.Bar]:
    """Info codes as bars from the first reading with the code to the first without, cut to the time shown."""
    if info_codes.is_empty() or figures.is_empty():
        return []
    left, right = figures["period_start"].min(), figures["period_end"].max()
    end = pl.coalesce("cleared_at", pl.lit(right))
    local = pl.col("first_seen", "last_seen", "cleared_at").dt.convert_time_zone(zone.key).dt.strftime(_INSTANT)
    shown = info_codes.with_columns(
        shown_from=pl.max_horizontal("first_seen", pl.lit(left)),
        shown_to=pl.max_horizontal(pl.min_horizontal(end, pl.lit(right)), pl.lit(left)),
    ).with_columns(local.name.suffix("_text"))
    texts = pl.concat_str(
        phrase("<b>{}</b> · {}<br>{} · {}", "code", "priority", "metering_point", "meter_id"),
        phrase("<br>first seen {}, last seen {}", "first_seen_text", "last_seen_text"),
        pl.when(pl.col("cleared_at").is_null())
        .then(pl.lit("<br>still active"))
        .otherwise(phrase("<br>cleared {}", pl.col("cleared_at_text").fill_null(""))),
        phrase("<br>active on {} of 30 days", "days_active_30"),
    )
    traces = []
    for (priority,), rows in shown.group_by("priority", maintain_order=True):
        start, stop = (_placed(rows[name], interval, zone) for name in ("shown_from", "shown_to"))
        length = (stop - start).dt.total_milliseconds()
        traces.append(
            go.Bar(
                base=start.to_list(),
                x=length.to_list(),
                y=rows["code"].to_list(),
                orientation="h",
                width=0.5,
                name=f"info code, {priority}",
                marker={"color": wording.PRIORITY_COLOUR.get(str(priority), wording.OTHER_EVENT[1])},
                text=rows.select(texts).to_series().to_list(),
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return traces


def _time_axis(figures: pl.DataFrame, interval: Interval, zone: ZoneInfo) -> dict[str, Any]:
    """The axis from the first period's start to the last one's end, labelled in local time at the bars' middles."""
    if figures.is_empty():
        return {}
    ends = pl.Series([figures["period_start"].min(), figures["period_end"].max()], dtype=INSTANT)
    axis: dict[str, Any] = {"range": _placed(ends, interval, zone).to_list()}
    if interval == "hourly":
        return axis | _hour_ticks(figures, zone)
    periods = figures["period_start"].n_unique()
    step = -(-periods // _TICKS_AT_MOST)
    axis["tickformat"] = _TICK_FORMAT[interval]
    if interval == "daily":
        noon = axis["range"][0] + timedelta(hours=12)
        return axis | {"tick0": noon, "dtick": step * _DAY_MS}
    return axis | {"ticklabelmode": "period", "dtick": f"M{step * (1 if interval == 'monthly' else 12)}"}


def _hour_ticks(figures: pl.DataFrame, zone: ZoneInfo) -> dict[str, object]:
    """Local midnights, or every third hour of few days, as places on the axis of elapsed time."""
    local = figures.select(at=pl.col("period_start").unique().sort().dt.convert_time_zone(zone.key))
    days = local["at"].dt.date().n_unique()
    hour = pl.col("at").dt.hour()
    if days <= 3:
        ticks = local.filter(pl.col("at").dt.minute() == 0, hour % 3 == 0)
        midnight, other = pl.col("at").dt.strftime("%H:%M<br>%-d %b"), pl.col("at").dt.strftime("%H:%M")
        texts = pl.when(hour == 0).then(midnight).otherwise(other)
    else:
        first = local.group_by(pl.col("at").dt.date().alias("day")).agg(pl.col("at").first()).sort("day")
        ticks = first.gather_every(-(-days // _TICKS_AT_MOST))
        texts = pl.col("at").dt.strftime("%a<br>%-d %b")
    return {
        "tickvals": _placed(ticks["at"], "hourly", zone).to_list(),
        "ticktext": ticks.select(texts.alias("text"))["text"].to_list(),
    }


def _plain(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".").fill_null("?")
