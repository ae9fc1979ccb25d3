"""Collectors: what they hear, which ones cannot be spared, and how well meters are heard."""

from datetime import date

import polars as pl
import streamlit as st

from dashboards.components import asking, filters, leading
from dashboards.components import map as places
from dashboards.components.outage import outage
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy, viewer, words
from dashboards.words import Words
from registry import collectors as registered
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, Right
from warehouse.policies import CoveragePolicy
from warehouse.queries import collectors as queries
from warehouse.queries import coverage
from warehouse.queries.subjects import meters as every_meter

RIGHT = Right(DEVICE_AND_CUSTOMER_MANAGEMENT)

_PARTS = ("collectors", "meters", "what_if", "map")
_SHOWN = (*("collector", "comment", "state", "last_contact", "meters", "only_for", "gaps", "longest_gap_h", "used"),)
_METERS = (
    *("address", "serial", "metering_point", "collector", "redundancy", "rssi_p10_dbm", "margin_db", "error_rate"),
)
_DIGITS = {
    **dict.fromkeys(("used", "error_rate", "rssi_p10_dbm", "margin_db", "trend_db_month", "step_db"), 1),
    **dict.fromkeys(("backlog_p50_s", "backlog_max_s", "clock_offset_s", "transmit_interval_s"), 0),
    **dict.fromkeys(("performance", "performance_without"), 2),
}


def page() -> None:
    """Draws the page."""
    say = words()
    known = remembered(queries.extent)
    if known is None:
        st.info(say("infrastructure.none_yet"), icon=":material/info:")
        return
    outage(say)
    left, right = st.columns([1.4, 2], vertical_alignment="bottom")
    with left:
        days = filters.period(say, known, back=6)
    with right:
        part = filters.choice(
            say("infrastructure.show"),
            _PARTS,
            key="show",
            default="collectors",
            named=lambda name: say(f"infrastructure.{name}"),
        )
    if days is None:
        return
    rows = remembered(queries.collectors, policy(CoveragePolicy), *days, zone=say.zone)
    _figures(say, rows)
    if part == "collectors":
        _collectors(say, rows)
    elif part == "meters":
        _meters(say, days)
    elif part == "what_if":
        _what_if(say, days)
    else:
        _map(say, days, rows)


def _figures(say: Words, rows: pl.DataFrame) -> None:
    found = {
        "heard": rows.filter(pl.col("state") == "heard").height,
        "silent": rows.filter(pl.col("state") == "silent").height,
        "never": rows.filter(pl.col("state") == "never").height,
        "critical": rows.filter(pl.col("only_for") > 0).height,
    }
    with st.container(horizontal=True):
        for name, count in found.items():
            explanation = say(f"infrastructure.n_{name}_help")
            st.metric(say(f"infrastructure.n_{name}"), say.number(count), help=explanation, border=True, width=185)


def _collectors(say: Words, rows: pl.DataFrame) -> None:
    chosen = table(
        say,
        rows,
        key="collectors",
        file_name="collectors",
        nothing=say("infrastructure.nothing"),
        shown=_SHOWN,
        headings={"used": say("infrastructure.load")},
        values={"state": "collector_state"},
        digits=_DIGITS,
        help_texts={"only_for": say("infrastructure.n_critical_help")},
    )
    if chosen.is_empty():
        st.caption(say("infrastructure.choose"))
        return
    first = chosen.row(0, named=True)
    if viewer().may(RIGHT):
        _comment(say, first["collector"], first["comment"] or "")


def _comment(say: Words, collector: str, stored: str) -> None:
    with st.form("collector_comment"):
        st.text_input(
            say("infrastructure.comment", collector=collector),
            stored,
            max_chars=registered.LONGEST,
            key=f"comment_{collector}",
            help=say("infrastructure.comment_help"),
        )
        st.form_submit_button(
            say("infrastructure.save"), icon=":material/save:", on_click=_save, args=(collector, stored)
        )


def _save(collector: str, seen: str) -> None:
    """Keeps what was typed, unless somebody else noted something since the form was drawn."""
    text = str(st.session_state[f"comment_{collector}"])

    def write(doing: asking.Doing) -> str:
        row = registered.get(doing.session, doing.organisation, collector)
        asking.unchanged(seen, row.comment or "", collector)
        registered.set_comment(
            doing.session, doing.organisation, collector, text, identity=doing.identity, now=doing.now
        )
        return collector

    asking.done(RIGHT, write, said=lambda name: words()("infrastructure.saved", collector=name))


