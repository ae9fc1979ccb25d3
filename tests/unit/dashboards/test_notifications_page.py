"""Notifications: rules with what became of their messages, the form, the log."""

from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.installation import installation
from dashboards.viewer import Viewer
from registry import mail, notifications
from registry.notifications import Entry, telling
from registry.people.rights import AREAS, MANAGER, READING_MANAGEMENT
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.dashboards import exporting, house
from tests.unit.dashboards.conftest import ANALYST, OWNER, messages
from tests.unit.dashboards.test_configuration import opened, press


@pytest.fixture
def registry(home: Path, vault: KeyVault) -> Registry:
    return exporting.add_rule(home)


def entry(registry: Registry, name: str = "Leaks") -> Entry:
    own = installation().vault
    with registry.begin(readonly=True) as session:
        return notifications.get(session, own, house.ORGANISATION, name)


def test_rules_are_listed_by_recipient(registry: Registry) -> None:
    rows = opened("notifications", OWNER).dataframe[0].value

    assert rows["recipient"].to_list() == ["duty@example.org", exporting.PHONE]
    first = rows.iloc[0]
    assert (first["rule_active"], first["message_subject"], first["group"]) == (True, "Leak", "Harbour")
    assert (first["frequency"], first["immediately"]) == ("Daily 12:20", True)
    assert rows["last_sent"].isna().all()


def test_what_became_of_messages_stands_beside_the_recipient_and_in_the_log(registry: Registry) -> None:
    own = installation().vault
    values = {"organisation": "Northtown", "title": "Leak", "what": "Leak", "place": "P-1", "since": "2025-11-04"}
    with registry.begin() as session:
        (held,) = telling.holding(session, house.ORGANISATION)
        people = {one.channel: one for one in telling.recipients_of(session, [held.rule_id])}
        made = {
            channel: telling.tell(session, own, one, held, "immediate", "notification", values, exporting.NOW, told=[])
            for channel, one in people.items()
        }
    assert mail.claim(registry, exporting.NOW) == made["mail"]
    mail.sent(registry, made["mail"], exporting.NOW + timedelta(minutes=1))

    rows = opened("notifications", OWNER).dataframe[0].value
    assert rows["last_sent"].fillna("").to_list() == ["2025-11-04 07:01+01:00", ""]
    assert rows["message_status"].to_list() == ["Success", "waits"]
    assert rows["reason"].to_list()[0] == "The mail server took the message"

    told = opened("notifications", OWNER, part="log").dataframe[0].value
    pairs = sorted(zip(told["channel"], told["message_status"], strict=True))
    assert pairs == [
        ("SMS", "waits"),
        ("e-mail", "Success"),
    ]
    assert "example.org" not in told.to_string()


def test_who_may_not_manage_readings_sees_no_address(registry: Registry) -> None:
    others = Viewer("local:test", house.ORGANISATION, areas={MANAGER: frozenset(AREAS) - {READING_MANAGEMENT}})
    app = opened("notifications", others)
    assert not app.dataframe
    assert "is not open to your account" in messages(app)


def test_a_rule_is_changed_switched_and_removed(registry: Registry) -> None:
    known = entry(registry)
    key = f"{known.rule_id}_1"
    app = opened("notifications", OWNER)
    assert app.text_area(key=f"recipients_{key}").value == f"duty@example.org\n{exporting.PHONE}"
    app.selectbox(key=f"often_{key}").set_value("weekly")
    app = app.run()
    app.multiselect(key=f"weekdays_{key}").set_value([1, 5])
    app.text_area(key=f"recipients_{key}").set_value("night@example.org")
    app.number_input(key=f"remind_{key}").set_value(3)
    app = press(app.run(), "Save")

    assert "The rule Leaks is saved." in messages(app)
    assert app.dataframe[0].value["recipient"].to_list() == ["night@example.org"]
    assert app.dataframe[0].value["frequency"].to_list() == ["Monday, Friday 12:20"]
    rule = entry(registry).rule
    assert (rule.remind_days, rule.info_codes, rule.group) == (3, known.rule.info_codes, "Harbour")

    app = press(app, "Deactivate")
    assert "The rule Leaks is not active any more." in messages(app)
    assert entry(registry).active_since is None
    app.button(key="remove").click().run()
    assert notifications_of(registry) == []


def test_a_rule_is_made_and_what_does_not_hold_is_said(registry: Registry) -> None:
    app = opened("notifications", OWNER, rule="+")
    app.text_input(key="name_+").set_value("Exports")
    app.multiselect(key="topics_+").set_value(["exports"])
    app.text_area(key="recipients_+").set_value("nobody")
    app = press(app.run(), "Save")
    assert "The rule is not understood: recipients" in messages(app)

    app.text_area(key="recipients_+").set_value("billing@example.org")
    app = press(app.run(), "Save")
    assert "The rule Exports is saved." in messages(app)
    assert entry(registry, "Exports").rule.topics == ("exports",)
    assert app.selectbox(key="rule").value == "Exports"


def test_a_report_is_sent_by_a_rule(registry: Registry) -> None:
    app = opened("notifications", OWNER, rule="+")
    app.text_input(key="name_+").set_value("Monthly")
    app.toggle(key="is_report_+").set_value(True)
    app.text_area(key="recipients_+").set_value("billing@example.org")
    app.selectbox(key="often_+").set_value("monthly")
    press(app.run(), "Save")
    rule = entry(registry, "Monthly").rule
    assert rule.report is not None
    assert (rule.report.kind, rule.frequency and rule.frequency.day) == ("consumption", 1)


def test_of_two_who_change_a_rule_the_second_is_told(registry: Registry) -> None:
    app = opened("notifications", OWNER)
    known = entry(registry)
    with registry.begin() as session:
        notifications.switch(
            session, house.ORGANISATION, known.rule_id, active=False, identity="local:other", now=exporting.NOW
        )
    app = app.run()
    assert "Somebody has changed this" in messages(app)
    assert "local:other changed Leaks" in messages(press(app, "Save"))


def test_whom_the_registry_does_not_know_changes_no_rule(registry: Registry) -> None:
    assert "no right for this" in messages(press(opened("notifications", ANALYST), "Deactivate"))
    assert entry(registry).active_since is not None


def notifications_of(registry: Registry) -> list[Entry]:
    own = installation().vault
    with registry.begin(readonly=True) as session:
        return notifications.listing(session, own, house.ORGANISATION)
