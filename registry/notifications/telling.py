"""What is told: the rules that hold, what recipients know, and messages with what they tell in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import read_frame
from registry.mail.kinds import Value
from registry.mail.outbox import Attachment, Channel, Recipient, queue
from registry.models import (
    Customer,
    NotificationMessage,
    NotificationRecipient,
    NotificationRule,
    NotificationTelling,
)
from registry.notifications.catalogue import rule_of
from registry.notifications.rules import Rule
from registry.residences import lived_there
from registry.subjects import unseal
from registry.vault import KeyVault
from warehouse.transforms.notifications import RULES, TELLINGS

_FEW = 5_000
"""Keys up to which the database is asked about them alone."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A rule that holds.

    Attributes:
        rule_id: Its name.
        rule: What it says, without recipients.
        metering_point: The one place that it is about, of a customer's own choice; ``None`` for all.
        active_since: Since when it holds, or the customer lives there.
        handled_until: When the last digest or report was due that was made or had nothing to tell.
    """

    rule_id: str
    rule: Rule
    metering_point: str | None
    active_since: datetime
    handled_until: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """That a message tells of an episode of an event; see :class:`registry.models.NotificationTelling`."""

    event_key: str
    episode: datetime
    turn: int
    kind: str
    metering_point: str | None


def holding(session: Session, organisation: str) -> list[Holding]:
    """The rules that hold: the utility's, and those of customers who live where they did when they chose."""
    rule = NotificationRule
    holds = (rule.organisation == organisation, rule.active_since.is_not(None), rule.removed_at.is_(None))
    own = session.scalars(select(rule).where(*holds, rule.occupancy.is_(None)).order_by(rule.rule_id))
    chosen = session.execute(
        select(rule, Customer.metering_point, Customer.occupied_from)
        .join(Customer, (Customer.organisation == rule.organisation) & (Customer.occupancy == rule.occupancy))
        .where(*holds, *lived_there(None))
        .order_by(rule.rule_id)
    )
    found = [_holding(row, None, None) for row in own]
    found += [_holding(row.NotificationRule, row.metering_point, row.occupied_from) for row in chosen]
    return found


def rules_frame(rules: Iterable[Holding]) -> pl.DataFrame:
    """Rules as :data:`warehouse.transforms.notifications.RULES` has them."""
    rows = []
    for held in rules:
        codes = held.rule.info_codes
        for topic in held.rule.topics:
            of_codes = codes if topic == "info_codes" else None
            rows += [
                (
                    held.rule_id,
                    topic,
                    code,
                    bool(of_codes and of_codes.only_high),
                    held.rule.group,
                    held.metering_point,
                    held.active_since,
                )
                for code in (of_codes.codes if of_codes and of_codes.codes else (None,))
            ]
    return pl.DataFrame(rows, schema=RULES, orient="row")


def recipients_of(session: Session, rule_ids: Sequence[str]) -> list[NotificationRecipient]:
    """Whom rules tell."""
    one = NotificationRecipient
    statement = select(one).where(one.rule_id.in_(rule_ids), one.removed_at.is_(None))
    return list(session.scalars(statement.order_by(one.rule_id, one.recipient_no)))


def tellings_of(session: Session, rule_ids: Sequence[str], keys: Sequence[str]) -> pl.DataFrame:
    """What recipients of rules were told of some events; columns of :data:`TELLINGS`."""
    told = NotificationTelling
    statement = select(
        told.rule_id, told.recipient_no, told.event_key, told.episode, told.turn, told.kind, told.told_at
    ).where(told.rule_id.in_(rule_ids))
    if len(keys) <= _FEW:
        statement = statement.where(told.event_key.in_(keys))
    return read_frame(session, statement, TELLINGS)


def tell(
    session: Session,
    vault: KeyVault,
    recipient: NotificationRecipient,
    held: Holding,
    kind: str,
    template: str,
    values: dict[str, Value],
    now: datetime,
    *,
    told: Sequence[Told] = (),
    due_at: datetime | None = None,
    attachments: Sequence[Attachment] = (),
) -> str | None:
    """Queues a message and notes what it tells, in one transaction.

    Args:
        session: A writing transaction.
        vault: Opens the recipient's address, and wraps what waits.
        recipient: To whom.
        held: The rule.
        kind: ``immediate``, ``digest`` or ``report``.
        template: Type of the message; see :data:`registry.mail.kinds.KINDS`.
        values: What it shows.
        now: The present.
        told: What it tells of.
        due_at: When it was due, of digests and reports.
        attachments: Files that go with it; text messages have none.

    Returns:
        Name of the message; ``None`` where the recipient was erased.
    """
    if recipient.address is None:
        return None
    address = unseal(session, vault, recipient.organisation, recipient.subject, recipient.address)
    if address is None:
        return None
    channel: Channel = "sms" if recipient.channel == "sms" else "mail"
    message_id = queue(
        session,
        vault,
        recipient.organisation,
        template,
        Recipient(recipient.subject, address.decode()),
        held.rule.language,
        values,
        now,
        attachments=attachments if channel == "mail" else (),
        channel=channel,
    )
    by = {"rule_id": held.rule_id, "recipient_no": recipient.recipient_no, "organisation": recipient.organisation}
    session.add(NotificationMessage(message_id=message_id, **by, kind=kind, due_at=due_at, made_at=now))
    session.add_all(
        NotificationTelling(
            **by,
            event_key=one.event_key,
            episode=one.episode,
            turn=one.turn,
            kind=one.kind,
            metering_point=one.metering_point,
            message_id=message_id,
            told_at=now,
        )
        for one in told
    )
    session.flush()
    return message_id


def handled(session: Session, rule_id: str, due_at: datetime) -> None:
    """Notes that the digest or report of a rule that was due then was made, or had nothing to tell."""
    session.get_one(NotificationRule, rule_id).handled_until = due_at
    session.flush()


def _holding(row: NotificationRule, metering_point: str | None, since: datetime | None) -> Holding:
    if row.active_since is None:
        raise ValueError("the rule does not hold")
    begun = max(row.active_since, since) if since else row.active_since
    return Holding(row.rule_id, rule_of(row), metering_point, begun, row.handled_until)
