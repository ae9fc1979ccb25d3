"""Key figures side by side."""

from collections.abc import Sequence

import streamlit as st

Cell = tuple[str, str, str | None]
"""What a figure is called, the figure, and what it means; ``None`` where its name says enough."""


def draw_cells(cells: Sequence[Cell]) -> None:
    """Draws figures as wide as they are, in as many lines as they need."""
    with st.container(horizontal=True):
        for label, value, explanation in cells:
            st.metric(label, value, help=explanation, border=True, width="content")
