"""Reading performance of meters and groups."""

from datetime import date
from typing import NamedTuple

import polars as pl
import streamlit as st

from dashboards.charts.frame import CONFIG
from dashboards.charts.operation import performance as chart
from dashboards.components import filters, leading, members
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy, words
from dashboards.words import Words
from warehouse.policies import PerformancePolicy
from warehouse.queries import performance as queries

COLUMNS = (
    *("address", "postal_code", "city", "serial", "last_missing", "performance", "performance_on_time", "expected"),
    *("received", "received_on_time", "poor", "metering_point", "meter_id", "customer_number", "name"),
)
SHOWN = ("address", "postal_code", "city", "serial", "last_missing", "performance", "expected", "received")
DIGITS = {"performance": 2, "performance_on_time": 2}
_CAUSED = ("hourly", "daily", "schedule", "billing")


class Asked(NamedTuple):
    """What is asked for.

    Attributes:
        criterion: By what meters are judged.
        first: First local day.
        last: Last local day.
        threshold: Share below which a meter is poor [%].
        points: ``metering_point`` of those that count; ``None`` for all.
    """

    criterion: str
    first: date
    last: date
    threshold: float
    points: pl.DataFrame | None

    @property
    def file_name(self) -> str:
        """Name of downloads."""
        return f"performance_{self.criterion}_{self.first}_{self.last}"


def page() -> None:
    """Draws the overview."""
    say = words()
    asked = choose(say)
    if asked is None:
        return
    rows = judged(asked)
    key_figures(say, rows, asked.threshold)
    days = remembered(queries.by_day, asked.criterion, asked.first, asked.last, points=asked.points)
    if not days.is_empty():
        st.plotly_chart(
            chart(days, asked.threshold, say),
            config=CONFIG,
            key="chart",
            alt=say("performance.chart", days=say.number(days.height)),
        )
    parts = ("meters", "causes", "days")
    part = filters.choice(
        say("performance.show"), parts, key="show", default="meters", named=lambda name: say(f"performance.{name}")
    )
    if part == "meters":
        _meters(say, rows, asked)
    elif part == "causes":
        _causes(say, asked)
    else:
        table(
            say,
            days,
            key="days_table",
            file_name=f"{asked.file_name}_days",
            nothing=say("performance.nothing"),
            digits=DIGITS,
        )


def choose(say: Words) -> Asked | None:
    """Draws what can be asked for.

    Returns:
        What is asked; ``None`` where it cannot be answered, which has been said.
    """
    known = remembered(queries.extent)
    if known is None:
        st.info(say("performance.none_yet"), icon=":material/info:")
        return None
    criterion = filters.choice(
        say("performance.criterion"),
        queries.ASKED,
        key="criterion",
        default="daily",
        named=lambda name: say(f"criterion.{name}"),
    )
    left, middle, right = st.columns([1.2, 1.4, 1])
    with left:
        chosen = members.choose(say)
    with middle:
        days = filters.period(say, known)
    with right:
        usual = policy(PerformancePolicy).thresholds.get(criterion, 100.0)
        threshold = st.number_input(
            say("performance.below"),
            min_value=0.0,
            max_value=100.0,
            value=float(usual),
            step=1.0,
            format="%g",
            key=f"threshold_{criterion}",
            bind="query-params",
            help=say("performance.below_help"),
        )
    if chosen is None or days is None:
        return None
    return Asked(criterion, *days, threshold, chosen.points)


def judged(asked: Asked) -> pl.DataFrame:
    """The meters' performance, the worst first."""
    rows = remembered(queries.by_meter, asked.criterion, asked.first, asked.last, points=asked.points)
    return queries.judged(rows, asked.threshold)


def key_figures(say: Words, rows: pl.DataFrame, threshold: float) -> None:
    """Draws a group at a glance."""
    found = queries.summary(rows)
    below = say.number(threshold)
    shown = (
        ("mean", _percent(say, found.mean), say("performance.mean_help")),
        ("on_time", _percent(say, found.mean_on_time), say("performance.on_time_help")),
        ("pooled", _percent(say, found.pooled), say("performance.pooled_help", at=say.instant(found.as_of))),
        ("in_group", say.number(found.meters), say("performance.in_group_help")),
        ("with_missing", say.number(found.with_missing), None),
        ("poor", say.number(found.poor), say("performance.poor_help", threshold=below)),
    )
    with st.container(horizontal=True):
        for name, value, explanation in shown:
            st.metric(say(f"performance.{name}"), value, help=explanation, border=True, width=185)


def _percent(say: Words, value: float | None) -> str:
    return say.percent(None if value is None else value / 100, 2)


def _meters(say: Words, rows: pl.DataFrame, asked: Asked) -> None:
    only = st.toggle(say("performance.only_missing"), value=True, key="missing", bind="query-params")
    kept = rows.filter(pl.col("received") < pl.col("expected")) if only else rows
    chosen = table(
        say,
        kept,
        completed=lambda some: located(some).select(COLUMNS),
        key="meters",
        file_name=asked.file_name,
        nothing=say("performance.nothing"),
        shown=SHOWN,
        digits=DIGITS,
    )
    if chosen.height:
        first = chosen.row(0, named=True)
        leading.from_row(first["metering_point"], first["meter_id"])


def _causes(say: Words, asked: Asked) -> None:
    if asked.criterion not in _CAUSED:
        st.info(say("performance.no_causes_of"), icon=":material/info:")
        return
    table(
        say,
        remembered(queries.causes, asked.criterion, asked.first, asked.last, points=asked.points),
        key="causes",
        file_name=f"{asked.file_name}_causes",
        nothing=say("performance.no_causes"),
        values={"cause": "cause"},
    )
