"""Meter exchanges of a period."""

import polars as pl
import streamlit as st

from dashboards.components import asking, filters, leading, members
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry.inventory.exchanges import recorders
from warehouse.queries import exchanges as queries

_BACK = 365
_COLUMNS = (
    *("exchanged_at", "metering_point", "address", "postal_code", "city", "old_meter_id", "new_meter_id", "register"),
    *("old_final", "new_initial", "unit", "reason", "recorded_by", "known_from"),
)
_SHOWN = (
    *("exchanged_at", "metering_point", "address", "city", "old_meter_id", "new_meter_id", "register", "old_final"),
    *("new_initial", "unit", "recorded_by"),
)


def page() -> None:
    """Draws the page."""
    say = words()
    known = remembered(queries.extent, say.zone)
    if known is None:
        st.info(say("exchanges.none_yet"), icon=":material/info:")
        return
    left, right = st.columns(2)
    with left:
        chosen = members.choose(say)
    with right:
        days = filters.period(say, known, back=_BACK)
    if chosen is None or days is None:
        return
    rows = remembered(queries.exchanges, say.zone, *days, points=chosen.points)
    _figures(say, rows)
    picked = table(
        say,
        rows,
        completed=lambda some: _recorded(located(some)).select(_COLUMNS),
        key="exchanges",
        file_name=f"exchanges_{days[0]}_{days[1]}",
        nothing=say("exchanges.nothing"),
        shown=_SHOWN,
        values={"register": "register"},
        headings={"known_from": say("exchanges.entered_at")},
    )
    if picked.height:
        first = picked.row(0, named=True)
        leading.from_row(first["metering_point"], first["new_meter_id"])


def _figures(say: Words, rows: pl.DataFrame) -> None:
    known = rows.unique(["metering_point", "exchanged_at"])
    unread = rows.filter(pl.col("old_final").is_null()).unique(["metering_point", "exchanged_at"])
    with st.container(horizontal=True):
        st.metric(say("exchanges.exchanges"), say.number(known.height), border=True, width=175)
        st.metric(
            say("exchanges.unread"),
            say.number(unread.height),
            help=say("exchanges.unread_help"),
            border=True,
            width=220,
        )


def _recorded(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the names of those who recorded them."""
    with installation().registry.begin(readonly=True) as session:
        known = recorders(session, organisation(), rows["metering_point"].unique())
    found = rows.join(known, on=["metering_point", "exchanged_at", "register"], how="left", maintain_order="left")
    return found.with_columns(asking.names(found["recorded_by"]).alias("recorded_by"))
