"""The rules of an organisation: made, changed, switched on and off, removed."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, subjects
from registry.models import NotificationRecipient, NotificationRule
from registry.notifications.rules import NotificationError, Rule, channel_of
from registry.vault import KeyVault


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule in the list.

    Attributes:
        rule_id: Its name for programs.
        rule: What it says, with its recipients.
        version: To be named by who changes it.
        active_since: Since when it holds; ``None`` while it does not.
        handled_until: When the last digest or report was due that was made or had nothing to tell.
    """

    rule_id: str
    rule: Rule
    version: int
    active_since: datetime | None
    handled_until: datetime | None


def add(session: Session, vault: KeyVault, organisation: str, rule: Rule, *, identity: str, now: datetime) -> str:
    """Makes a rule.

    Args:
        session: A writing transaction.
        vault: Wraps the keys of the recipients.
        organisation: Whose.
        rule: What it says.
        identity: Who does it.
        now: Instant of the change.

    Returns:
        Name of the rule.

    Raises:
        NotificationError: The name is taken, or there is no recipient.
    """
    if not rule.recipients:
        raise NotificationError("The rule tells nobody: give recipients.")
    _require_free(session, organisation, rule.name)
    row = insert(session, organisation, rule, now)
    for number, address in enumerate(rule.recipients, 1):
        _add_recipient(session, vault, row, number, address, now)
    _note(session, row, "notification.rule.add", None, _facts(rule), identity, now)
    return row.rule_id


def insert(
    session: Session, organisation: str, rule: Rule, now: datetime, occupancy: str | None = None
) -> NotificationRule:
    """Keeps a rule without recipients."""
    row = NotificationRule(
        rule_id=secrets.token_hex(8),
        organisation=organisation,
        occupancy=occupancy,
        name=rule.name,
        document=_document(rule),
        active_since=now if rule.active else None,
        handled_until=None,
        version=1,
        changed_at=now,
        removed_at=None,
    )
    session.add(row)
    session.flush()
    return row


def edit(
    session: Session,
    vault: KeyVault,
    organisation: str,
    rule_id: str,
    rule: Rule,
    *,
    version: int | None = None,
    identity: str,
    now: datetime,
) -> None:
    """Changes a rule; whoever is among its recipients still is not told again of what they know.

    Args:
        session: A writing transaction.
        vault: Wraps the keys of the recipients.
        organisation: Whose.
        rule_id: Which rule.
        rule: What it says from now on.
        version: The version that was looked at; ``None`` changes whatever is there.
        identity: Who does it.
        now: Instant of the change.

    Raises:
        NotificationError: There is none, somebody changed it meanwhile, the name is taken, or there is no recipient.
    """
    row = _get(session, organisation, rule_id)
    if version is not None and version != row.version:
        raise NotificationError(f"The rule {row.name!r} was changed by somebody else meanwhile: look at it again.")
    if not rule.recipients:
        raise NotificationError("The rule tells nobody: give recipients.")
    if rule.name != row.name:
        _require_free(session, organisation, rule.name)
    before = _entry(session, vault, row).rule
    kept = _rows_of(session, row)
    known = {_address(session, vault, one): one for one in kept if one.removed_at is None}
    for address, one in known.items():
        if address not in rule.recipients:
            _remove_recipient(session, one, now)
    number = max((one.recipient_no for one in kept), default=0)
    for address in rule.recipients:
        if address not in known:
            number += 1
            _add_recipient(session, vault, row, number, address, now)
    row.name, row.document, row.version, row.changed_at = rule.name, _document(rule), row.version + 1, now
    if rule.active != (row.active_since is not None):
        row.active_since = now if rule.active else None
    _note(session, row, "notification.rule.edit", _facts(before), _facts(rule), identity, now)


def switch(session: Session, organisation: str, rule_id: str, *, active: bool, identity: str, now: datetime) -> None:
    """Lets a rule hold from now on, or no longer; one that holds already stays as it is.

    Raises:
        NotificationError: There is none.
    """
    row = _get(session, organisation, rule_id)
    if active == (row.active_since is not None):
        return
    row.active_since, row.version, row.changed_at = now if active else None, row.version + 1, now
    event = "notification.rule.activate" if active else "notification.rule.deactivate"
    _note(session, row, event, {"active": not active}, {"active": active}, identity, now)


def remove(session: Session, organisation: str, rule_id: str, *, identity: str, now: datetime) -> None:
    """Removes a rule and the addresses it knows; what waits for them is not sent any more.

    Raises:
        NotificationError: There is none.
    """
    row = _get(session, organisation, rule_id)
    for one in _rows_of(session, row):
        _remove_recipient(session, one, now)
    row.removed_at, row.active_since, row.version, row.changed_at = now, None, row.version + 1, now
    _note(session, row, "notification.rule.remove", {"name": row.name}, None, identity, now)


