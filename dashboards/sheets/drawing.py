"""Bars of consumption for reports, drawn without a browser."""

from collections.abc import Sequence
from math import ceil, floor, log10

import polars as pl
from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics

from dashboards import looks
from dashboards.charts.consumption import height
from dashboards.charts.stacks import part_colour, part_name, stacked_by
from dashboards.words import Words
from warehouse.pdf_fonts import FONT, fonts, plain
from warehouse.queries.consumption import Interval

WIDTH, HEIGHT = 515, 230
"""Size of the figure [pt]."""

_LEFT, _RIGHT, _BOTTOM, _TOP = 54, 6, 52, 14
_GREY, _PALE, _INK = HexColor("#5a6572"), HexColor("#e3e7ec"), HexColor("#1d2733")
_MARKS = 8
_READ = ("M", "A")


def bars(figures: pl.DataFrame, events: pl.DataFrame, *, interval: Interval, unit: str, say: Words) -> Drawing:
    """Bars by time; what was not read is hollow, a cross marks a period without value, a dotted line an event.

    Args:
        figures: ``period_start``, ``period_end``, ``consumption``, ``quality`` and, where several are stacked,
            ``register`` or ``tariff``; at least one row.
        events: ``at`` of what happened to the register.
        interval: Length of the periods.
        unit: Of the consumption.
        say: Who reads it.

    Returns:
        The figure, :data:`WIDTH` by :data:`HEIGHT` points.
    """
    fonts()
    by = stacked_by(figures)
    colour = (
        pl.col("quality").replace_strict({letter: look.colour for letter, look in looks.QUALITY.items()})
        if by is None
        else pl.col(by).replace_strict({part: part_colour(by, part, "M") for part in figures[by].unique()})
    )
    placed = (
        figures.select(
            "quality",
            start=pl.col("period_start").dt.epoch("ms"),
            end=pl.col("period_end").dt.epoch("ms"),
            reach=height(figures),
            colour=colour,
            text=say.periods(figures["period_start"], interval),
        )
        .with_columns(known=pl.col("reach").fill_null(0))
        .with_columns(base=(pl.col("known").cum_sum() - pl.col("known")).over("start", pl.col("known") < 0))
    )
    tops: list[float] = placed.select(pl.col("base") + pl.col("known")).to_series().to_list()
    low, high = min(0.0, *tops), max(0.0, *tops)
    steps = _steps(low, high)
    low, high = steps[0], steps[-1]
    first, last = min(placed["start"].to_list()), max(placed["end"].to_list())
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _BOTTOM - _TOP

    def x(at: float) -> float:
        return float(_LEFT + wide * (at - first) / (last - first))

    def y(value: float) -> float:
        return _BOTTOM + tall * (value - low) / (high - low)

    drawing = Drawing(WIDTH, HEIGHT)
    drawing.add(_text(_LEFT, HEIGHT - 9, say.unit(unit), anchor="end"))
    for step in steps:
        drawing.add(Line(_LEFT, y(step), WIDTH - _RIGHT, y(step), strokeColor=_PALE if step else _GREY))
        drawing.add(_text(_LEFT - 4, y(step) - 2.5, say.number(round(step, 6)), anchor="end"))
    for row in placed.iter_rows(named=True):
        left, right = x(row["start"]), x(row["end"])
        middle, thick = (left + right) / 2, max((right - left) * 0.84, 0.4)
        if row["reach"] is None:
            for sign in (-1, 1):
                cross = [middle - 2, y(0) - 2 * sign, middle + 2, y(0) + 2 * sign]
                drawing.add(PolyLine(cross, strokeColor=_GREY, strokeWidth=0.8))
            continue
        bottom, top = sorted((y(row["base"]), y(row["base"] + row["reach"])))
        fill = HexColor(row["colour"]) if row["quality"] in _READ else None
        drawing.add(
            Rect(
                *(middle - thick / 2, bottom, thick, top - bottom),
                fillColor=fill,
                strokeColor=HexColor(row["colour"]),
                strokeWidth=0 if fill else 0.7,
            )
        )
    for at in events["at"].dt.epoch("ms").to_list():
        if first <= at <= last:
            drawing.add(
                Line(x(at), _BOTTOM, x(at), HEIGHT - _TOP, strokeColor=_GREY, strokeDashArray=[2, 2], strokeWidth=0.7)
            )
            drawing.add(Circle(x(at), HEIGHT - _TOP, 2.2, fillColor=HexColor(looks.EVENT["EXCHANGE"][1])))
    periods = placed.unique("start").sort("start")
    for row in periods.gather_every(max(1, ceil(periods.height / _MARKS))).iter_rows(named=True):
        drawing.add(_text(x((row["start"] + row["end"]) / 2), _BOTTOM - 11, row["text"], anchor="middle", size=6))
    _legend(drawing, figures, say)
    return drawing


def _legend(drawing: Drawing, figures: pl.DataFrame, say: Words) -> None:
    by = stacked_by(figures)
    names = ["quality"] if by is None else [by, "quality"]
    place = float(_LEFT)
    for row in figures.select(names).unique(maintain_order=True).iter_rows(named=True):
        letter = row["quality"]
        colour = part_colour(by, row.get(by or "", ""), letter)
        name = say(f"quality.{letter}")
        if by is not None:
            name = f"{part_name(by, row[by], say)}: {name}"
        length = 16 + pdfmetrics.stringWidth(name, FONT, 7) + 10
        if place + length > WIDTH and place > _LEFT:
            break  # the table below says the rest
        if letter == "N":
            drawing.add(_text(place, 10, "×", size=9))
        else:
            fill = HexColor(colour) if letter in _READ else None
            drawing.add(Rect(place, 9.5, 8, 7, fillColor=fill, strokeColor=HexColor(colour), strokeWidth=0.8))
        drawing.add(_text(place + 12, 10, name))
        place += length


def _steps(low: float, high: float) -> Sequence[float]:
    """Round values of an axis, from at or below the lowest to at or above the highest."""
    span = high - low or 1.0
    rough = span / 4
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [step * number for number in range(floor(low / step), max(ceil(high / step), floor(low / step) + 1) + 1)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 7) -> String:
    return String(x, y, plain(text), fontName=FONT, fontSize=size, fillColor=_INK, textAnchor=anchor)
