"""Help with trouble: what frames and files can suffer from, what to do about it, and where more is written."""

from importlib.metadata import version
from platform import python_version
from typing import get_args

import polars as pl
import streamlit as st

from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import viewer, words
from dashboards.words import Words
from decoders.outcomes import Outcome
from registry.people import users
from warehouse.queries import overview

FINE = ("decoded",)
"""Outcomes that are no trouble."""

TROUBLES = tuple(outcome for outcome in (*get_args(Outcome), "waiting") if outcome not in FINE)
"""Everything that can become of a frame, and needs a word; each has one in the runbook."""


def page() -> None:
    """Draws the page."""
    say = words()
    st.markdown(say("support.version", version=version("meterhouse"), python=python_version()))
    with installation().registry.begin(readonly=True) as session:
        helpers = users.who_can_help(session, viewer().organisation)
    if helpers:
        st.markdown(say("support.ask", names=", ".join(helpers)))
    st.subheader(say("support.runbook"))
    table(say, runbook(say), key="runbook", file_name="runbook", nothing="", values={"outcome": "outcome"})
    for outcome in TROUBLES:
        with st.expander(say.named("outcome", outcome).capitalize()):
            st.markdown(say(f"runbook.{outcome}"))
    st.subheader(say("support.more"))
    st.markdown(say("support.documents"))


def runbook(say: Words) -> pl.DataFrame:
    """``outcome``, and ``frames`` of the last 30 days on which any arrived; all outcomes that need a word."""
    days = remembered(overview.outcomes_by_day)
    counted = days.group_by("outcome").agg(pl.col("frames").sum())
    texts = [say(f"runbook.{outcome}") for outcome in TROUBLES]
    rows = pl.DataFrame({"outcome": TROUBLES, "remedy": texts}, schema={"outcome": pl.String, "remedy": pl.String})
    return rows.join(counted, on="outcome", how="left", maintain_order="left").select(
        "outcome", pl.col("frames").fill_null(0), "remedy"
    )
