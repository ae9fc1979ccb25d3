"""Rules, recipients, subscriptions and the log, as the registry keeps them."""

import json
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from sqlalchemy import select

from registry import mail, notifications
from registry.customers import move_out
from registry.erasures import Request, begin, finish
from registry.errors import RegistryError
from registry.models import NotificationRecipient, NotificationRule, NotificationTelling
from registry.notifications import Choice, NotificationError, Rule, read_rule, telling
from registry.notifications.due import days_before, latest_due
from registry.notifications.rules import Frequency, InfoCodes
from registry.notifications.telling import Told
from registry.trail import Filter, events
from tests.unit.registry.conftest import CUSTOMERS, METERS, NOW, ZONE
from tests.unit.registry.migrating import migrate

KIM, PHONE = "kim@elsewhere.example", "+4587654321"
WHO = {"identity": "local:clerk", "now": NOW}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = f"""
name: Leaks in the north
info_codes:
  codes: [LEAK, BURST]
group: North
recipients: [{KIM}, "+45 87 65 43 21"]
frequency:
  at: 12:20
remind_days: 7
language: da
"""
VALUES = {"organisation": "Northtown", "title": "Leaks", "what": "Leak", "place": "P1", "since": "2026-01-15 12:00 CET"}


@pytest.fixture
def made(registry, vault):
    def make(text: str = RULE) -> str:
        with registry.begin() as session:
            return notifications.add(session, vault, "default", read_rule(text.encode()), **WHO)

    return make


def entry(registry, vault, name: str = "Leaks in the north"):
    with registry.begin(readonly=True) as session:
        return notifications.get(session, vault, "default", name)


def test_a_rule_says_what_its_file_says(registry, vault, made) -> None:
    made()
    rule = entry(registry, vault).rule
    assert rule.recipients == (KIM, PHONE)
    assert (rule.info_codes.codes, rule.group, rule.remind_days) == (("LEAK", "BURST"), "North", 7)
    assert (rule.frequency.at, str(rule.frequency)) == (time(12, 20), "Daily 12:20")
    assert (rule.topics, rule.title, rule.active) == (("info_codes",), "Leaks in the north", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: X\nrecipients: []", "tells of nothing"),
        ("name: X\ninfo_codes: {}\nimmediately: false", "never told"),
        ("name: X\ninfo_codes: {}\nreport: {kind: consumption}\nfrequency: {at: '06:00'}", "not both"),
        ("name: X\nreport: {kind: consumption}", "needs a frequency"),
        (
            f"name: X\nreport: {{kind: consumption}}\nfrequency: {{at: '06:00'}}\nrecipients: ['{PHONE}']",
            "by e-mail",
        ),
        ("name: X\nsilent_collectors: true\ngroup: North", "belong to none"),
        ("name: X\ninfo_codes: {}\nrecipients: [nobody]", "no e-mail address"),
        ("name: X\ninfo_codes: {}\nrecipients: ['+12']", "no telephone number"),
        ("name: X\ninfo_codes: {}\nlanguage: tlh", "no templates in"),
        ("name: X\ninfo_codes: {}\nfrequency: {at: '25:00'}", "frequency.at"),
        ("name: X\ninfo_codes: {}\nfrequency: {at: 1500}", "frequency.at"),
        ("name: X\ninfo_codes: {}\nfrequency: {at: '06:00', day: 1, weekdays: [1]}", "only one of them"),
        ("name: X\ninfo_codes: {}\nurgent: true", "urgent"),
        ("name: ' X'\ninfo_codes: {}", "blanks at an end"),
        ("- name", "holds no settings"),
    ],
)
def test_a_rule_that_does_not_hold_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NotificationError, match=reason) as caught:
        read_rule(text.encode())
    assert "nobody" not in str(caught.value)
    assert PHONE not in str(caught.value)


def test_addresses_lie_sealed_and_are_in_no_event(registry, vault, made, stored) -> None:
    made()
    assert KIM.encode() not in stored()
    assert PHONE.encode() not in stored()
    (event,) = [one for one in events(registry, Filter("default"), 10) if one.event == "notification.rule.add"]
    assert json.loads(event.after)["recipients"] == 2
    assert KIM not in f"{event.after}{event.details}{event.object}"


