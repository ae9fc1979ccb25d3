"""Consumption by period, with what happened to its meters."""

from typing import Any

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from dashboards import looks
from dashboards.charts.frame import GRID, LEGEND, framed
from dashboards.charts.stacks import part_colour, part_name, stacked_by
from dashboards.words import Words
from warehouse.phrases import phrase
from warehouse.queries.consumption import QUALITIES, Interval
from warehouse.schemas import INSTANT

_TICKS_AT_MOST = 14
EXPORT = "energy_export_kwh"


def consumption(
    figures: pl.DataFrame,
    *,
    interval: Interval,
    title: str,
    events: pl.DataFrame,
    info_codes: pl.DataFrame,
    say: Words,
) -> go.Figure:
    """Bars of consumption by period, patterned by quality, with what happened above and the info codes below.

    Args:
        figures: One row per period: ``period_start``, ``period_end``, ``consumption``, ``quality`` and, for the sum of
            several points, ``points`` and ``missing``. Where bars are stacked, ``register``, or ``tariff`` with
            ``reason``, see :func:`dashboards.charts.stacks.divided`.
        interval: Length of the periods.
        title: What the bars stand for.
        events: From :func:`warehouse.queries.consumption.register_events`.
        info_codes: From :func:`warehouse.queries.consumption.info_codes`.
        say: Who reads it; gives the zone of the times shown.

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
    for trace in _bars(figures, interval, say):
        figure.add_trace(trace, row=1, col=1)
    for trace in _markers(events, figures, interval, say):
        figure.add_trace(trace, row=1, col=1)
    for trace in _episodes(info_codes, figures, interval, say):
        figure.add_trace(trace, row=2, col=1)
    for at in _placed(events["at"], interval, say):
        figure.add_vline(x=at, line={"width": 1, "dash": "dot", "color": "#888888"}, row=1, col=1)
    figure.update_yaxes(title_text=title, rangemode="tozero", gridcolor=GRID, row=1, col=1)
    figure.update_xaxes(type="date", showgrid=False, **_time_axis(figures, interval, say))
    if lanes:
        figure.update_yaxes(title_text=say("chart.info_codes"), showgrid=False, fixedrange=True, row=2, col=1)
    figure.update_layout(
        barmode="overlay",
        height=440 + (30 + 26 * len(lanes) if lanes else 0),
        legend=LEGEND,
    )
    return framed(figure, say)


def register_unit(figures: pl.DataFrame) -> str:
    """Unit of the figures; empty where there are none."""
    return str(figures["unit"][0]) if figures.height else ""


def _placed(instants: pl.Series, interval: Interval, say: Words) -> pl.Series:
    """Instants as places on the axis: elapsed time for hours, the local calendar for the rest."""
    shown = "UTC" if interval == "hourly" else say.zone.key
    return instants.dt.convert_time_zone(shown).dt.replace_time_zone(None)


def _bars(figures: pl.DataFrame, interval: Interval, say: Words) -> list[go.Bar | go.Scatter]:
    starts, ends = (_placed(figures[name], interval, say) for name in ("period_start", "period_end"))
    symbol = say.unit(register_unit(figures))
    amount = pl.concat_str(say.numbers(pl.col("consumption")), pl.lit(f" {symbol}".rstrip()))
    said = amount.fill_null(say("common.unknown"))
    if "missing" in figures.columns:
        counts = {name: pl.col(name).cast(pl.String) for name in ("missing", "points")}
        partly = pl.concat_str(pl.lit("<br>"), say.rows("chart.partly", **counts))
        said = pl.concat_str(said, pl.when(pl.col("missing") > 0).then(partly).otherwise(pl.lit("")))
    if "reason" in figures.columns:
        reasons = {name: say.named("tariff_reason", name) for name in figures["reason"].drop_nulls().unique()}
        said = pl.concat_str(said, pl.concat_str(pl.lit("<br>"), pl.col("reason").replace(reasons)).fill_null(""))
    by = stacked_by(figures)
    placed = figures.select(
        "quality",
        part=pl.lit("") if by is None else pl.col(by),
        consumption=height(figures),
        day=figures["period_start"].dt.convert_time_zone(say.zone.key).dt.date().cast(pl.String),
        start=starts,
        width=(ends - starts).dt.total_milliseconds(),
        period=say.periods(figures["period_start"], interval),
        said=said,
    ).with_columns(base=_below())
    traces: list[go.Bar | go.Scatter] = []
    ranks = {letter: rank for rank, letter in enumerate(QUALITIES)}
    ordered = placed.sort(pl.col("quality").replace_strict(ranks, return_dtype=pl.Int32), maintain_order=True)
    for (part, letter), rows in ordered.group_by("part", "quality", maintain_order=True):
        look, name = looks.QUALITY[str(letter)], say(f"quality.{letter}")
        colour = part_colour(by, str(part), str(letter))
        if by is not None:
            name = f"{part_name(by, str(part), say)}: {name}"
        common = {
            "name": name,
            "customdata": rows.select("period", "said", "day").rows(),
            "hovertemplate": f"%{{customdata[0]}}<br><b>%{{customdata[1]}}</b><br>{name}<extra></extra>",
        }
        if letter == "N":
            x = rows["start"] + (rows["width"] // 2).cast(pl.Duration("ms"))
            marker = {"symbol": "x-thin", "size": 7, "line": {"width": 1.5, "color": colour}}
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
                    y=rows["consumption"].to_list(),
                    base=rows["base"].to_list(),
                    width=(rows["width"] * (1 - gap)).to_list(),
                    offset=(rows["width"] * (gap / 2)).to_list(),
                    marker={"color": colour, "pattern": {"shape": look.pattern, "size": 5}, "line": {"width": 0}},
                    **common,
                )
            )
    return traces


def height(figures: pl.DataFrame) -> pl.Expr:
    """How far the bar of a figure reaches: what is sent back to the net hangs below zero."""
    amount = pl.col("consumption").cast(pl.Float64)
    if "register" not in figures.columns:
        return amount
    return pl.when(pl.col("register") == EXPORT).then(-amount).otherwise(amount)


def _below() -> pl.Expr:
    """Where the bar of a figure begins: at the end of the one below it in the same period."""
    amount = pl.col("consumption").fill_null(0)
    return (amount.cum_sum() - amount).over("start", amount < 0)


def _markers(events: pl.DataFrame, figures: pl.DataFrame, interval: Interval, say: Words) -> list[go.Scatter]:
    """Events stand at the height of the tallest bar."""
    sums = figures.group_by("period_start").agg(pl.col("consumption").cast(pl.Float64).sum())["consumption"]
    top = max(sums.to_list(), default=0.0) or 1.0
    traces = []
    for (kind,), rows in events.group_by("kind", maintain_order=True):
        name = say.named("event", str(kind))
        shape, colour = looks.EVENT.get(str(kind), looks.OTHER_EVENT)
        change = say.rows("chart.register_change", before=_plain("before", say), after=_plain("after", say))
        texts = rows.select(
            pl.concat_str(
                pl.lit(f"<b>{name}</b><br>"),
                say.instants(rows["at"]),
                phrase("<br>{} · {}<br>{}", "metering_point", "meter_id", change),
                pl.when(pl.col("correction").is_null())
                .then(pl.lit(f"<br>{say('chart.across_unknown')}"))
                .otherwise(pl.lit("")),
            )
        ).to_series()
        traces.append(
            go.Scatter(
                x=_placed(rows["at"], interval, say).to_list(),
                y=[top * 1.06] * rows.height,
                mode="markers",
                name=name,
                marker={"symbol": shape, "size": 12, "color": colour, "line": {"width": 1, "color": "white"}},
                text=texts.to_list(),
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return traces


def _episodes(info_codes: pl.DataFrame, figures: pl.DataFrame, interval: Interval, say: Words) -> list[go.Bar]:
    """Info codes as bars from the first reading with the code to the first without, cut to the time shown."""
    if info_codes.is_empty() or figures.is_empty():
        return []
    left, right = figures["period_start"].min(), figures["period_end"].max()
    end = pl.coalesce("cleared_at", pl.lit(right))
    shown = info_codes.with_columns(
        shown_from=pl.max_horizontal("first_seen", pl.lit(left)),
        shown_to=pl.max_horizontal(pl.min_horizontal(end, pl.lit(right)), pl.lit(left)),
    ).with_columns(
        say.instants(info_codes[name]).alias(f"{name}_text") for name in ("first_seen", "last_seen", "cleared_at")
    )
    seen = say.rows("chart.seen", first=pl.col("first_seen_text"), last=pl.col("last_seen_text"))
    cleared = say.rows("chart.cleared", at=pl.col("cleared_at_text"))
    texts = pl.concat_str(
        phrase("<b>{}</b> · {}<br>{} · {}<br>", "code", _priority(say), "metering_point", "meter_id"),
        seen,
        pl.lit("<br>"),
        cleared.fill_null(say("chart.still_active")),
        pl.lit("<br>"),
        say.rows("chart.active_days", days=pl.col("days_active_30").cast(pl.String)),
    )
    traces = []
    for (priority,), rows in shown.group_by("priority", maintain_order=True):
        start, stop = (_placed(rows[name], interval, say) for name in ("shown_from", "shown_to"))
        length = (stop - start).dt.total_milliseconds()
        traces.append(
            go.Bar(
                base=start.to_list(),
                x=length.to_list(),
                y=rows["code"].to_list(),
                orientation="h",
                width=0.5,
                name=say("chart.info_code", priority=say.named("priority", str(priority))),
                marker={"color": looks.PRIORITY_COLOUR.get(str(priority), looks.OTHER_EVENT[1])},
                text=rows.select(texts).to_series().to_list(),
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return traces


def _time_axis(figures: pl.DataFrame, interval: Interval, say: Words) -> dict[str, Any]:
    """The axis from the first period's start to the last one's end, labelled in local time at the bars' middles."""
    if figures.is_empty():
        return {}
    ends = pl.Series([figures["period_start"].min(), figures["period_end"].max()], dtype=INSTANT)
    axis: dict[str, Any] = {"range": _placed(ends, interval, say).to_list()}
    if interval == "hourly":
        return axis | _hour_ticks(figures, say)
    places = figures.select(
        "period_start", middle=pl.col("period_start") + (pl.col("period_end") - pl.col("period_start")) / 2
    ).unique("period_start")
    places = places.sort("period_start").gather_every(-(-places.height // _TICKS_AT_MOST))
    local = places["period_start"].dt.convert_time_zone(say.zone.key)
    texts = say.ticks(local) if interval == "daily" else say.periods(local, interval)
    return axis | {
        "tickvals": _placed(places["middle"], interval, say).to_list(),
        "ticktext": texts.str.replace(" ", "<br>").to_list() if interval == "monthly" else texts.to_list(),
    }


def _hour_ticks(figures: pl.DataFrame, say: Words) -> dict[str, object]:
    """Local midnights, or every third hour of few days, as places on the axis of elapsed time."""
    local = figures.select(at=pl.col("period_start").unique().sort().dt.convert_time_zone(say.zone.key))
    days = local["at"].dt.date().n_unique()
    hour = pl.col("at").dt.hour()
    if days <= 3:
        ticks = local.filter(pl.col("at").dt.minute() == 0, hour % 3 == 0)
        time = pl.col("at").dt.strftime("%H:%M")
        day = pl.concat_str(pl.lit("<br>"), say.ticks(ticks["at"]))
        texts = pl.when(hour == 0).then(pl.concat_str(time, day)).otherwise(time)
    else:
        first = local.group_by(pl.col("at").dt.date().alias("day")).agg(pl.col("at").first()).sort("day")
        ticks = first.gather_every(-(-days // _TICKS_AT_MOST))
        texts = pl.lit(say.ticks(ticks["at"]))
    return {
        "tickvals": _placed(ticks["at"], "hourly", say).to_list(),
        "ticktext": ticks.select(texts.alias("text"))["text"].to_list(),
    }


def _plain(column: str, say: Words) -> pl.Expr:
    return say.numbers(pl.col(column)).fill_null("?")


def _priority(say: Words) -> pl.Expr:
    named = {name: say.named("priority", name) for name in looks.PRIORITY_COLOUR}
    return pl.col("priority").replace(named)