def _heard(days: tuple[date, date]) -> pl.DataFrame:
    """How well meters are heard, with the points where they are."""
    rows = remembered(coverage.meters, policy(CoveragePolicy), *days)
    there = remembered(every_meter).select("meter_id", "serial", "medium", "model", "metering_point")
    return rows.join(there, on="meter_id", how="left", maintain_order="left")


def _meters(say: Words, days: tuple[date, date]) -> None:
    rows = _heard(days)
    names = rows["collector"].drop_nulls().unique().sort().to_list()
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        only = st.multiselect(say("infrastructure.of"), names, key="of", bind="query-params")
    with right:
        fragile = st.toggle(say("infrastructure.fragile"), key="fragile", bind="query-params")
    if only:
        rows = rows.filter(pl.col("collector").is_in(only))
    if fragile:
        rows = rows.filter("fragile")
    _meter_table(say, rows, "coverage")


def _meter_table(say: Words, rows: pl.DataFrame, key: str) -> None:
    chosen = table(
        say,
        rows,
        completed=lambda some: places.located(some).drop("latitude", "longitude"),
        key=key,
        file_name=key,
        nothing=say("infrastructure.no_meters"),
        shown=_METERS,
        digits=_DIGITS,
        help_texts={
            "redundancy": say("infrastructure.redundancy_help"),
            "margin_db": say("infrastructure.margin_help"),
        },
    )
    if chosen.height:
        first = chosen.row(0, named=True)
        leading.from_row(first["metering_point"], first["meter_id"])


def _what_if(say: Words, days: tuple[date, date]) -> None:
    each = remembered(coverage.what_if, *days)
    if each.is_empty():
        st.info(say("infrastructure.no_reads"), icon=":material/info:")
        return
    names = each["without"].sort().to_list()
    without = st.multiselect(
        say("infrastructure.without"),
        names,
        key="without",
        bind="query-params",
        help=say("infrastructure.without_help"),
    )
    rows = remembered(coverage.what_if, *days, without=tuple(without)) if without else each
    if without and rows.height:
        row = rows.row(0, named=True)
        with st.container(horizontal=True):
            st.metric(say("infrastructure.lost"), say.number(row["meters_lost"]), border=True, width=220)
            st.metric(
                say("infrastructure.performance_without"),
                say.percent(_share(row["performance_without"]), 2),
                delta=_change(say, row["performance"], row["performance_without"]),
                border=True,
                width=260,
            )
    table(
        say,
        rows,
        key="what_if_table",
        file_name="what_if",
        nothing=say("infrastructure.no_reads"),
        digits=_DIGITS,
        may_group=False,
    )
    if without:
        st.subheader(say("infrastructure.rest_on"))
        heard = _heard(days)
        _meter_table(say, heard.filter(pl.col("fragile"), pl.col("collector").is_in(without)), "lost_meters")


def _share(value: float | None) -> float | None:
    return None if value is None else value / 100


def _change(say: Words, before: float | None, after: float | None) -> str | None:
    return None if before is None or after is None else f"{say.number(after - before, 2)} %"


def _map(say: Words, days: tuple[date, date], rows: pl.DataFrame) -> None:
    st.caption(say("infrastructure.map_help"))
    heard = places.placed(_heard(days)).with_columns(
        kind=pl.lit("meter"),
        manufacturer=pl.col("meter_id").str.slice(0, 3),
        status=pl.when(pl.col("fragile") | (pl.col("margin_db") < 0)).then(pl.lit("attention")).otherwise(pl.lit("ok")),
    )
    spots = queries.whereabouts(heard, places.noted()).join(
        rows.select("collector", "comment", "meters"), on="collector", how="left"
    )
    drawn = spots.with_columns(
        kind=pl.lit("collector"),
        label=say.rows(
            "infrastructure.collector_label",
            collector=pl.col("collector"),
            comment=pl.col("comment").fill_null(""),
            meters=say.numbers(pl.col("meters").fill_null(0)),
        ),
    )
    shown = pl.concat([heard, drawn.drop("meters", "comment")], how="diagonal_relaxed")
    meter = say.rows(
        "infrastructure.meter_label",
        meter=pl.col("meter_id"),
        collector=pl.col("collector").fill_null("?"),
        number=pl.col("redundancy").cast(pl.String),
    )

    def labels(some: pl.DataFrame) -> pl.Series:
        return some.select(pl.coalesce("label", meter).alias("label")).to_series()

    clicked = places.draw(say, shown, key="places", labels=labels)
    if clicked is not None and (row := shown.row(clicked, named=True))["kind"] == "meter":
        leading.from_row(row["metering_point"], row["meter_id"])