def test_who_stays_keeps_their_number_and_who_goes_leaves_nothing(registry, vault, made) -> None:
    rule_id = made()
    changed = entry(registry, vault).rule.model_copy(update={"recipients": (PHONE, "robin@elsewhere.example")})
    with registry.begin() as session:
        notifications.edit(session, vault, "default", rule_id, changed, version=1, **WHO)
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(NotificationRecipient).order_by(NotificationRecipient.recipient_no)).all()
    assert [(row.recipient_no, row.channel, row.address is None) for row in rows] == [
        (1, "mail", True),
        (2, "sms", False),
        (3, "mail", False),
    ]
    assert entry(registry, vault).rule.recipients == (PHONE, "robin@elsewhere.example")


def test_of_two_who_change_a_rule_at_once_the_second_is_told(registry, vault, made) -> None:
    rule_id, rule = made(), entry(registry, vault).rule
    with registry.begin() as session:
        notifications.edit(session, vault, "default", rule_id, rule, version=1, **WHO)
    with registry.begin() as session, pytest.raises(NotificationError, match="changed by somebody else"):
        notifications.edit(session, vault, "default", rule_id, rule, version=1, **WHO)


def test_names_are_unique_and_rules_come_and_go(registry, vault, made) -> None:
    rule_id = made()
    with pytest.raises(NotificationError, match="already"):
        made()
    with pytest.raises(NotificationError, match="tells nobody"):
        made("name: X\ninfo_codes: {}")
    with registry.begin() as session:
        notifications.switch(session, "default", rule_id, active=False, **WHO)
        assert telling.holding(session, "default") == []
        notifications.switch(session, "default", rule_id, active=True, identity="local:clerk", now=NOW + HOUR)
        (held,) = telling.holding(session, "default")
        assert held.active_since == NOW + HOUR
        notifications.remove(session, "default", rule_id, **WHO)
        assert telling.holding(session, "default") == []
        with pytest.raises(NotificationError, match="no rule"):
            notifications.switch(session, "other", rule_id, active=True, **WHO)
    with pytest.raises(NotificationError, match="no rule"):
        entry(registry, vault)
    made()


def tell(registry, vault, recipient_no: int = 1, kind: str = "opened", turn: int = 0) -> str | None:
    with registry.begin() as session:
        (held,) = telling.holding(session, "default")
        person = next(one for one in telling.recipients_of(session, [held.rule_id]) if one.recipient_no == recipient_no)
        told = [Told("info:A:LEAK", NOW, turn, kind, "P1")]
        return telling.tell(session, vault, person, held, "immediate", "notification", dict(VALUES), NOW, told=told)


def states(registry) -> list[tuple[str, str, str | None]]:
    with registry.begin(readonly=True) as session:
        return notifications.log(session, "default").select("state", "status", "reason").rows()


def test_a_message_is_tried_after_the_pauses_of_the_rule_and_then_given_up(registry, vault, made) -> None:
    made()
    message_id, at = tell(registry, vault), NOW
    assert states(registry) == [("queued", "waiting", None)]
    for pause in (5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR):
        assert mail.claim(registry, at) == message_id
        assert mail.postpone(registry, message_id, "ServiceUnavailable", at) == at + pause
        assert states(registry) == [("retry", "failed", "ServiceUnavailable")]
        assert mail.claim(registry, at + pause - MINUTE) is None
        at += pause
    assert mail.claim(registry, at) == message_id
    assert mail.postpone(registry, message_id, "ServiceUnavailable", at) is None
    assert states(registry) == [("dead", "failed", "ServiceUnavailable")]
    assert mail.claim(registry, at + 24 * HOUR) is None


def test_channels_have_queues_of_their_own(registry, vault, made) -> None:
    made()
    by_mail, by_sms = tell(registry, vault), tell(registry, vault, 2)
    assert mail.claim(registry, NOW, "sms") == by_sms
    assert mail.claim(registry, NOW, "sms") is None
    assert mail.claim(registry, NOW) == by_mail
    due = mail.compose(registry, vault, by_sms, NOW)
    assert due.address == PHONE
    assert due.content.subject == "Leaks: Leak, P1, siden 2026-01-15 12:00 CET"
    mail.sent(registry, by_sms, NOW, delivered=True)
    mail.sent(registry, by_mail, NOW)
    assert {row[0]: row[2] for row in states(registry)} == {
        "delivered": "The SMS was delivered",
        "sent": "The mail server took the message",
    }


