"""Rules of groups as people fill them in: a line per condition."""

from datetime import UTC, datetime
from typing import Any, get_args

import streamlit as st

from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.words import Words
from registry import groups
from registry.groups import Rule
from registry.groups.rules import TextCondition, TextField

TESTS = ("is", "is_not", "starts_with", "contains")
FIELDS: tuple[str, ...] = get_args(TextField)
MOST = 6
"""Conditions that a page offers; longer rules come from files."""


def stored(name: str) -> Rule:
    """The rule of a group.

    Raises:
        GroupError: There is no such group, or it has no rule.
    """
    with installation().registry.begin(readonly=True) as session:
        return groups.rule_of(session, organisation(), name)


def editor(say: Words, *, key: str, now: Rule | None = None) -> Rule | None:
    """Draws the conditions, and says how many metering points they take.

    Args:
        say: Who reads it.
        key: Unique on the page.
        now: The rule as it is.

    Returns:
        The rule that was filled in; ``None`` where a condition is missing, or one is not of this page.
    """
    known = [one for one in now.conditions if isinstance(one, TextCondition)] if now else []
    if now and (len(known) < len(now.conditions) or len(known) > MOST):
        st.info(say("rule.by_file"), icon=":material/info:")
        return None
    match = st.radio(
        say("rule.match"),
        ("all", "any"),
        index=int(bool(now and now.match == "any")),
        format_func=lambda name: say.named("rule_match", name),
        horizontal=True,
        key=f"{key}_match",
    )
    count = int(st.number_input(say("rule.conditions"), 1, MOST, max(1, len(known)), key=f"{key}_count"))
    given = [_condition(say, f"{key}_{place}", known[place] if place < len(known) else None) for place in range(count)]
    conditions = [one for one in given if one is not None]
    if len(conditions) < count:
        st.caption(say("rule.incomplete"))
        return None
    rule = Rule(match=match, conditions=tuple(conditions))
    st.caption(say("rule.takes", points=say.number(_taken(rule))))
    return rule


def _condition(say: Words, key: str, now: TextCondition | None) -> TextCondition | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        field: Any = st.selectbox(
            say("rule.field"),
            FIELDS,
            index=FIELDS.index(now.field) if now else 0,
            format_func=lambda name: say.named("rule_field", name),
            key=f"{key}_field",
        )
        test: Any = st.selectbox(
            say("rule.test"),
            TESTS,
            index=TESTS.index(now.test) if now else 0,
            format_func=lambda name: say.named("rule_test", name),
            key=f"{key}_test",
        )
        text = st.text_input(
            say("rule.values"), "; ".join(now.values) if now else "", help=say("rule.values_help"), key=f"{key}_values"
        )
    values = tuple(value.strip() for value in str(text).split(";") if value.strip())
    return TextCondition(field=field, test=test, values=values) if values else None


def _taken(rule: Rule) -> int:
    with installation().registry.begin(readonly=True) as session:
        inventory = groups.read_inventory(session, organisation())
    members = groups.rule_members(inventory, [(organisation(), "", rule)])
    return groups.present(members, datetime.now(UTC))["metering_point"].n_unique()
