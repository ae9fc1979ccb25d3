"""Notifications: who is told of what by e-mail and SMS, and what became of each message."""

import polars as pl
import streamlit as st

from dashboards.components import asking, filters
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.views.operation import notification_form
from dashboards.words import Words
from registry import notifications
from registry.notifications import Entry
from registry.notifications.rules import Frequency

RIGHT, NEW = notification_form.RIGHT, notification_form.NEW
PARTS = ("rules", "log")
_MOST = 1000
_NAMED = {"rule": "notification_rule", "status": "message_status"}
"""Names of columns on the page; other things have rules and states, too."""

_SHOWN = (
    *("recipient", "rule_active", "message_subject", "group", "frequency", "immediately"),
    *("last_sent", "message_status", "reason"),
)
_LOG = (
    *("made_at", "notification_rule", "message_kind", "channel", "recipient_no", "message_status", "reason"),
    *("attempts", "next_at", "settled_at"),
)


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    part = filters.choice(
        say("notifications.part"),
        PARTS,
        key="part",
        default=PARTS[0],
        named=lambda name: say(f"notifications_part.{name}"),
    )
    if part == "log":
        _log(say)
    else:
        _rules(say)


def frequency_of(say: Words, frequency: Frequency | None) -> str | None:
    """When digests and reports are made, in words; ``None`` where there are none."""
    if frequency is None:
        return None
    at = f"{frequency.at:%H:%M}"
    if frequency.day is not None:
        return say("frequency.monthly", day=frequency.day, at=at)
    if frequency.weekdays:
        days = ", ".join(say.weekday(day) for day in sorted(set(frequency.weekdays)))
        return say("frequency.weekly", days=days, at=at)
    return say("frequency.daily", at=at)


def _rules(say: Words) -> None:
    house, vault = installation(), installation().vault
    with house.registry.begin(readonly=True) as session:
        rows = notifications.overview(session, vault, organisation(), house.settings.zone)
        entries = {one.rule.name: one for one in notifications.listing(session, vault, organisation())}
    often = {name: frequency_of(say, one.rule.frequency) for name, one in entries.items()}
    named = {"active": "rule_active", "subject": "message_subject"}
    table(
        say,
        rows.with_columns(
            frequency=pl.col("rule").replace_strict(list(often), list(often.values()), return_dtype=pl.String)
        ).rename({**_NAMED, **named}),
        key="rules",
        file_name="notifications",
        nothing=say("notifications.none"),
        shown=_SHOWN,
        values={"message_status": "message_status", "channel": "message_channel"},
        may_group=False,
    )
    name = filters.one_of(
        say("column.notification_rule"),
        [*entries, NEW],
        key="rule",
        named=lambda one: say("notifications.new") if one == NEW else one,
    )
    if name == NEW:
        notification_form.edit(say, None)
        return
    entry = seen(say, f"notification_{name}", _shown(entries[name]))
    _actions(say, entry)
    with st.container(border=True):
        notification_form.edit(say, entry)


def _shown(entry: Entry) -> Entry:
    """What of a rule a person changes; that a digest was made meanwhile is no change."""
    return Entry(entry.rule_id, entry.rule, entry.version, entry.active_since, None)


def _actions(say: Words, entry: Entry) -> None:
    name, is_active = entry.rule.name, entry.active_since is not None
    with st.container(horizontal=True):
        told = "deactivate" if is_active else "activate"
        if st.button(say(f"notifications.{told}"), icon=":material/toggle_on:", key="switch"):

            def switch(doing: Doing) -> None:
                notifications.switch(doing.session, doing.organisation, entry.rule_id, active=not is_active, **doing.by)

            said = say(f"notifications.{told}d", rule=name)
            if asking.done(RIGHT, switch, said=lambda _: said, publish=asking.publish_events):
                forget(f"notification_{name}")
                st.rerun()
        if confirmed(
            say, say("notifications.remove"), say("notifications.remove_help", rule=name), key="remove", icon="delete"
        ):

            def remove(doing: Doing) -> None:
                notifications.remove(doing.session, doing.organisation, entry.rule_id, **doing.by)

            text = say("notifications.removed", rule=name)
            if asking.done(RIGHT, remove, said=lambda _: text, publish=asking.publish_events):
                forget(f"notification_{name}")
                st.rerun()


def _log(say: Words) -> None:
    with installation().registry.begin(readonly=True) as session:
        rows = notifications.log(session, organisation(), limit=_MOST)
    table(
        say,
        rows.rename({**_NAMED, "kind": "message_kind"}).select(_LOG),
        key="log",
        file_name="notification_log",
        nothing=say("notifications.nothing_sent"),
        values={"message_status": "message_status", "message_kind": "message_kind", "channel": "message_channel"},
        may_group=False,
    )
