"""A result on a map."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import streamlit as st

from dashboards.charts import places as chart
from dashboards.charts.frame import CONFIG
from dashboards.installation import installation
from dashboards.viewer import organisation, policy
from dashboards.words import Words
from registry import audit, collectors, places
from warehouse.policies.map import MapPolicy

_ELSEWHERE = ("user.", "run.", "export.", "report.", "service.")
"""Events that move nobody: who signs in, what runs, and what is sent."""


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


def placed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the coordinates of their metering points alone, for maps of many.

    Args:
        rows: Rows with ``metering_point``, and without coordinates.

    Returns:
        The same rows, in their order, with ``latitude`` and ``longitude`` (degrees); nulls where nothing is known.
    """
    return rows.join(coordinates(organisation()), on="metering_point", how="left", maintain_order="left")


def coordinates(owner: str) -> pl.DataFrame:
    """Coordinates of all points of an organisation, as :func:`registry.places.coordinates` gives them."""
    with installation().registry.begin(readonly=True) as session:
        state = audit.head(session, but=_ELSEWHERE)
    return _coordinates(owner, state)


def noted() -> pl.DataFrame:
    """What people noted of collectors, as :func:`registry.collectors.noted` gives it, read from the registry now."""
    with installation().registry.begin(readonly=True) as session:
        return collectors.noted(session, organisation())


@st.cache_resource(show_spinner=False, max_entries=16)
def _coordinates(owner: str, state: str) -> pl.DataFrame:  # noqa: ARG001  what is kept holds for one state
    """Coordinates of all points of an organisation, kept until the registry changes: they take a second to read."""
    with installation().registry.begin(readonly=True) as session:
        return places.coordinates(session, owner)


def draw(
    say: Words,
    rows: pl.DataFrame,
    *,
    key: str,
    labels: Callable[[pl.DataFrame], pl.Series],
    rules: MapPolicy | None = None,
) -> int | None:
    """Draws rows as places.

    Args:
        say: Who reads it.
        rows: ``latitude`` and ``longitude`` (degrees; rows without are counted, not drawn) and any of the columns that
            the policy's rules name: ``kind``, ``manufacturer``, ``medium``, ``model``, ``status``, ``priority``,
            ``state``.
        key: Unique on the page.
        labels: Gives the texts of tooltips for some of the rows: those that have a mark of their own.
        rules: Colours and symbols; ``None`` takes those of the policy.

    Returns:
        Number of the row that was clicked, from 0; ``None`` where none was.
    """
    there = rows.with_row_index("row").drop_nulls(["latitude", "longitude"])
    if there.is_empty():
        st.info(say("map.no_places"), icon=":material/info:")
        return None
    caption = say("map.placed", placed=say.number(there.height), all=say.number(rows.height))
    # In the session and not in the address: it would tell every log on the way where somebody lives.
    kept = f"{key}@area"
    area: _Area | None = st.session_state.get(kept)
    if area is not None:
        there = there.filter(area.holds)
        caption = f"{caption} {say('map.area', count=say.number(there.height))}"
        st.button(say("map.whole"), icon=":material/zoom_out_map:", on_click=st.session_state.pop, args=(kept, None))
    shown = rules or policy(MapPolicy)
    marks = chart.marks(there, shown)
    st.caption(f"{caption} {say('map.many')}" if marks.height < there.height else caption)
    if there.is_empty():
        return None
    own = marks["row"].drop_nulls()
    texts = pl.DataFrame({"row": own, "label": labels(rows[own])}, schema_overrides={"label": pl.String})
    known = installation().settings
    tiles = chart.Tiles(known.map_tiles, known.map_attribution) if known.map_tiles else None
    event = st.plotly_chart(
        chart.places(marks.join(texts, on="row", how="left", maintain_order="left"), shown, say, tiles),
        config={**CONFIG, "scrollZoom": True},
        key=f"{key} {area}",  # what was clicked in another area is no place of this one
        on_select="rerun",
        selection_mode="points",
        alt=say("map.alt", count=say.number(there.height)),
    )
    clicked = [point.get("customdata") for point in event.selection.points]
    number = clicked[0][0] if clicked and isinstance(clicked[0], list) else next(iter(clicked), None)
    if number is not None and int(number) < 0:
        sides = marks.row(-1 - int(number), named=True)
        st.session_state[kept] = _Area(sides["south"], sides["north"], sides["west"], sides["east"])
        st.rerun()
    return None if number is None else _at_place(say, rows, int(number), there, labels, key)


def _at_place(
    say: Words,
    rows: pl.DataFrame,
    number: int,
    there: pl.DataFrame,
    labels: Callable[[pl.DataFrame], pl.Series],
    key: str,
) -> int:
    """Which of those at the place of a mark is meant: one mark lies upon the other where many live in one house."""
    place = there.filter(row=number).select("latitude", "longitude")
    here = there.join(place, on=["latitude", "longitude"], how="semi")["row"].to_list()
    if len(here) <= 1:
        return number
    texts = dict(zip(here, labels(rows[here]), strict=True))
    label = say("map.at_place", count=say.number(len(here)))
    chosen = st.selectbox(
        label, here, index=here.index(number), format_func=lambda row: str(texts[row]), key=f"{key}@place {number}"
    )
    return number if chosen is None else int(chosen)


@dataclass(frozen=True, slots=True)
class _Area:
    """A part of the map, in degrees."""

    south: float
    north: float
    west: float
    east: float

    @property
    def holds(self) -> pl.Expr:
        """Whether a row's place is in it."""
        latitude, longitude = pl.col("latitude"), pl.col("longitude")
        return latitude.is_between(self.south, self.north) & longitude.is_between(self.west, self.east)