def get(session: Session, vault: KeyVault, organisation: str, named: str) -> Entry:
    """A rule, by its name or what people call it.

    Raises:
        NotificationError: There is none.
    """
    for row in _rules(session, organisation):
        if named in (row.rule_id, row.name):
            return _entry(session, vault, row)
    raise NotificationError(f"There is no rule {named!r}; 'meterhouse notification list' shows those there are.")


def listing(session: Session, vault: KeyVault, organisation: str) -> list[Entry]:
    """The rules of the utility, by what people call them."""
    return [_entry(session, vault, row) for row in _rules(session, organisation)]


def rule_of(row: NotificationRule) -> Rule:
    """What a rule says, without its recipients."""
    return Rule.model_validate_json(row.document).model_copy(update={"active": row.active_since is not None})


def _rules(session: Session, organisation: str) -> list[NotificationRule]:
    rule = NotificationRule
    statement = select(rule).where(
        rule.organisation == organisation, rule.removed_at.is_(None), rule.occupancy.is_(None)
    )
    return list(session.scalars(statement.order_by(rule.name)))


def _get(session: Session, organisation: str, rule_id: str) -> NotificationRule:
    row = session.get(NotificationRule, rule_id)
    if row is None or row.organisation != organisation or row.removed_at is not None:
        raise NotificationError(f"There is no rule {rule_id!r}; 'meterhouse notification list' shows those there are.")
    return row


def _require_free(session: Session, organisation: str, name: str) -> None:
    if any(row.name == name for row in _rules(session, organisation)):
        raise NotificationError(f"There is a rule {name!r} already: name it otherwise, or change that one.")


def _rows_of(session: Session, row: NotificationRule) -> list[NotificationRecipient]:
    one = NotificationRecipient
    return list(session.scalars(select(one).where(one.rule_id == row.rule_id).order_by(one.recipient_no)))


def _entry(session: Session, vault: KeyVault, row: NotificationRule) -> Entry:
    present = [one for one in _rows_of(session, row) if one.removed_at is None]
    addresses = tuple(address for one in present if (address := _address(session, vault, one)) is not None)
    rule = rule_of(row).model_copy(update={"recipients": addresses})
    return Entry(row.rule_id, rule, row.version, row.active_since, row.handled_until)


def _address(session: Session, vault: KeyVault, one: NotificationRecipient) -> str | None:
    """A recipient's address; ``None`` where they were removed or erased."""
    if one.address is None:
        return None
    opened = subjects.unseal(session, vault, one.organisation, one.subject, one.address)
    return None if opened is None else opened.decode()


def _add_recipient(
    session: Session, vault: KeyVault, row: NotificationRule, number: int, address: str, now: datetime
) -> None:
    add_recipient(session, vault, row, number, address, f"notification:{row.rule_id}:{number}", now)


def add_recipient(
    session: Session, vault: KeyVault, row: NotificationRule, number: int, address: str, subject: str, now: datetime
) -> None:
    """Adds a recipient whose address is kept under the key of a person."""
    session.add(
        NotificationRecipient(
            rule_id=row.rule_id,
            recipient_no=number,
            organisation=row.organisation,
            channel=channel_of(address),
            subject=subject,
            address=subjects.seal(session, vault, row.organisation, subject, address.encode(), now),
            removed_at=None,
        )
    )
    session.flush()


def _remove_recipient(session: Session, one: NotificationRecipient, now: datetime) -> None:
    """Forgets an address; with the key goes what waits for it in the outbox."""
    one.address, one.removed_at = None, one.removed_at or now
    if one.subject.startswith("notification:"):
        subjects.destroy(session, one.organisation, one.subject)


def _document(rule: Rule) -> str:
    return rule.model_dump_json(exclude={"recipients", "active"})


def _facts(rule: Rule) -> dict[str, object]:
    """What the audit log says of a rule: of its recipients the number alone."""
    told = rule.model_dump(mode="json", exclude={"recipients"}, exclude_defaults=True)
    return {**told, "name": rule.name, "active": rule.active, "recipients": len(rule.recipients)}


def _note(
    session: Session,
    row: NotificationRule,
    event: str,
    before: audit.Fields | None,
    after: audit.Fields | None,
    identity: str,
    now: datetime,
) -> None:
    audit.record(
        session,
        organisation=row.organisation,
        event=event,
        identity=identity,
        now=now,
        target=row.rule_id,
        before=before,
        after=after,
    )
