"""Policies: the document in force, who decided what when, and another document for a reason."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from assets.installation import Installation
from assets.steps.info_codes import reprioritise
from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import explained, installation
from dashboards.viewer import organisation, viewer, words
from dashboards.views.configuration.policy_trial import trial
from dashboards.words import Words
from registry import policies
from registry.people.rights import SYSTEM_CONFIGURATION, Right
from registry.policies import Stored
from warehouse.policies import KINDS, read_policy

RIGHT = Right(SYSTEM_CONFIGURATION)
INFO_CODES = "info_codes"
"""Policy whose priorities show at once; what other policies say shows in what is reckoned from then on."""


def page() -> None:
    """Draws the page."""
    say = words()
    kind = st.selectbox(
        say("policies.kind"), list(KINDS), format_func=lambda name: say.named("policy_name", name), key="kind"
    )
    with installation().registry.begin(readonly=True) as session:
        versions = policies.history(session, organisation(), kind)
    now = seen(say, f"policy_{kind}", versions[0])
    st.markdown(_who(say, now))
    may = viewer().may(RIGHT)
    with st.container(border=True):
        text = st.text_area(
            say("policies.document"),
            now.document,
            height=420,
            disabled=not may,
            key=f"document_{kind}_{now.version}",
        )
    if may:
        _edit(say, now, str(text))
    st.subheader(say("policies.versions"))
    rows = rows_of(versions, {"version": COUNT, "known_from": WHEN, "identity": TEXT, "reason": TEXT, "document": TEXT})
    table(
        say,
        named(rows, "identity"),
        key="versions",
        file_name=f"policy_{kind}",
        nothing="",
        shown=("version", "known_from", "identity", "reason"),
    )


def _who(say: Words, now: Stored) -> str:
    if now.known_from is None:
        return say("policies.shipped")
    return say("policies.decided", version=now.version, at=say.instant(now.known_from), reason=now.reason)


def _edit(say: Words, now: Stored, text: str) -> None:
    is_tried = KINDS[now.kind].is_tried
    reason = st.text_input(say("policies.reason"), key=f"reason_{now.kind}").strip()
    untried = is_tried and st.toggle(say("policies.untried"), help=say("policies.untried_help"), key="untried")
    with st.container(horizontal=True):
        if st.button(say("policies.check"), icon=":material/rule:", key="check"):
            with explained():
                read_policy(now.kind, text)
                st.success(say("policies.understood"), icon=":material/check_circle:")
        is_same = text == now.document
        if st.button(
            say("policies.save"), type="primary", disabled=is_same or not reason, icon=":material/gavel:", key="save"
        ) and put_in_force(say, now, text, reason, untried=bool(untried)):
            st.rerun()
    if is_same or not reason:
        st.caption(say("policies.how"))
    if is_tried:
        trial(say, now.kind, text)


def put_in_force(say: Words, now: Stored, document: str, reason: str, *, untried: bool = False) -> bool:
    """Decides for a document, unless somebody else has decided since the page showed the one before.

    Args:
        say: Who reads it.
        now: The version that the page showed.
        document: YAML.
        reason: Why.
        untried: Whether it may hold though nobody ran it over past data.

    Returns:
        Whether it holds.
    """

    def decide(doing: Doing) -> int:
        stored = policies.stored(doing.session, doing.organisation, now.kind)
        asking.unchanged(now.version, stored.version, now.kind)
        return policies.decide(
            doing.session,
            doing.organisation,
            now.kind,
            document,
            reason=reason,
            **doing.by,
            untried=untried,
        )

    def said(version: int) -> str:
        return say("policies.holds", policy=say.named("policy_name", now.kind), version=version)

    with st.spinner(say("policies.saving")):
        is_done = asking.done(RIGHT, decide, said=said, publish=_publish(now.kind))
    if is_done:
        forget(f"policy_{now.kind}")
    return is_done


def _publish(kind: str) -> Callable[[Installation], None]:
    def publish(house: Installation) -> None:
        asking.publish_registry(house)
        if kind == INFO_CODES and organisation() == house.organisation:
            with house.alone("info_codes"):
                reprioritise(house, datetime.now(UTC))

    return publish
