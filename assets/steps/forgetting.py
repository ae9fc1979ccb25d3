"""Forgetting: what messages leave behind of people goes after some time; that they were told, and how often, stays."""

from collections import Counter
from datetime import datetime, timedelta

from assets.installation import Installation
from assets.steps.publishing import publish_notifications
from registry import audit
from registry.mail.forgetting import forget_recipients, give_up_late, writers
from registry.notifications.subscriptions import end_former


def forget_messages(house: Installation, *, identity: str, now: datetime) -> dict[str, int]:
    """Forgets recipients of settled messages and choices of former customers, after the days of the settings.

    Messages that are too late to be sent are given up, so that what they say does not wait for ever where no server is
    set. What can still be sent stays as it is, and so does what keeps anybody from being told twice.

    Args:
        house: The installation; messages of all its organisations are looked at.
        identity: Who asks.
        now: The present.

    Returns:
        ``late`` (messages given up), ``recipients`` (messages that name nobody any more) and ``subscriptions`` (choices
        of customers who moved out), where there were any.
    """
    before = now - timedelta(days=house.settings.message_retention_days)
    total: Counter[str] = Counter()
    with house.registry.begin() as session:
        for organisation in sorted({house.organisation, *writers(session)}):
            counts = Counter(
                late=give_up_late(session, organisation, now),
                recipients=forget_recipients(session, organisation, before),
                subscriptions=end_former(session, organisation, before, now),
            )
            done = dict(+counts)
            if done:
                audit.record(
                    session, organisation=organisation, event="mail.forget", identity=identity, now=now, details=done
                )
            total += counts
    if total["late"]:
        publish_notifications(house)
    return dict(total)
