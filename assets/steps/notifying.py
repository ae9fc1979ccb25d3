"""Notifying: what is news to whom becomes messages in the outbox (ALGORITHMS §8.4).

What is the matter is looked up, compared with what was told, and what is missing is queued together with the note that
it was told, in one transaction. Whoever dies before it has told nobody, and whoever looks again finds the same; whoever
dies after it has told everybody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from assets.installation import Installation
from assets.steps.describing import Event, Words
from assets.steps.notable import notable
from assets.steps.scheduled_reports import send_report
from registry.mail import Attachment
from registry.mail.kinds import Value
from registry.mail.rendering import MOST_LINES
from registry.models import NotificationRecipient, Organisation
from registry.notifications import telling
from registry.notifications.due import latest_due
from registry.notifications.telling import Holding, Told
from warehouse.formulas import shielded_texts
from warehouse.schemas import GROUP_MEMBERS
from warehouse.transforms.notifications import matching, pending

WORK = "notifying"
AT_ONCE = 20
"""Immediate messages to one recipient at a time; more events than that go in one message, as in a digest."""

_RULES = 200
"""Rules in one transaction."""


@dataclass(frozen=True, slots=True)
class Notified:
    """What was queued.

    Attributes:
        messages: Messages in all.
        events: Episodes that they tell of, each counted for each recipient.
    """

    messages: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class _Due:
    """A rule with its recipients, and when its digest is due where it is."""

    held: Holding
    people: dict[int, NotificationRecipient]
    digest_at: datetime | None


def notify(house: Installation, now: datetime) -> Notified:
    """Queues all messages that are due: immediate ones, digests and reports.

    Args:
        house: The installation.
        now: The present, UTC.

    Returns:
        What was queued. Doing it again queues nothing.
    """
    done = [Notified()]
    with house.alone(WORK):
        with house.registry.begin(readonly=True) as session:
            rules = telling.holding(session, house.organisation)
        reports = [held for held in rules if held.rule.report is not None and due_at(house, held, now) is not None]
        of_events = [held for held in rules if held.rule.report is None]
        done += [Notified(messages=send_report(house, held, now)) for held in reports]
        matched = _matched(house, of_events, now)
        told_of = set(matched["rule_id"])
        at_work = [held for held in of_events if held.rule_id in told_of or due_at(house, held, now) is not None]
        words = _words(house, matched, of_events)
        for start in range(0, len(at_work), _RULES):
            done.append(_tell(house, at_work[start : start + _RULES], matched, words, now))
    return Notified(sum(one.messages for one in done), sum(one.events for one in done))


def due_at(house: Installation, held: Holding, now: datetime) -> datetime | None:
    """When the digest or report of a rule was due that was not handled yet; ``None`` where there is none.

    Where several were missed, the last of them tells of all.
    """
    if held.rule.frequency is None:
        return None
    at = latest_due(held.rule.frequency, house.settings.zone, now)
    is_open = at >= held.active_since and (held.handled_until is None or at > held.handled_until)
    return at if is_open else None


def _matched(house: Installation, rules: Sequence[Holding], now: datetime) -> pl.DataFrame:
    topics = {topic for held in rules for topic in held.rule.topics}
    groups = sorted({held.rule.group for held in rules if held.rule.group})
    members = (
        house.lake.scan(GROUP_MEMBERS)
        .filter(organisation=house.organisation)
        .filter(pl.col("group").is_in(groups))
        .select("group", "metering_point", "meter_id", "valid_from", "valid_to")
        .collect()
    )
    return matching(notable(house, topics, now), telling.rules_frame(rules), members, now)


def _words(house: Installation, matched: pl.DataFrame, rules: Sequence[Holding]) -> Words:
    shown = [held.rule_id for held in rules if held.rule.shows_address]
    return Words.about(house, matched.with_columns(shows_address=pl.col("rule_id").is_in(shown)))


def _tell(
    house: Installation, rules: Sequence[Holding], matched: pl.DataFrame, words: Words, now: datetime
) -> Notified:
    """Queues the messages of some rules in one transaction."""
    names = [held.rule_id for held in rules]
    theirs = matched.filter(pl.col("rule_id").is_in(names))
    messages = events = 0
    vault = house.vault  # opening it takes a transaction of its own
    with house.registry.begin() as session:
        row = session.get(Organisation, house.organisation)
        title = row.name if row else house.organisation
        people = telling.recipients_of(session, names)
        remind = {held.rule_id: held.rule.remind_days for held in rules}
        reached = pl.DataFrame(
            [(one.rule_id, one.recipient_no, remind[one.rule_id]) for one in people],
            schema={"rule_id": pl.String, "recipient_no": pl.Int64, "remind_days": pl.Int64},
            orient="row",
        )
        tellings = telling.tellings_of(session, names, theirs["event_key"].unique().to_list())
        missing = pending(theirs, reached, tellings, now).partition_by("rule_id", as_dict=True)
        for held in rules:
            due = _Due(
                held,
                {one.recipient_no: one for one in people if one.rule_id == held.rule_id},
                due_at(house, held, now),
            )
            for recipient_no, kind, told in _batches(due, missing.get((held.rule_id,))):
                values = _message(words, held, told, title, single=kind == "single")
                message_id = telling.tell(
                    session,
                    vault,
                    due.people[recipient_no],
                    held,
                    "digest" if kind == "digest" else "immediate",
                    "notification" if kind == "single" else "digest",
                    values,
                    now,
                    told=[_noted(event) for event in told],
                    due_at=due.digest_at if kind == "digest" else None,
                    attachments=_attached(words, held, told),
                )
                if message_id is not None:
                    messages, events = messages + 1, events + len(told)
            if due.digest_at is not None:
                telling.handled(session, held.rule_id, due.digest_at)
    return Notified(messages, events)


def _batches(due: _Due, missing: pl.DataFrame | None) -> Iterator[tuple[int, str, list[dict[str, Any]]]]:
    """Messages of a rule: recipient, kind (``single``, ``many`` or ``digest``) and what each tells.

    What is new goes at once where the rule says so; reminders wait for the digest where there is one. A digest tells of
    what lasts, and of what is taken back.
    """
    if missing is None:
        return
    rule = due.held.rule
    is_digest = pl.lit(rule.frequency is not None) & ((pl.col("kind") == "reminded") | (not rule.immediately))
    lasts = pl.col("ended_at").is_null() | (pl.col("kind") == "retracted")
    for recipient_no in due.people:
        rows = missing.filter(recipient_no=recipient_no)
        at_once = rows.filter(~is_digest).rows(named=True)
        if len(at_once) > AT_ONCE:
            yield recipient_no, "many", at_once
        else:
            for event in at_once:
                yield recipient_no, "single", [event]
        later = rows.filter(is_digest & lasts).rows(named=True)
        if due.digest_at is not None and later:
            yield recipient_no, "digest", later


def _message(
    words: Words, held: Holding, told: Sequence[Event], organisation: str, *, single: bool
) -> dict[str, Value]:
    rule = held.rule
    about: dict[str, Value] = {"organisation": organisation, "title": rule.title}
    if single:
        return about | words.values(told[0], rule.language, shows_address=rule.shows_address)
    shown = told[:MOST_LINES]
    lines = [words.line(event, rule.language, shows_address=rule.shows_address) for event in shown]
    return about | {"count": len(told), "events": lines, "more": len(told) - len(shown) or ""}


def _attached(words: Words, held: Holding, told: Sequence[Event]) -> list[Attachment]:
    """The file with all events of a message that has more than its lines."""
    if len(told) <= MOST_LINES:
        return []
    table = words.table(told, held.rule.language, shows_address=held.rule.shows_address)
    return [Attachment("events.csv", "text/csv", shielded_texts(table).write_csv().encode())]


def _noted(event: Event) -> Told:
    return Told(event["event_key"], event["since"], event["turn"], event["kind"], event["metering_point"])
