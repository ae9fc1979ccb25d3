"""Notifications: who is told of what, and what became of it (ALGORITHMS §8.4).

A rule says what it is about and whom it tells. What was told of which event to whom is kept with the message itself,
in one transaction, so that nothing is told twice and nothing is lost; the message waits in the outbox of
:mod:`registry.mail`.
"""

from registry.notifications.catalogue import Entry, add, edit, get, listing, remove, switch
from registry.notifications.log import log, overview
from registry.notifications.rules import NotificationError, Rule, read_rule, rule_of
from registry.notifications.subscriptions import Choice, resident, subscribe, subscriptions, unsubscribe

__all__ = [
    "Choice",
    "Entry",
    "NotificationError",
    "Rule",
    "add",
    "edit",
    "get",
    "listing",
    "log",
    "overview",
    "read_rule",
    "remove",
    "resident",
    "rule_of",
    "subscribe",
    "subscriptions",
    "switch",
    "unsubscribe",
]
