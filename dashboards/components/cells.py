"""Key figures side by side."""

from collections.abc import Sequence

import streamlit as st

Cell = tuple[str, str, str | None]
"""What a figure is called, the figure, and what it means; ``None`` where its name says enough."""


def draw_cells(cells: Sequence[Cell]) -> None:
    """Draws figures in a row."""
    for place, (label, value, explanation) in zip(st.columns(len(cells)), cells, strict=True):
        place.metric(label, value, help=explanation, border=True)
