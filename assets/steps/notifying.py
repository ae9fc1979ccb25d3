"""Notifying: what is news to whom becomes messages in the outbox (ALGORITHMS §8.4).

What is the matter is looked up, compared with what was told, and what is missing is queued together with the note that
it was told, in one transaction. Whoever dies before it has told nobody, and whoever looks again finds the same; whoever
dies after it has told everybody.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.describing import Event, Words
from assets.steps.notable import notable
from assets.steps.scheduled_reports import send_report
from registry.errors import RegistryError
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

_RULES = 500
"""Rules that are looked at together."""

_Batch = tuple[int, str, list[dict[str, Any]]]
"""A message: recipient, kind (``single``, ``many`` or ``digest``) and the events that it tells."""


@dataclass(frozen=True, slots=True)
class Notified:
    """What was queued.

    Attributes:
        messages: Messages in all.
        events: Episodes that they tell of, each counted for each recipient.
        failures: Rules that could not tell what they have to, and why; the others have.
    """

    messages: int = 0
    events: int = 0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a rule has to tell.

    Attributes:
        held: The rule.
        people: Its recipients by their numbers.
        digest_at: When the digest was due that is made now; ``None`` where none is.
        batches: Messages.
    """

    held: Holding
    people: dict[int, NotificationRecipient]
    digest_at: datetime | None
    batches: list[_Batch]


def notify(house: Installation, now: datetime) -> Notified:
    """Queues all messages that are due: immediate ones, digests and reports; those of each rule in one transaction.

    Args:
        house: The installation.
        now: The present, UTC.

    Returns:
        What was queued. Doing it again queues nothing but what failed.
    """
    with house.alone(WORK):
        with house.registry.begin(readonly=True) as session:
            rules = telling.holding(session, house.organisation)
        reports = [held for held in rules if held.rule.report is not None and due_at(house, held, now) is not None]
        of_events = [held for held in rules if held.rule.report is None]
        matched = _matched(house, of_events, now)
        words = _words(house, matched, of_events)
        told = [
            _tried(held, partial(_tell, house, held, matched, words, now))
            for held in _pressing(house, of_events, matched, now)
        ]
        told += [_tried(held, partial(_report, house, held, now)) for held in reports]
    return Notified(
        sum(one.messages for one in told),
        sum(one.events for one in told),
        tuple(failure for one in told for failure in one.failures),
    )


def _tried(held: Holding, work: Callable[[], Notified]) -> Notified:
    """What came of a rule; one that fails keeps no other from telling what it has to."""
    try:
        return work()
    except RegistryError as exc:
        return Notified(failures=(f"{held.rule.name}: {exc}",))


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


def _pressing(house: Installation, rules: Sequence[Holding], matched: pl.DataFrame, now: datetime) -> Iterator[Holding]:
    """Rules that have something to tell, or to note; nobody who writes waits for the others."""
    told_of = set(matched["rule_id"])
    looked_at = [held for held in rules if held.rule_id in told_of or due_at(house, held, now) is not None]
    for start in range(0, len(looked_at), _RULES):
        with house.registry.begin(readonly=True) as session:
            plans = _plans(session, house, looked_at[start : start + _RULES], matched, now)
        yield from (plan.held for plan in plans if plan.batches or plan.digest_at is not None)


def _tell(house: Installation, held: Holding, matched: pl.DataFrame, words: Words, now: datetime) -> Notified:
    """Queues the messages of a rule in one transaction, in which it is looked up anew what was told."""
    messages = events = 0
    vault = house.vault  # opening it takes a transaction of its own
    with house.registry.begin() as session:
        row = session.get(Organisation, house.organisation)
        title = row.name if row else house.organisation
        (plan,) = _plans(session, house, [held], matched, now)
        for recipient_no, kind, told in plan.batches:
            message_id = telling.tell(
                session,
                vault,
                plan.people[recipient_no],
                held,
                "digest" if kind == "digest" else "immediate",
                "notification" if kind == "single" else "digest",
                _message(words, held, told, title, single=kind == "single"),
                now,
                told=[_noted(event) for event in told],
                due_at=plan.digest_at if kind == "digest" else None,
                attachments=_attached(words, held, told),
            )
            if message_id is not None:
                messages, events = messages + 1, events + len(told)
        if plan.digest_at is not None:
            telling.handled(session, held.rule_id, plan.digest_at)
    return Notified(messages, events)


def _report(house: Installation, held: Holding, now: datetime) -> Notified:
    return Notified(send_report(house, held, now))


def _plans(
    session: Session, house: Installation, rules: Sequence[Holding], matched: pl.DataFrame, now: datetime
) -> list[_Plan]:
    """What rules have to tell, by what their recipients know."""
    remind = {held.rule_id: held.rule.remind_days for held in rules}
    theirs = matched.filter(pl.col("rule_id").is_in(list(remind)))
    people: dict[str, dict[int, NotificationRecipient]] = {name: {} for name in remind}
    for one in telling.recipients_of(session, list(remind)):
        people[one.rule_id][one.recipient_no] = one
    reached = pl.DataFrame(
        [(name, number, remind[name]) for name, numbers in people.items() for number in numbers],
        schema={"rule_id": pl.String, "recipient_no": pl.Int64, "remind_days": pl.Int64},
        orient="row",
    )
    tellings = telling.tellings_of(session, list(remind), theirs["event_key"].unique().to_list())
    missing = pending(theirs, reached, tellings, now).partition_by("rule_id", as_dict=True)
    plans = []
    for held in rules:
        digest_at = due_at(house, held, now)
        found = missing.get((held.rule_id,))
        batches = [] if found is None else list(_batches(held, digest_at, found))
        plans.append(_Plan(held, people[held.rule_id], digest_at, batches))
    return plans


def _batches(held: Holding, digest_at: datetime | None, missing: pl.DataFrame) -> Iterator[_Batch]:
    """Messages of a rule.

    What is new goes at once where the rule says so; reminders wait for the digest where there is one. A digest tells of
    what lasts, and of what is taken back.
    """
    rule = held.rule
    is_digest = pl.lit(rule.frequency is not None) & ((pl.col("kind") == "reminded") | (not rule.immediately))
    lasts = pl.col("ended_at").is_null() | (pl.col("kind") == "retracted")
    for recipient_no in missing["recipient_no"].unique().sort():
        rows = missing.filter(recipient_no=recipient_no)
        at_once = rows.filter(~is_digest).rows(named=True)
        if len(at_once) > AT_ONCE:
            yield recipient_no, "many", at_once
        else:
            yield from ((recipient_no, "single", [event]) for event in at_once)
        later = rows.filter(is_digest & lasts).rows(named=True)
        if digest_at is not None and later:
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
