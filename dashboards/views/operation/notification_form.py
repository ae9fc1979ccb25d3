"""The form of a notification rule: what it tells of, whom, and when."""

from datetime import time
from typing import Any, get_args

import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.seen import forget
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.words import Words
from decoders.info_codes import PRIORITIES
from registry import notifications
from registry.mail import LANGUAGES
from registry.notifications import Entry, Rule, rule_of
from registry.notifications.rules import Frequency, Report, Topic
from registry.people.rights import READING_MANAGEMENT, Right
from warehouse.queries import subjects

RIGHT = Right(READING_MANAGEMENT)
NEW = "+"
"""Choice of a rule that there is not yet."""

_OFTEN = ("never", "daily", "weekly", "monthly")
_BLANK: dict[str, object] = {"name": "x", "info_codes": {}}
_Settings = dict[str, Any]


def edit(say: Words, entry: Entry | None) -> None:
    """Draws the form.

    Args:
        say: Who reads it.
        entry: The rule as the page showed it; ``None`` for a new one.
    """
    rule = entry.rule if entry else Rule.model_validate(_BLANK)
    key = f"{entry.rule_id}_{entry.version}" if entry else NEW
    with st.container(horizontal=True):
        named = rule.name if entry else ""
        name = st.text_input(say("column.notification_rule"), named, max_chars=100, key=f"name_{key}")
        subject = st.text_input(
            say("column.message_subject"),
            rule.subject,
            max_chars=100,
            help=say("notification_form.subject_help"),
            key=f"subject_{key}",
        )
    settings: _Settings = {
        "name": str(name).strip(),
        "subject": str(subject).strip(),
        **_topics(say, rule, key),
        **_people(say, rule, key),
        **_times(say, rule, key),
    }
    settings["active"] = entry is None or entry.active_since is not None
    if st.button(say("config.save"), type="primary", icon=":material/save:", key=f"save_{key}"):
        _save(say, entry, settings)


def _topics(say: Words, rule: Rule, key: str) -> _Settings:
    """What it tells of: a report, or events."""
    kinds = list(get_args(Report.model_fields["kind"].annotation))
    forms = list(get_args(Report.model_fields["format"].annotation))
    is_report = st.toggle(say("notification_form.report"), rule.report is not None, key=f"is_report_{key}")
    if is_report:
        known = rule.report or Report(kind=kinds[0])
        with st.container(horizontal=True):
            kind = st.selectbox(
                say("notification_form.report_kind"),
                kinds,
                kinds.index(known.kind),
                format_func=lambda one: say(f"notification_report.{one}"),
                key=f"report_{key}",
            )
            form = st.selectbox(
                say("column.export_format"), forms, forms.index(known.format), format_func=str.upper, key=f"form_{key}"
            )
        return {"report": {"kind": kind, "format": form}}
    offered: list[Topic] = list(get_args(Topic))
    topics = st.multiselect(
        say("notification_form.topics"),
        offered,
        rule.topics,
        format_func=lambda one: say(f"notification_topic.{one}"),
        key=f"topics_{key}",
    )
    found: _Settings = {topic: topic in topics for topic in offered if topic != "info_codes"}
    if "info_codes" not in topics:
        return found
    known_codes = sorted({*PRIORITIES["code"], *(rule.info_codes.codes if rule.info_codes else ())})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        codes = st.multiselect(
            say("column.info_codes"),
            known_codes,
            rule.info_codes.codes if rule.info_codes else (),
            placeholder=say("notification_form.all_codes"),
            key=f"codes_{key}",
        )
        only_high = st.toggle(
            say("info_codes.only_high"), bool(rule.info_codes and rule.info_codes.only_high), key=f"high_{key}"
        )
    return {**found, "info_codes": {"codes": tuple(codes), "only_high": only_high}}


def _people(say: Words, rule: Rule, key: str) -> _Settings:
    """Whom it tells, of which meters, and in which language."""
    recipients = st.text_area(
        say("notification_form.recipients"),
        "\n".join(rule.recipients),
        height=100,
        help=say("notification_form.recipients_help"),
        key=f"recipients_{key}",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        groups = remembered(subjects.groups)["group"].to_list()
        if rule.group is not None and rule.group not in groups:
            groups.append(rule.group)
        group = st.selectbox(
            say("filter.group"),
            groups,
            groups.index(rule.group) if rule.group else None,
            placeholder=say("filter.all_points"),
            key=f"group_{key}",
        )
        language = st.selectbox(
            say("shell.language"),
            LANGUAGES,
            LANGUAGES.index(rule.language),
            format_func=lambda one: say.named("mail_language", one),
            key=f"language_{key}",
        )
    address = st.toggle(
        say("notification_form.shows_address"),
        rule.shows_address,
        help=say("notification_form.shows_address_help"),
        key=f"address_{key}",
    )
    people = tuple(line.strip() for line in str(recipients).splitlines() if line.strip())
    return {"recipients": people, "group": group, "language": language, "shows_address": address}


def _times(say: Words, rule: Rule, key: str) -> _Settings:
    """When it tells."""
    immediately = st.toggle(
        say("column.immediately"),
        rule.immediately,
        help=say("notification_form.immediately_help"),
        key=f"immediately_{key}",
    )
    known = rule.frequency
    now = "never" if known is None else "monthly" if known.day else "weekly" if known.weekdays else "daily"
    frequency: _Settings | None = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        often = st.selectbox(
            say("column.frequency"),
            _OFTEN,
            _OFTEN.index(now),
            format_func=lambda one: say(f"notification_often.{one}"),
            key=f"often_{key}",
        )
        if often != "never":
            frequency = _frequency(say, known, str(often), key)
        remind = st.number_input(
            say("notification_form.remind"),
            1,
            365,
            rule.remind_days,
            placeholder=say("notification_form.never"),
            help=say("notification_form.remind_help"),
            key=f"remind_{key}",
        )
    return {"immediately": immediately, "frequency": frequency, "remind_days": remind}


def _frequency(say: Words, known: Frequency | None, often: str, key: str) -> _Settings:
    at = st.time_input(say("job_form.at"), known.at if known else time(12), step=60, key=f"at_{key}")
    found: _Settings = {"at": f"{at or time(12):%H:%M}"}
    if often == "weekly":
        found["weekdays"] = tuple(
            st.multiselect(
                say("notification_form.weekdays"),
                range(1, 8),
                known.weekdays if known and known.weekdays else (1,),
                format_func=say.weekday,
                key=f"weekdays_{key}",
            )
        )
    if often == "monthly":
        day = known.day if known and known.day else 1
        found["day"] = st.number_input(say("notification_form.day"), 1, 31, day, key=f"day_{key}")
    return found


def _save(say: Words, entry: Entry | None, settings: _Settings) -> None:
    vault = installation().vault  # opening it writes, which the transaction below would wait for

    def save(doing: Doing) -> None:
        rule = rule_of(settings)
        if entry is None:
            notifications.add(doing.session, vault, doing.organisation, rule, **doing.by)
            return
        stored = notifications.get(doing.session, vault, doing.organisation, entry.rule_id)
        asking.unchanged(entry.version, stored.version, entry.rule_id, entry.rule.name)
        notifications.edit(
            doing.session, vault, doing.organisation, entry.rule_id, rule, version=entry.version, **doing.by
        )

    said = say("notifications.saved", rule=settings["name"])
    if asking.done(RIGHT, save, said=lambda _: said, publish=asking.publish_events):
        if entry is not None:
            forget(f"notification_{entry.rule.name}")
        st.query_params["rule"] = settings["name"]
        st.rerun()
