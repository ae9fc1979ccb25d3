"""Meters that are read by wire: what came, when last, and through which master."""

from datetime import UTC, date, datetime

import polars as pl
import streamlit as st

from dashboards.components import filters, leading
from dashboards.components import map as places
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import organisation, tables, words
from dashboards.words import Words
from warehouse.queries import groups, wired
from warehouse.queries.subjects import meters as every_meter

_SHOWN = ("address", "meter_id", "metering_point", "collector", "measured_at", "readings", "days", "days_missing")


def page() -> None:
    """Draws the page."""
    say = words()
    known = remembered(wired.extent, say.zone)
    if known is None:
        st.info(say("wired.none_yet"), icon=":material/info:")
        return
    days = filters.period(say, known, back=6)
    if days is None:
        return
    rows = _rows(say, days)
    masters = rows["collector"].drop_nulls().unique().sort().to_list()
    only = filters.several(say("wired.master"), masters, key="master")
    if only:
        rows = rows.filter(pl.col("collector").is_in(only))
    _figures(say, rows)
    chosen = table(
        say,
        rows,
        key="wired",
        file_name="wired_meters",
        nothing=say("wired.nothing"),
        completed=places.located,
        shown=_SHOWN,
        headings={"collector": say("wired.master")},
        help_texts={"days_missing": say("wired.days_missing_help")},
    )
    if chosen.height:
        first = chosen.row(0, named=True)
        leading.from_row(first["metering_point"], first["meter_id"])
    _readers(say, masters)


def _rows(say: Words, days: tuple[date, date]) -> pl.DataFrame:
    """The meters with the points where they are, those that were read on the fewest days first."""
    rows = remembered(wired.meters, *days, say.zone)
    there = remembered(every_meter).select("meter_id", "serial", "medium", "model", "metering_point")
    number = (days[1] - days[0]).days + 1
    return (
        rows.join(there, on="meter_id", how="left", maintain_order="left")
        .with_columns(days_missing=number - pl.col("days"))
        .sort("days_missing", "meter_id", descending=[True, False])
    )


def _figures(say: Words, rows: pl.DataFrame) -> None:
    found = {
        "meters": rows.height,
        "masters": rows["collector"].n_unique() - int(rows["collector"].null_count() > 0),
        "incomplete": rows.filter(pl.col("days_missing") > 0).height,
    }
    with st.container(horizontal=True):
        for name, count in found.items():
            explanation = say(f"wired.{name}_help")
            st.metric(say(f"wired.{name}"), say.number(count), help=explanation, border=True, width=185)


def _readers(say: Words, masters: list[str]) -> None:
    """The groups that these masters are expected to read."""
    readers = groups.readers(tables(), organisation(), datetime.now(UTC))
    st.subheader(say("groups.readers"))
    table(
        say,
        readers.filter(pl.col("collector").is_in(masters)),
        key="readers",
        file_name="readers",
        nothing=say("wired.no_readers"),
        headings={"collector": say("wired.master")},
        may_group=False,
    )
