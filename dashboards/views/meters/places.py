"""Installed meters and collectors on a map."""

from functools import partial

import polars as pl
import streamlit as st

from dashboards.components import filters, links
from dashboards.components import map as places
from dashboards.remembering import remembered
from dashboards.viewer import words
from dashboards.words import Words
from warehouse.queries import fleet, subjects

_STATUSES = ("attention", "silent", "ok")
_KINDS = ("meter", "collector")


def page() -> None:
    """Draws the page."""
    say = words()
    left, middle, right = st.columns(3)
    with left:
        group = filters.group(say)
    with middle:
        wanted = filters.several(
            say("places.status"), _STATUSES, key="status", named=lambda name: say(f"places.status_{name}")
        )
    with right:
        kinds = filters.several(
            say("places.kinds"), _KINDS, key="kind", default=_KINDS, named=lambda name: say(f"places.kind_{name}")
        )
    points = None if group is None else remembered(subjects.group, group)
    every = remembered(fleet.installed, points)
    if every.is_empty():
        st.info(say("places.empty_group", group=group) if group else say("places.none_yet"), icon=":material/info:")
        return
    placed = places.placed(every).with_columns(label=pl.lit(None, pl.String))
    meters = placed.filter(pl.col("status").is_in(wanted)) if wanted else placed
    shown = [
        meters if "meter" in kinds else meters.clear(),
        *([_collectors(say, placed)] if "collector" in kinds else []),
    ]
    rows = pl.concat(shown, how="diagonal")
    missing = meters["latitude"].null_count()
    if missing and "meter" in kinds:
        st.caption(say("places.without", count=say.number(missing)))
    number = places.draw(say, rows, key="map", labels=partial(_labels, say))
    if number is None:
        st.caption(say("places.choose"))
        return
    _chosen(say, rows[number])


def _labels(say: Words, rows: pl.DataFrame) -> pl.Series:
    """Texts of places; meters with their addresses, which are read for them alone."""
    known = pl.col("status").replace({name: say(f"places.status_{name}") for name in _STATUSES})
    meter = pl.concat_str("metering_point", "serial", "model", "address", known, separator=" · ", ignore_nulls=True)
    there = places.located(rows.drop("latitude", "longitude"))
    return there.select(pl.coalesce("label", meter).alias("label")).to_series()


def _collectors(say: Words, placed: pl.DataFrame) -> pl.DataFrame:
    found = fleet.centres(remembered(fleet.hearing), placed, places.noted())
    return found.with_columns(
        label=pl.concat_str(
            "collector",
            "comment",
            say.rows("places.hears", meters=say.numbers(pl.col("meters"))),
            pl.when(~pl.col("is_noted")).then(pl.lit(say("places.estimated"))),
            separator=" · ",
            ignore_nulls=True,
        )
    )


def _chosen(say: Words, rows: pl.DataFrame) -> None:
    row = rows.row(0, named=True)
    with st.container(border=True):
        st.text(_labels(say, rows).item())
        with st.container(horizontal=True):
            if row["kind"] == "collector":
                links.link("check", say("meter.check"), {"serial": str(row["collector"])}, icon="sensors")
                return
            links.link(
                "meters", say("meters.open", meter=row["meter_id"]), {"meter": str(row["meter_id"])}, icon="speed"
            )
            links.link("consumption", say("meter.consumption"), {"point": str(row["metering_point"])}, icon="bar_chart")
