"""Consumption of a metering point or group, with what happened to its meters."""

from datetime import date

import polars as pl
import streamlit as st

from dashboards.charts.consumption import consumption as chart
from dashboards.charts.consumption import register_unit
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import organisation, tables, words
from dashboards.words import Words
from warehouse.queries import consumption as queries
from warehouse.queries import subjects
from warehouse.queries.consumption import Interval

_BACK = {"hourly": 6, "daily": 30, "monthly": 364, "yearly": 3650}
_SHOWN = (
    "metering_point",
    "meter_id",
    "period_start",
    "period_end",
    "consumption",
    "unit",
    "quality",
    "points",
    "missing",
)
_POINT, _GROUP = "point", "group"


def page() -> None:
    """Draws the page."""
    say = words()
    if remembered(subjects.metering_points).is_empty():
        st.info(say("consumption.no_points"), icon=":material/info:")
        return
    left, right = st.columns([1, 3])
    with left:
        kind = filters.choice(
            say("consumption.show"),
            (_POINT, _GROUP),
            key="show",
            default=_POINT,
            named=lambda name: say(f"consumption.{name}"),
        )
    with right:
        chosen = _group(say) if kind == _GROUP else _point(say)
    if chosen is None:
        return
    name, subject = chosen
    registers = remembered(queries.registers, subject)
    if not registers:
        st.info(say("consumption.no_figures", name=name), icon=":material/info:")
        return
    _show(say, name, subject, registers, together=kind == _GROUP)


def _point(say: Words) -> tuple[str, pl.DataFrame] | None:
    name = filters.point(say)
    return None if name is None else (name, subjects.point(name))


def _group(say: Words) -> tuple[str, pl.DataFrame] | None:
    name = filters.group(say, optional=False)
    if name is None:
        st.info(say("consumption.no_groups"), icon=":material/info:")
        return None
    subject = subjects.group(tables(), organisation(), name)
    if subject.is_empty():
        st.info(say("consumption.empty_group", group=name), icon=":material/info:")
        return None
    return name, subject


def _show(say: Words, name: str, subject: pl.DataFrame, registers: list[str], *, together: bool) -> None:
    first_column, second_column, third_column = st.columns([1.2, 1.4, 1.4])
    with first_column:
        register = filters.register(say, registers)
    with second_column:
        interval = filters.interval(say)
    known = remembered(queries.extent, subject, register)
    if known is None:
        st.info(say("consumption.no_register", name=name, register=say.register(register)), icon=":material/info:")
        return
    with third_column:
        days = filters.period(say, known, back=_BACK[interval], key=f"days_{interval}")
    if days is None:
        return
    first, last = days
    figures = remembered(queries.figures, subject, interval=interval, register=register, first=first, last=last)
    shown = queries.total(tables(), organisation(), subject, figures) if together else figures
    if shown.is_empty():
        dates = {
            name: say.date(day) for name, day in zip(("first", "last", "from_", "to"), (*days, *known), strict=True)
        }
        st.info(say("consumption.none_in_days", name=name, **dates), icon=":material/info:")
        return
    _draw(say, subject, shown, interval, register, f"{name}_{register}_{interval}_{first}_{last}", together=together)


def _draw(
    say: Words,
    subject: pl.DataFrame,
    shown: pl.DataFrame,
    interval: Interval,
    register: str,
    file_name: str,
    *,
    together: bool,
) -> None:
    whole = _days_of(say, shown)
    events = remembered(queries.register_events, subject, register=register, zone=say.zone, **whole)
    codes = remembered(queries.info_codes, subject, zone=say.zone, **whole)
    _key_figures(say, subject, shown, codes, register, together=together)
    st.plotly_chart(
        chart(shown, interval=interval, register=register, events=events, info_codes=codes, say=say),
        config=CONFIG,
        key="chart",
        alt=say("consumption.chart", register=say.register(register), periods=say.number(shown.height)),
    )
    _tables(say, shown, events, codes, file_name)


def _key_figures(
    say: Words, subject: pl.DataFrame, shown: pl.DataFrame, codes: pl.DataFrame, register: str, *, together: bool
) -> None:
    unit = register_unit(shown)
    unknown = shown["consumption"].null_count()
    total = shown.select(pl.col("consumption").sum()).item() if unknown < shown.height else None
    names = codes["code"].unique().sort().to_list()
    cells = [
        (
            say("consumption.sum"),
            say.amount(total, unit),
            say("consumption.sum_help", known=say.number(shown.height - unknown), periods=say.number(shown.height)),
        ),
        (
            say("consumption.measured"),
            say.percent(shown.filter(pl.col("quality").is_in(["M", "A"])).height / shown.height),
            say("consumption.measured_help"),
        ),
        _points(say, subject) if together else _latest(say, subject, register, unit),
        (say("consumption.codes"), say.number(len(names)), ", ".join(names) or say("consumption.no_codes")),
    ]
    for place, (label, value, explanation) in zip(st.columns(4), cells, strict=True):
        place.metric(label, value, help=explanation, border=True)


def _points(say: Words, subject: pl.DataFrame) -> tuple[str, str, None]:
    return say("consumption.points"), say.number(subject["metering_point"].n_unique()), None


def _latest(say: Words, subject: pl.DataFrame, register: str, unit: str) -> tuple[str, str, str | None]:
    latest = remembered(queries.latest_reading, subject).head(1)
    if latest.is_empty():
        return say("consumption.latest"), say("common.none"), None
    at, meter = say.instant(latest["measured_at"][0]), latest["meter_id"][0]
    return say("consumption.latest"), say.amount(latest[register][0], unit), f"{at} · {meter}"


def _tables(say: Words, shown: pl.DataFrame, events: pl.DataFrame, codes: pl.DataFrame, file_name: str) -> None:
    parts = (
        ("figures", shown, say("consumption.no_figures_in_days"), {"quality": "quality"}),
        ("events", events, say("consumption.no_events"), {"kind": "event"}),
        ("codes", codes, say("consumption.no_codes"), {"priority": "priority"}),
    )
    tabs = st.tabs([say(f"consumption.tab_{name}", rows=say.number(frame.height)) for name, frame, _, _ in parts])
    for tab, (name, frame, nothing, values) in zip(tabs, parts, strict=True):
        with tab:
            table(
                say,
                frame,
                key=name,
                file_name=f"{file_name}_{name}",
                nothing=nothing,
                shown=_SHOWN if name == "figures" else (),
                values=values,
                may_group=False,
            )


def _days_of(say: Words, shown: pl.DataFrame) -> dict[str, date]:
    """The local days that the periods shown reach over: whole months and years."""
    ends = shown.select(
        first=pl.col("period_start").min().dt.convert_time_zone(say.zone.key).dt.date(),
        last=(pl.col("period_end").max() - pl.duration(microseconds=1)).dt.convert_time_zone(say.zone.key).dt.date(),
    )
    return ends.row(0, named=True)
