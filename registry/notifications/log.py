"""What became of messages: per rule and recipient, and per message (FEATURES NOT-01)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import Types
from registry.models import NotificationMessage, NotificationRecipient, NotificationRule, OutgoingMail
from registry.notifications.catalogue import listing
from registry.subjects import unseal
from registry.vault import KeyVault
from warehouse.schemas import NOTIFICATIONS

WAITING, SUCCESS, FAILED = "waiting", "success", "failed"
_TAKEN = {"mail": "The mail server took the message", "sms": "The SMS service took the message"}
_DELIVERED = "The SMS was delivered"

OVERVIEW: Types = {
    **dict.fromkeys(("rule", "recipient", "channel"), pl.String),
    "active": pl.Boolean,
    **dict.fromkeys(("subject", "group", "frequency"), pl.String),
    "immediately": pl.Boolean,
    **dict.fromkeys(("last_sent", "status", "reason"), pl.String),
}


def overview(session: Session, vault: KeyVault, organisation: str, zone: ZoneInfo) -> pl.DataFrame:
    """The rules of the utility with what became of the last message to each recipient.

    Args:
        session: A transaction.
        vault: Opens the addresses: show them to nobody who may not see them.
        organisation: Whose rules.
        zone: Zone that times are told in.

    Returns:
        ``rule``, ``recipient``, ``channel``, ``active``, ``subject``, ``group``, ``frequency``, ``immediately``,
        ``last_sent`` (local with its offset to UTC), ``status`` (``success``, ``failed`` or ``waiting``; null where
        there was no message) and ``reason``, by rule and recipient.
    """
    entries = {entry.rule_id: entry for entry in listing(session, vault, organisation)}
    last = _latest(session, organisation)
    one = NotificationRecipient
    people = select(one).where(one.rule_id.in_(list(entries)), one.removed_at.is_(None))
    rows = []
    for recipient in session.scalars(people.order_by(one.rule_id, one.recipient_no)):
        entry, message = entries[recipient.rule_id], last.get((recipient.rule_id, recipient.recipient_no), {})
        opened = recipient.address and unseal(session, vault, organisation, recipient.subject, recipient.address)
        rows.append(
            (
                entry.rule.name,
                opened.decode() if opened else None,
                recipient.channel,
                entry.active_since is not None,
                entry.rule.title,
                entry.rule.group,
                str(entry.rule.frequency) if entry.rule.frequency else None,
                entry.rule.immediately and entry.rule.report is None,
                _local(message.get("sent_at"), zone),
                message.get("status"),
                message.get("reason"),
            )
        )
    return pl.DataFrame(rows, schema=OVERVIEW, orient="row").sort("rule", maintain_order=True)


def log(session: Session, organisation: str | None = None, *, limit: int | None = None) -> pl.DataFrame:
    """Messages, the latest first; to whom they went is said by the number of the recipient alone.

    Args:
        session: A transaction.
        organisation: Whose; ``None`` for all.
        limit: Messages at most; ``None`` for all.

    Returns:
        Columns of the table ``notifications``.
    """
    message, mail, rule = NotificationMessage, OutgoingMail, NotificationRule
    statement = (
        select(
            message.organisation,
            message.message_id,
            message.rule_id,
            rule.name,
            message.kind,
            mail.channel,
            message.recipient_no,
            message.made_at,
            mail.state,
            mail.attempts,
            mail.next_at,
            mail.settled_at,
            mail.error,
        )
        .join(mail, mail.mail_id == message.message_id)
        .join(rule, rule.rule_id == message.rule_id)
        .order_by(message.made_at.desc(), message.message_id)
        .limit(limit)
    )
    if organisation is not None:
        statement = statement.where(message.organisation == organisation)
    return pl.DataFrame([_told(*row) for row in session.execute(statement)], schema=NOTIFICATIONS.schema, orient="row")


def _told(*row: object) -> tuple[object, ...]:
    """A row of the log from one of the database."""
    (*named, channel, recipient_no, made_at, state, attempts, next_at, settled_at, error) = row
    shown = {"failed": "dead", "queued": "retry" if error else "queued"}.get(str(state), str(state))
    status = SUCCESS if shown in ("sent", "delivered") else FAILED if error else WAITING
    reason = _DELIVERED if shown == "delivered" else _TAKEN[str(channel)] if shown == "sent" else error
    open_until = next_at if state == "queued" else None
    return (*named, channel, recipient_no, made_at, shown, attempts, open_until, settled_at, status, reason)


def _latest(session: Session, organisation: str) -> dict[tuple[str, int], dict[str, Any]]:
    """The last message to each recipient, with ``sent_at``: when one to them was taken last."""
    by = ["rule_id", "recipient_no"]
    messages = log(session, organisation)
    taken = messages.filter(status=SUCCESS).group_by(by).agg(sent_at=pl.col("settled_at").max())
    last = messages.unique(by, keep="first", maintain_order=True).join(taken, on=by, how="left")
    return {(row["rule_id"], row["recipient_no"]): row for row in last.rows(named=True)}


def _local(at: datetime | None, zone: ZoneInfo) -> str | None:
    return at.astimezone(zone).isoformat(" ", "minutes") if at else None
