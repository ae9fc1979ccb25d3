"""Whom a page is about: all metering points, or those of a group."""

from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl
import streamlit as st

from dashboards.components import filters
from dashboards.viewer import organisation, tables
from dashboards.words import Words
from warehouse.queries import subjects


class Chosen(NamedTuple):
    """What was chosen.

    Attributes:
        group: Name of the group; empty for all points.
        points: ``metering_point`` of its present members; ``None`` for all points.
    """

    group: str
    points: pl.DataFrame | None


def choose(say: Words) -> Chosen | None:
    """Draws the choice of a group.

    Returns:
        What was chosen; ``None`` where the group has no members, which has been said.
    """
    name = filters.group(say)
    if name is None:
        return Chosen("", None)
    points = subjects.members(tables(), organisation(), name, datetime.now(UTC))
    if points.is_empty():
        st.info(say("members.empty", group=name), icon=":material/info:")
        return None
    return Chosen(name, points)
