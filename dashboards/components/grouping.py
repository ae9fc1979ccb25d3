"""Rows of a result that go into a group."""

from collections.abc import Callable

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.remembering import remembered
from dashboards.words import Words
from registry import groups
from registry.groups import PRIORITY, Author, Outcome
from registry.groups.catalogue import find
from registry.people.rights import GROUP_MANAGEMENT, Right
from warehouse.queries import subjects

RIGHT = Right(GROUP_MANAGEMENT)


def adder(
    say: Words,
    every: pl.Series,
    chosen: pl.Series,
    *,
    key: str,
    rest: tuple[int, Callable[[], pl.Series]] | None = None,
) -> None:
    """Draws what puts rows into a group: those that are chosen, or all where none is.

    Args:
        say: Who reads it.
        every: Metering points, or meters, of all rows; repeated ones count once.
        chosen: Those of the rows that are chosen.
        key: Unique on the page.
        rest: Where ``every`` is a page of more: how many rows there are, and what reads those of all when they are
            added.
    """
    names = _distinct(chosen if chosen.len() else every)
    paged = rest is not None and not chosen.len()
    count = rest[0] if rest is not None and paged else len(names)
    label = say("group.add_chosen" if chosen.len() else "group.add_all", rows=say.number(count))
    if count == 1:
        label = say("group.add_one")
    with st.popover(label, icon=":material/group_add:", disabled=not names):
        known = remembered(subjects.groups)
        manual = known.filter((pl.col("kind") == "manual") | (pl.col("group") == PRIORITY))["group"].to_list()
        name = st.selectbox(
            say("group.which"),
            manual,
            index=None,
            placeholder=say("group.new"),
            accept_new_options=True,
            key=f"{key}_group",
        )
        whole = st.toggle(say("group.exactly"), help=say("group.exactly_help"), key=f"{key}_exactly")
        if st.button(label, disabled=not name, type="primary", key=f"{key}_add") and name:
            members = _distinct(rest[1]()) if rest is not None and paged else names
            _put(say, str(name).strip(), members, whole=whole)


def _distinct(names: pl.Series) -> list[str]:
    return names.drop_nulls().unique(maintain_order=True).to_list()


def _put(say: Words, name: str, members: list[str], *, whole: bool) -> None:
    def add(doing: asking.Doing) -> Outcome:
        if whole:
            return groups.add_all(
                doing.session, doing.organisation, name, members, identity=doing.identity, now=doing.now
            )
        author = Author(doing.organisation, doing.identity, doing.now)
        if name != PRIORITY and find(doing.session, doing.organisation, name) is None:
            groups.create(doing.session, author, name)
        return groups.add(doing.session, author, name, members)

    def said(outcome: Outcome) -> str:
        counts = {count: say.number(getattr(outcome, count)) for count in ("added", "removed", "unchanged")}
        return say("group.done", group=name, **counts)

    if asking.done(RIGHT, add, said=said):
        st.rerun()
