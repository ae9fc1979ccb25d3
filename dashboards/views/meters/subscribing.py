"""What the customer of a meter's metering point chose to be told of by e-mail and SMS: seen, added and ended."""

from typing import NamedTuple, cast

import streamlit as st
from sqlalchemy.orm import Session

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.facts import facts
from dashboards.components.seen import forget, seen
from dashboards.installation import installation
from dashboards.viewer import organisation, policy, viewer
from dashboards.views.meters import editing
from dashboards.words import Words
from decoders.info_codes import PRIORITIES
from registry import notifications
from registry.mail import LANGUAGES
from registry.mail.kinds import nearest_language
from registry.notifications import Choice, Rule
from warehouse.policies import InfoCodePolicy
from warehouse.policies.info_codes import Language
from warehouse.queries.info_codes import meaning

RIGHT = editing.RIGHT


class _Chosen(NamedTuple):
    """What a customer chose, as the page showed it.

    Attributes:
        occupancy: Who lives there; ``None`` for nobody.
        rules: Name, version and content of each choice, with its address.
    """

    occupancy: str | None
    rules: tuple[tuple[str, int, Rule], ...]


def subscriptions(say: Words, point: str, medium: str | None) -> None:
    """Draws the choices of who lives at a point, and what adds and ends them.

    Args:
        say: Who reads it.
        point: The metering point.
        medium: Medium of the meter there, whose names its info codes have.
    """
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    chosen = seen(say, _key(point), _read(point))
    if chosen.occupancy is None:
        st.info(say("subscription.nobody", point=point), icon=":material/info:")
        return
    if not chosen.rules:
        st.markdown(say("subscription.none"))
    for rule_id, _, rule in chosen.rules:
        _choice(say, point, medium, chosen, rule_id, rule)
    _new(say, point, medium, chosen)


def _read(point: str) -> _Chosen:
    vault = installation().vault
    with installation().registry.begin(readonly=True) as session:
        customer = notifications.resident(session, organisation(), point)
        found = notifications.subscriptions(session, vault, organisation(), point)
        rules = tuple((row.rule_id, row.version, rule) for row, _, rule in found)
        return _Chosen(customer.occupancy if customer else None, rules)


def _choice(say: Words, point: str, medium: str | None, chosen: _Chosen, rule_id: str, rule: Rule) -> None:
    (address,) = rule.recipients
    topics = [_named(say, medium, code) for code in (rule.info_codes.codes if rule.info_codes else ())]
    if rule.consumption_alerts:
        topics.append(say("notification_topic.consumption_alerts"))
    with st.container(border=True):
        facts(
            {
                say.heading("recipient"): address,
                say("notification_form.topics"): ", ".join(topics),
                say("notification_form.remind"): say.number(rule.remind_days) if rule.remind_days else None,
                say("shell.language"): say.named("mail_language", rule.language),
            }
        )
        question = say("subscription.end_help")
        if not confirmed(say, say("subscription.end"), question, key=f"end_{rule_id}", icon="notifications_off"):
            return

        def end(doing: Doing) -> None:
            _unchanged(doing.session, chosen, point)
            notifications.unsubscribe(
                doing.session, installation().vault, doing.organisation, point, address=address, **doing.by
            )

        if asking.done(RIGHT, end, said=lambda _: say("subscription.ended"), publish=asking.publish_events):
            forget(_key(point))
            st.rerun()


def _new(say: Words, point: str, medium: str | None, chosen: _Chosen) -> None:
    key = f"subscription_{point}_{'_'.join(rule_id for rule_id, *_ in chosen.rules)}"
    with st.form(key):
        st.markdown(f"**{say('subscription.new')}**")
        address = st.text_input(
            say.heading("recipient"), max_chars=254, help=say("subscription.to_help"), key=f"{key}_to"
        )
        codes = st.multiselect(
            say("column.info_codes"),
            sorted(set(PRIORITIES["code"])),
            format_func=lambda code: _named(say, medium, code),
            key=f"{key}_codes",
        )
        alerts = st.toggle(say("notification_topic.consumption_alerts"), key=f"{key}_alerts")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            language = st.selectbox(
                say("shell.language"),
                LANGUAGES,
                LANGUAGES.index(nearest_language(viewer().language)),
                format_func=lambda one: say.named("mail_language", one),
                key=f"{key}_language",
            )
            remind = st.number_input(
                say("notification_form.remind"),
                1,
                365,
                None,
                placeholder=say("notification_form.never"),
                help=say("notification_form.remind_help"),
                key=f"{key}_remind",
            )
        sent = st.form_submit_button(say("subscription.add"), type="primary", icon=":material/add_alert:")
    if not sent:
        return
    choice = Choice(tuple(codes), alerts, str(language), remind)
    vault = installation().vault  # opening it writes, which the transaction below would wait for

    def add(doing: Doing) -> None:
        _unchanged(doing.session, chosen, point)
        notifications.subscribe(
            doing.session, vault, doing.organisation, point, str(address).strip(), choice, **doing.by
        )

    if asking.done(RIGHT, add, said=lambda _: say("subscription.added"), publish=asking.publish_events):
        forget(_key(point))
        st.rerun()


def _unchanged(session: Session, chosen: _Chosen, point: str) -> None:
    """Refuses what was decided on other choices, or for somebody who has moved out meanwhile."""
    customer = notifications.resident(session, organisation(), point)
    rows = notifications.subscriptions(session, installation().vault, organisation(), point)
    shown = (chosen.occupancy, [(rule_id, version) for rule_id, version, _ in chosen.rules])
    stored = (customer.occupancy if customer else None, [(row.rule_id, row.version) for row, *_ in rows])
    asking.unchanged(shown, stored, point)


def _key(point: str) -> str:
    return f"subscriptions_{point}"


def _named(say: Words, medium: str | None, code: str) -> str:
    """An info code as people and as meters call it."""
    name = meaning(policy(InfoCodePolicy), medium, code, cast("Language", say.language))[1]
    return code if name == code else f"{name} ({code})"
