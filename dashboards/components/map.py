"""A result on a map."""

import polars as pl
import streamlit as st

from dashboards.charts.frame import CONFIG
from dashboards.charts.places import MOST_MARKS, Tiles
from dashboards.charts.places import places as chart
from dashboards.installation import installation
from dashboards.viewer import organisation, policy
from dashboards.words import Words
from registry import places
from warehouse.policies.map import MapPolicy

MOST_ADDRESSES = 5000
"""Rows of a table up to which each has an address."""


def located(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the addresses and coordinates of their metering points, read from the registry now.

    Args:
        rows: Rows with ``metering_point``, and without the columns of :func:`registry.places.places`.

    Returns:
        The same rows, in their order; nulls where nothing is known.
    """
    points = rows["metering_point"].drop_nulls().unique().to_list()
    with installation().registry.begin(readonly=True) as session:
        found = places.places(session, organisation(), points)
    return rows.join(found, on="metering_point", how="left", maintain_order="left")


def addressed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with addresses as :func:`located`, where they are no more than people read; else the rows alone."""
    return located(rows) if rows.height <= MOST_ADDRESSES else rows


def draw(say: Words, rows: pl.DataFrame, *, key: str, rules: MapPolicy | None = None) -> int | None:
    """Draws rows as places.

    Args:
        say: Who reads it.
        rows: ``latitude`` and ``longitude`` (degrees; rows without are counted, not drawn), ``label`` (text of the
            tooltip) and any of the columns that the policy's rules name: ``kind``, ``manufacturer``, ``medium``,
            ``model``, ``status``, ``priority``, ``state``.
        key: Unique on the page.
        rules: Colours and symbols; ``None`` takes those of the policy.

    Returns:
        Number of the row that was clicked, from 0; ``None`` where none was.
    """
    placed = rows.with_row_index("row").drop_nulls(["latitude", "longitude"])
    if placed.is_empty():
        st.info(say("map.no_places"), icon=":material/info:")
        return None
    caption = say("map.placed", placed=say.number(placed.height), all=say.number(rows.height))
    st.caption(f"{caption} {say('map.many')}" if placed.height > MOST_MARKS else caption)
    known = installation().settings
    tiles = Tiles(known.map_tiles, known.map_attribution) if known.map_tiles else None
    event = st.plotly_chart(
        chart(placed, rules or policy(MapPolicy), say, tiles),
        config={**CONFIG, "scrollZoom": True},
        key=key,
        on_select="rerun",
        selection_mode="points",
        alt=say("map.alt", count=say.number(placed.height)),
    )
    clicked = [point.get("customdata") for point in event.selection.points]
    number = clicked[0][0] if clicked and isinstance(clicked[0], list) else next(iter(clicked), None)
    return None if number is None or int(number) < 0 else int(number)
