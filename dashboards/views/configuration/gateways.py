"""Collectors: what is noted of concentrators, M-Bus masters and other receivers, and where they stand."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards.components import asking, links
from dashboards.components import map as places
from dashboards.components.asking import Doing
from dashboards.components.rows import TEXT, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, tables, viewer, words
from dashboards.words import Words
from registry import collectors
from registry.collectors import LONGEST, Place
from registry.models import Collector
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, Right
from warehouse.policies import CoveragePolicy
from warehouse.queries import fleet, groups, subjects

RIGHT = Right(DEVICE_AND_CUSTOMER_MANAGEMENT)
Noted = tuple[str, Place | None]


def page() -> None:
    """Draws the page."""
    say = words()
    with installation().registry.begin(readonly=True) as session:
        found = collectors.collectors(session, organisation())
    rows = _rows(found)
    table(
        say,
        rows,
        key="gateways",
        file_name="collectors",
        nothing=say("gateways.none"),
        help_texts={"most_meters": say("gateways.most_help"), "meters": say("gateways.meters_help")},
        digits={"latitude": 5, "longitude": 5},
    )
    if found and viewer().may(RIGHT):
        _choose(say, found)
    with st.container(horizontal=True):
        links.link("groups", say("gateways.readers"), icon="workspaces")
        links.link("policies", say("gateways.capacity"), icon="gavel")
        links.link("infrastructure", say("gateways.work"), icon="cell_tower")
    if found:
        _map(say)


def _rows(found: Sequence[Collector]) -> pl.DataFrame:
    """What is noted of collectors, with the groups they should read, the meters they hear and may carry."""
    known = policy(CoveragePolicy)
    noted = rows_of(found, {"collector": TEXT, "comment": TEXT, "latitude": pl.Float64(), "longitude": pl.Float64()})
    most = {row.collector: known.collectors.get(row.collector, known.collector).most_meters for row in found}
    read = groups.readers(tables(), organisation(), datetime.now(UTC))
    by_collector = read.group_by("collector").agg(groups=pl.col("group").sort().str.join(", "))
    heard = remembered(fleet.hearing).group_by("collector").agg(meters=pl.col("meter_id").n_unique().cast(pl.Int64))
    return (
        noted.join(by_collector, on="collector", how="left")
        .join(heard, on="collector", how="left")
        .with_columns(
            pl.col("meters").fill_null(0),
            most_meters=pl.col("collector").replace_strict(most, return_dtype=pl.Int64, default=None),
        )
        .sort("collector")
    )


def _choose(say: Words, found: Sequence[Collector]) -> None:
    by_name = {row.collector: row for row in found}
    name = st.selectbox(
        say("column.collector"),
        list(by_name),
        None,
        placeholder=say("gateways.choose"),
        key="collector",
        bind="query-params",
    )
    if name is not None:
        _edit(say, by_name[name])


def _edit(say: Words, stored: Collector) -> None:
    name = stored.collector
    mark = f"collector_{name}"
    shown: Noted = seen(say, mark, (stored.comment or "", collectors.place_of(stored)))
    with st.form(mark, enter_to_submit=False):
        comment = st.text_input(say("column.comment"), shown[0], max_chars=LONGEST, key=f"comment_{name}").strip()
        typed = st.text_input(
            say("gateways.place"), str(shown[1] or ""), placeholder="55.6761, 12.5683", key=f"place_{name}"
        )
        st.caption(say("gateways.place_help"))
        if not st.form_submit_button(say("config.save"), type="primary", icon=":material/save:"):
            return

    def save(doing: Doing) -> None:
        row = collectors.get(doing.session, doing.organisation, name)
        place = collectors.read_place(typed)
        asking.unchanged(shown, (row.comment or "", collectors.place_of(row)), name)
        if comment != shown[0]:
            collectors.set_comment(doing.session, doing.organisation, name, comment, **doing.by)
        collectors.set_place(doing.session, doing.organisation, name, place, **doing.by)

    if asking.done(RIGHT, save, said=lambda _: say("gateways.saved", collector=name)):
        forget(mark)
        st.rerun()


def _map(say: Words) -> None:
    """Collectors as places: where they are noted, else about where the meters are that they hear."""
    placed = places.placed(remembered(subjects.meters).select("meter_id", "metering_point"))
    found = fleet.centres(remembered(fleet.hearing), placed, places.noted())
    noted = found["is_noted"].sum()
    st.caption(say("gateways.noted", noted=say.number(noted), all=say.number(found.height)))
    drawn = found.with_columns(
        label=pl.concat_str(
            "collector",
            "comment",
            pl.when(~pl.col("is_noted")).then(pl.lit(say("places.estimated"))),
            separator=" · ",
            ignore_nulls=True,
        )
    )
    places.draw(say, drawn, key="gateways_map", labels=lambda some: some["label"])