def test_nothing_can_be_told_twice(registry, vault, made) -> None:
    """The database itself refuses it, and with it the second message."""
    made()
    tell(registry, vault)
    with pytest.raises(Exception, match=r"(?i)unique"):
        tell(registry, vault)
    assert len(states(registry)) == 1
    assert mail.claim(registry, NOW) is not None
    assert mail.claim(registry, NOW) is None


def test_the_overview_has_the_columns_of_people(registry, vault, made) -> None:
    made()
    message_id = tell(registry, vault)
    mail.claim(registry, NOW)
    mail.sent(registry, message_id, NOW)
    tell(registry, vault, 2)
    with registry.begin(readonly=True) as session:
        rows = notifications.overview(session, vault, "default", ZONE)
    first, second = rows.rows(named=True)
    assert first == {
        "rule": "Leaks in the north",
        "recipient": KIM,
        "channel": "mail",
        "active": True,
        "subject": "Leaks in the north",
        "group": "North",
        "frequency": "Daily 12:20",
        "immediately": True,
        "last_sent": "2026-01-15 13:00+01:00",
        "status": "success",
        "reason": "The mail server took the message",
    }
    assert (second["recipient"], second["last_sent"], second["status"]) == (PHONE, None, "waiting")


COPENHAGEN = ZoneInfo("Europe/Copenhagen")


