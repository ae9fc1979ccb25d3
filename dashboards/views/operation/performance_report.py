"""The report of poor meters, with what people note about each."""

import polars as pl
import streamlit as st

from dashboards.components import commenting, leading
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.viewer import words
from dashboards.views.operation import performance
from registry.comments import PERFORMANCE


def page() -> None:
    """Draws the page."""
    say = words()
    asked = performance.choose(say)
    if asked is None:
        return
    rows = performance.judged(asked)
    performance.key_figures(say, rows, asked.threshold)
    poor = rows.filter("poor")
    chosen = table(
        say,
        poor,
        completed=_commented,
        key="poor",
        file_name=f"poor_{asked.file_name}",
        nothing=say("performance.none_poor", threshold=say.number(asked.threshold)),
        shown=(*performance.SHOWN[:6], "comment", "comment_by", "comment_at"),
        digits=performance.DIGITS,
    )
    if chosen.is_empty():
        if poor.height:
            st.caption(say("comment.choose"))
        return
    first = chosen.row(0, named=True)
    leading.from_row(first["metering_point"], first["meter_id"])
    commenting.writer(say, chosen, PERFORMANCE, key="poor")


def _commented(rows: pl.DataFrame) -> pl.DataFrame:
    found = commenting.joined(located(rows), PERFORMANCE)
    return found.select(*performance.COLUMNS, "comment", "comment_by", "comment_at").drop("poor")
