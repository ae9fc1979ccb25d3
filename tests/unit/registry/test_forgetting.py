"""What the outbox and the choices of former customers leave behind of people, and when it goes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from registry import mail, notifications
from registry.customers import move_out
from registry.mail import Recipient
from registry.mail.forgetting import forget_recipients, give_up_late, writers
from registry.mail.outbox import EXPIRED, LIFETIME
from registry.models import NotificationRecipient, NotificationRule, OutgoingMail
from registry.notifications import Choice
from registry.notifications.subscriptions import end_former
from tests.unit.registry.conftest import CUSTOMERS, METERS, NOW

WHO = {"identity": "local:clerk", "now": NOW}
VALUES = {"organisation": "Northtown", "link": "https://meters.example.org/x", "valid_until": "2026-01-15 17:00 CET"}
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def queue(registry, vault):
    def put(person: str = "user:1", organisation: str = "default", now=NOW) -> str:
        with registry.begin() as session:
            to = Recipient(person, "kim@example.org")
            return mail.queue(session, vault, organisation, "confirm_address", to, "en", VALUES, now)

    return put


def kept(registry) -> dict[str, tuple]:
    with registry.begin(readonly=True) as session:
        return {
            row.mail_id: (row.subject, row.state, row.recipient is None)
            for row in session.scalars(select(OutgoingMail))
        }


def test_settled_messages_name_nobody_any_more_and_the_others_are_as_they_were(registry, queue) -> None:
    old, gone, young, waits = (queue(f"user:{number}") for number in range(4))
    theirs = queue(organisation="neighbour")
    for message in (old, theirs):
        mail.sent(registry, message, NOW)
    mail.failed(registry, gone, "refused", NOW)
    mail.sent(registry, young, NOW + DAY, delivered=True)
    with registry.begin() as session:
        assert writers(session) == ["default", "neighbour"]
        assert forget_recipients(session, "default", NOW) == 0, "settled at that very instant"
        assert [forget_recipients(session, "default", NOW + DAY) for _ in range(2)] == [2, 0]
    assert kept(registry) == {
        old: ("", "sent", True),
        gone: ("", "failed", True),
        young: ("user:2", "delivered", True),
        waits: ("user:3", "queued", False),
        theirs: ("user:1", "sent", True),
    }
    assert mail.claim(registry, NOW) == waits


def test_what_nobody_sent_in_time_is_given_up_with_what_it_said(registry, queue) -> None:
    claimed = queue()
    over = NOW + LIFETIME
    assert mail.claim(registry, over - MINUTE) == claimed
    late, retried, fresh = queue(), queue(), queue(now=NOW + DAY)
    with registry.begin() as session:
        session.get_one(OutgoingMail, retried).error = "the server is away"
        assert give_up_late(session, "default", over - MINUTE) == 0
        assert give_up_late(session, "default", over) == 2
    with registry.begin(readonly=True) as session:
        errors = {row.mail_id: row.error for row in mail.entries(session, "default", state="failed")}
    assert errors == {late: EXPIRED, retried: "the server is away"}
    assert [kept(registry)[message][1:] for message in (late, retried, claimed, fresh)] == [
        ("failed", True),
        ("failed", True),
        ("queued", False),
        ("queued", False),
    ]


def test_choices_end_some_time_after_the_customer_moved_out(registry, vault, meters, customers) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    with registry.begin() as session:
        notifications.subscribe(session, vault, "default", "P1", "kim@example.org", Choice(("LEAK",)), **WHO)
        assert end_former(session, "default", NOW + DAY, NOW) == 0, "they live there"
    move_out(registry, vault, organisation="default", metering_point="P1", at=NOW, **WHO)
    with registry.begin() as session:
        assert end_former(session, "default", NOW, NOW) == 0
        assert [end_former(session, "default", NOW + DAY, NOW + DAY) for _ in range(2)] == [1, 0]
        assert [one.address for one in session.scalars(select(NotificationRecipient))] == [None]
        assert [one.removed_at for one in session.scalars(select(NotificationRule))] == [NOW + DAY]