@pytest.mark.parametrize(
    ("frequency", "now", "due"),
    [
        (Frequency(at="12:20"), "2026-01-15T11:19:00Z", "2026-01-14T11:20:00Z"),
        (Frequency(at="12:20"), "2026-01-15T11:20:00Z", "2026-01-15T11:20:00Z"),
        (Frequency(at="02:30"), "2026-03-29T12:00:00Z", "2026-03-29T01:30:00Z"),  # does not exist: 03:30
        (Frequency(at="02:30"), "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),  # comes twice: the first
        (Frequency(at="02:30"), "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"),
        (Frequency(at="06:00", weekdays=(1, 3)), "2026-01-16T12:00:00Z", "2026-01-14T05:00:00Z"),
        (Frequency(at="06:00", day=31), "2026-03-01T12:00:00Z", "2026-02-28T05:00:00Z"),
    ],
)
def test_a_digest_is_due_once_a_local_day(frequency: Frequency, now: str, due: str) -> None:
    assert latest_due(frequency, COPENHAGEN, datetime.fromisoformat(now)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("frequency", "first", "last"),
    [
        (Frequency(at="06:00"), date(2026, 3, 1), date(2026, 3, 1)),
        (Frequency(at="06:00", weekdays=(1,)), date(2026, 2, 23), date(2026, 3, 1)),
        (Frequency(at="06:00", day=2), date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_a_report_is_about_what_ended(frequency: Frequency, first: date, last: date) -> None:
    assert days_before(frequency, date(2026, 3, 2)) == (first, last)


def test_a_customer_chooses_and_is_told_while_they_live_there(registry, vault, meters, customers) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    with registry.begin() as session:
        for codes in (("LEAK",), ("LEAK", "BURST")):
            notifications.subscribe(session, vault, "default", "P1", KIM, Choice(codes), **WHO)
        (found,) = notifications.subscriptions(session, vault, "default", "P1")
        assert (found[2].recipients, found[2].info_codes.codes) == ((KIM,), ("LEAK", "BURST")), "the later one holds"
        (held,) = telling.holding(session, "default")
        assert held.metering_point == "P1"
        assert notifications.listing(session, vault, "default") == [], "it is no rule of the utility"
        with pytest.raises(NotificationError, match="There is no metering point P9"):
            notifications.subscribe(session, vault, "default", "P9", KIM, Choice(("LEAK",)), **WHO)
        with pytest.raises(NotificationError, match="There is no metering point P9"):
            notifications.subscriptions(session, vault, "default", "P9")
        with pytest.raises(NotificationError, match="Nothing was chosen"):
            notifications.subscribe(session, vault, "default", "P1", KIM, Choice(), **WHO)
        with pytest.raises(RegistryError, match="no telephone number"):
            notifications.subscribe(session, vault, "default", "P1", "+1", Choice(("LEAK",)), **WHO)
    assert [one.object for one in events(registry, Filter("default"), 9) if one.event == "notification.subscribe"] == [
        "P1",
        "P1",
    ]
    move_out(registry, vault, organisation="default", metering_point="P1", at=NOW, **WHO)
    with registry.begin() as session:
        assert telling.holding(session, "default") == []
        assert notifications.subscriptions(session, vault, "default", "P1") == []
        with pytest.raises(NotificationError, match="Nobody is known to live at P1"):
            notifications.subscribe(session, vault, "default", "P1", KIM, Choice(("LEAK",)), **WHO)


def test_choices_end_one_by_one_or_all_together(registry, vault, meters, customers) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    to = ("default", "P1")
    with registry.begin() as session:
        for address in (KIM, PHONE, "robin@elsewhere.example"):
            notifications.subscribe(session, vault, *to, address, Choice(("LEAK",)), **WHO)
        assert notifications.unsubscribe(session, vault, *to, address="+45 87 65 43 21", **WHO) == 1
        with pytest.raises(NotificationError, match="Nothing is chosen for this address at P1") as raised:
            notifications.unsubscribe(session, vault, *to, address=PHONE, **WHO)
        assert PHONE not in str(raised.value)
        with pytest.raises(RegistryError, match="no e-mail address"):
            notifications.unsubscribe(session, vault, *to, address="nobody", **WHO)
        assert len(notifications.subscriptions(session, vault, *to)) == 2
        assert [notifications.unsubscribe(session, vault, *to, **WHO) for _ in range(2)] == [2, 0]


def test_with_a_customer_goes_what_they_chose_and_what_waits_for_them(registry, vault, meters, customers) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    with registry.begin() as session:
        notifications.subscribe(session, vault, "default", "P1", KIM, Choice(("LEAK",)), **WHO)
    message_id = tell(registry, vault)
    move_out(registry, vault, organisation="default", metering_point="P1", at=NOW + HOUR, **WHO)
    request = Request("default", "P1", date(2000, 1, 1), date(2026, 1, 16), "request 7")
    number = begin(registry, request, **WHO)
    finish(registry, request, number, {}, vault=vault, zone=ZONE, **WHO)
    with registry.begin(readonly=True) as session:
        for table in (NotificationRule, NotificationRecipient, NotificationTelling):
            assert session.scalars(select(table)).all() == [], table.__tablename__
    assert mail.claim(registry, NOW) == message_id
    assert mail.compose(registry, vault, message_id, NOW) is None, "it cannot be opened any more"


def test_with_a_period_goes_what_was_told_of_its_place_then(registry, vault, meters, customers, made) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    made()
    tell(registry, vault)
    for last, left in ((NOW.date() - timedelta(days=1), 1), (NOW.date(), 0)):
        request = Request("default", "P1", date(2000, 1, 1), last, "request 7")
        finish(registry, request, begin(registry, request, **WHO), {}, vault=vault, zone=ZONE, **WHO)
        with registry.begin(readonly=True) as session:
            assert len(session.scalars(select(NotificationTelling)).all()) == left
            assert len(session.scalars(select(NotificationRule)).all()) == 1


def test_the_migration_goes_back_and_forth(registry, vault, made) -> None:
    made()
    for recipient_no in (1, 2):
        tell(registry, vault, recipient_no)
    migrate(registry.engine, command.downgrade, "0026")
    migrate(registry.engine, command.upgrade, "head")
    with registry.begin(readonly=True) as session:
        assert [entry.channel for entry in mail.entries(session, "default")] == ["mail"]


def test_a_rule_shows_no_address() -> None:
    rule = Rule(name="X", info_codes=InfoCodes(), recipients=(KIM,))
    assert KIM not in repr(rule)
