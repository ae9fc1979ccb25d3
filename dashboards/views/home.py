"""What needs attention today, and the fleet at a glance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import streamlit as st

from dashboards.charts.frame import CONFIG
from dashboards.charts.outcomes import outcomes
from dashboards.components import links
from dashboards.components.outage import outage
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.page import Page
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, viewer, words
from dashboards.words import Words
from registry.exports.attention import TROUBLES, troubled
from registry.refusals import refusals
from warehouse.policies import CoveragePolicy
from warehouse.queries import attention, overview

_NAMED = 3
"""Parts of a number that are named below it."""


@dataclass(frozen=True, slots=True)
class _Item:
    """Something that waits for somebody.

    Attributes:
        name: Its texts: ``home.<name>`` and ``home.<name>_help``.
        count: How many; nothing is shown of none.
        parts: What they consist of, in words.
        page: Page that shows them.
        address: Its filter.
    """

    name: str
    count: int
    parts: list[str]
    page: str
    address: Mapping[str, str] = field(default_factory=dict)


def page() -> None:
    """Draws the page."""
    say = words()
    counts = remembered(overview.counts)
    days = remembered(overview.outcomes_by_day)
    if not counts["meters"] and days.is_empty():
        st.info(say("home.empty"), icon=":material/info:")
        st.markdown(say("home.start"))
        return
    _attention(say, days)
    _figures(say, counts)
    if days.is_empty():
        st.info(say("home.no_frames"), icon=":material/info:")
        return
    st.subheader(say("home.frames_by_day"))
    st.plotly_chart(outcomes(days, say), config=CONFIG, key="outcomes", alt=say("home.frames_by_day"))
    st.subheader(say("home.latest_files"))
    table(
        say,
        remembered(overview.latest_imports),
        key="files",
        file_name="files",
        nothing=say("home.no_frames"),
        help_texts={"waiting": say("home.waiting_help"), "damaged": say("home.damaged_help")},
    )


def _attention(say: Words, days: pl.DataFrame) -> None:
    st.subheader(say("home.attention"))
    is_out = outage(say)
    items = [item for item in _items(say, days) if item.count]
    if not items:
        if not is_out:
            st.success(say("home.nothing"), icon=":material/check_circle:")
        return
    with st.container(horizontal=True):
        for item in items:
            with st.container(border=True, width=265):
                st.metric(say(f"home.{item.name}"), say.number(item.count), help=say(f"home.{item.name}_help"))
                shown = item.parts[:_NAMED]
                if more := len(item.parts) - len(shown):
                    shown.append(say("home.more", count=say.number(more)))
                if shown:
                    st.caption(" · ".join(shown))
                links.link(item.page, say("home.show"), item.address)


def _items(say: Words, days: pl.DataFrame) -> list[_Item]:
    late = remembered(attention.late_meters)
    counts = remembered(attention.counts)
    silent = remembered(attention.silent_collectors, policy(CoveragePolicy).gap_h)
    waiting = attention.waiting_frames(days)
    newest = days["landed_day"].max()
    rejected = remembered(attention.rejected_lines, newest if isinstance(newest, date) else None)
    refused = _refused_files()
    causes = [] if late is None else list(late[1].iter_rows())
    parts = [f"{say.named('cause', cause)} {say.number(meters)}" for cause, meters in causes]
    return [
        _Item("late", sum(meters for _, meters in causes), parts, "performance"),
        _Item("high_codes", counts["high_code_meters"], [], "info_codes", {"high": "true", "active": "true"}),
        _Item("exceptions", counts["exceptions"], [], "exceptions"),
        _Item(
            "silent",
            silent.height,
            [f"{name} {say.amount(hours, 'h', 0)}" for name, _, hours in silent.iter_rows()],
            "check",
            {"serial": silent["collector"][0]} if silent.height else {},
        ),
        _Item(
            "waiting_frames",
            int(waiting["frames"].sum()),
            [f"{say.named('outcome', outcome)} {say.number(frames)}" for outcome, frames in waiting.iter_rows()],
            "meters",
            {"key_status": "missing"},
        ),
        _Item(
            "failed_files",
            rejected.height + len(refused),
            [*refused, *rejected["source_file"]],
            "imports",
        ),
        _exports(say),
    ]


def _exports(say: Words) -> _Item:
    """Files of jobs that did not arrive; they are of the organisation, not of single meters."""
    states: list[str] = []
    if viewer().meters is None:
        with installation().registry.begin(readonly=True) as session:
            states = [run.state for run in troubled(session, organisation())]
    parts = [
        f"{say.named('run_state', state)} {say.number(states.count(state))}" for state in TROUBLES if state in states
    ]
    return _Item("exports", len(states), parts, "jobs", {"part": "failed"})


def _refused_files() -> list[str]:
    """Dropped files that were refused; they are of the organisation, not of single meters."""
    if viewer().meters is not None:
        return []
    return [row.path for row in refusals(installation().registry, organisation())]


def _figures(say: Words, counts: dict[str, int]) -> None:
    st.subheader(say("home.fleet"))
    performance = remembered(overview.performance)
    shown = (
        ("metering_points", say.number(counts["metering_points"]), None),
        ("meters", say.number(counts["meters"]), None),
        ("without_key", say.number(counts["without_key"]), say("home.without_key_help")),
        ("open_info_codes", say.number(counts["open_info_codes"]), say("home.open_info_codes_help")),
        (
            "performance",
            say.percent(performance[1] / 100 if performance else None, 1),
            say("home.performance_help", day=say.date(performance[0])) if performance else say("home.no_performance"),
        ),
    )
    with st.container(horizontal=True):
        for name, value, explanation in shown:
            st.metric(say(f"home.{name}"), value, help=explanation, border=True, width=175)


PAGES = (Page("home", "home", page),)
