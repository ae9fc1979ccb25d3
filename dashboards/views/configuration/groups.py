"""Groups: their members, kinds, rules and readers."""

import re
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.table import table
from dashboards.viewer import organisation, tables, viewer, words
from dashboards.views.configuration import group_rules
from dashboards.words import Words
from registry import groups
from registry.groups import Author, Outcome
from registry.groups.builtin import BUILT_IN, PRIORITY
from registry.people.rights import GROUP_MANAGEMENT, Right
from warehouse.queries import groups as queries

RIGHT = Right(GROUP_MANAGEMENT)
_RENAMED = "group_renamed"


def page() -> None:
    """Draws the page."""
    say, now = words(), datetime.now(UTC)
    counts = queries.counts(tables(), organisation(), now)
    may = viewer().may(RIGHT)
    table(
        say,
        counts.rename({"kind": "group_kind"}),
        key="groups",
        file_name="groups",
        nothing=say("groups.none"),
        headings={"members": say("groups.column_members")},
        values={"group_kind": "group_kind"},
        may_group=False,
    )
    if may:
        _new(say)
    if renamed := st.session_state.pop(_RENAMED, None):
        st.session_state["group"] = renamed
    name = st.selectbox(
        say("filter.group"),
        counts["group"],
        index=None,
        placeholder=say("groups.choose"),
        key="group",
        bind="query-params",
    )
    if name is not None:
        kind = counts.filter(pl.col("group") == name)["kind"].first()
        _one(say, name, str(kind), may=may)
    _readers(say, counts["group"].to_list(), now, may=may)


def _author(doing: Doing) -> Author:
    return Author(doing.organisation, doing.identity, doing.now)


def _new(say: Words) -> None:
    with st.expander(say("groups.new"), icon=":material/group_add:"):
        name = st.text_input(say("groups.name"), key="new_name", max_chars=100).strip()
        by_rule = st.toggle(say("groups.by_rule"), help=say("groups.by_rule_help"), key="by_rule")
        rule = group_rules.editor(say, key="new_rule") if by_rule else None
        is_ready = bool(name) and (rule is not None or not by_rule)
        if st.button(say("groups.make"), type="primary", disabled=not is_ready, key="make"):

            def create(doing: Doing) -> str:
                return groups.create(doing.session, _author(doing), name, rule)

            if asking.done(RIGHT, create, said=lambda _: say("groups.made", group=name)):
                st.rerun()


def _one(say: Words, name: str, kind: str, *, may: bool) -> None:
    day = datetime.now(say.zone).date()
    members = queries.on_day(tables(), organisation(), name, day, say.zone)
    st.subheader(say("groups.members", group=name))
    chosen = table(say, members, key="members", file_name=f"group_{name}", nothing=say("groups.no_members"))
    if not may:
        return
    if kind == "manual" or name == PRIORITY:
        _members(say, name, chosen)
    if name in BUILT_IN:
        st.caption(say("groups.built_in"))
        return
    with st.container(horizontal=True):
        _rename(say, name)
        if kind != "manual":
            _rule(say, name)
        if confirmed(say, say("groups.delete"), say("groups.delete_help", group=name), key="delete", icon="delete"):

            def delete(doing: Doing) -> None:
                groups.delete(doing.session, _author(doing), name)

            if asking.done(RIGHT, delete, said=lambda _: say("groups.deleted", group=name)):
                st.rerun()


def _members(say: Words, name: str, chosen: pl.DataFrame) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_area(say("groups.add"), key="added", placeholder=say("groups.add_placeholder"), height=80)
        added = [part for part in re.split(r"[\s,;]+", text or "") if part]
        if st.button(say("groups.add_these"), disabled=not added, icon=":material/add:", key="add"):
            _change(say, name, added, removes=False)
        leaving = chosen.select(pl.coalesce("metering_point", "meter_id")).to_series().unique().to_list()
        label = say("groups.remove", rows=say.number(len(leaving)))
        if st.button(label, disabled=not leaving, icon=":material/remove:", key="remove"):
            _change(say, name, leaving, removes=True)


def _change(say: Words, name: str, names: list[str], *, removes: bool) -> None:
    def change(doing: Doing) -> Outcome:
        return (groups.remove if removes else groups.add)(doing.session, _author(doing), name, names)

    def said(outcome: Outcome) -> str:
        counts = {count: say.number(getattr(outcome, count)) for count in ("added", "removed", "unchanged")}
        return say("group.done", group=name, **counts)

    if asking.done(RIGHT, change, said=said):
        st.rerun()


def _rename(say: Words, name: str) -> None:
    with st.popover(say("groups.rename"), icon=":material/edit:"):
        new = st.text_input(say("groups.name"), name, key=f"rename_{name}", max_chars=100).strip()
        if st.button(say("config.save"), disabled=new in ("", name), key="save_name", type="primary"):

            def rename(doing: Doing) -> None:
                groups.rename(doing.session, _author(doing), name, new)

            if asking.done(RIGHT, rename, said=lambda _: say("groups.renamed", group=name, new=new)):
                st.session_state[_RENAMED] = new
                st.rerun()


def _rule(say: Words, name: str) -> None:
    read = group_rules.stored(name)
    with st.popover(say("groups.rule"), icon=":material/rule:"):
        rule = group_rules.editor(say, key=f"rule_{name}", now=read)
        if st.button(say("config.save"), disabled=rule is None or rule == read, key="save_rule", type="primary"):

            def change(doing: Doing) -> None:
                assert rule is not None  # noqa: S101  the button is off otherwise
                asking.unchanged(read, groups.rule_of(doing.session, doing.organisation, name), name)
                groups.change_rule(doing.session, _author(doing), name, rule)

            if asking.done(RIGHT, change, said=lambda _: say("groups.rule_changed", group=name)):
                st.rerun()


def _readers(say: Words, names: list[str], now: datetime, *, may: bool) -> None:
    st.subheader(say("groups.readers"))
    readers = queries.readers(tables(), organisation(), now)
    table(say, readers, key="readers", file_name="readers", nothing=say("groups.no_readers"), may_group=False)
    if not may:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        known = queries.collectors(tables(), organisation())
        collector = st.selectbox(say("groups.collector"), known, index=None, placeholder="", key="collector")
        group = st.selectbox(say("filter.group"), names, index=None, placeholder="", key="read_group")
        if st.button(say("groups.assign"), disabled=not (collector and group), key="assign"):

            def assign(doing: Doing) -> None:
                groups.assign(doing.session, _author(doing), str(collector), str(group))

            if asking.done(RIGHT, assign, said=lambda _: say("groups.assigned", collector=collector, group=group)):
                st.rerun()
        if st.button(say("groups.release"), disabled=collector not in readers["collector"].to_list(), key="release"):

            def release(doing: Doing) -> None:
                groups.release(doing.session, _author(doing), str(collector))

            if asking.done(RIGHT, release, said=lambda _: say("groups.released", collector=collector)):
                st.rerun()
