"""What customers chose to be told of about the place where they live (FEATURES INFO-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit, subjects
from registry.models import (
    Customer,
    MeteringPoint,
    NotificationMessage,
    NotificationRecipient,
    NotificationRule,
    NotificationTelling,
)
from registry.notifications.catalogue import add_recipient, insert, rule_of
from registry.notifications.rules import InfoCodes, NotificationError, Rule, checked
from registry.residences import lived_there
from registry.vault import KeyVault

_NAME = "Subscription"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a customer chose.

    Attributes:
        codes: Info codes, such as ``LEAK``.
        consumption_alerts: Whether consumption alerts of the place are told.
        language: Language of the messages.
        remind_days: After so many days it is told again, while it lasts; ``None`` for never.
    """

    codes: Sequence[str] = ()
    consumption_alerts: bool = False
    language: str = "en"
    remind_days: int | None = None


def subscribe(
    session: Session,
    vault: KeyVault,
    organisation: str,
    metering_point: str,
    address: str,
    choice: Choice,
    *,
    identity: str,
    now: datetime,
) -> str:
    """Keeps what the customer who lives at a point chose for an address; an earlier choice for it ends.

    The address is kept under the customer's key: it goes when they are erased. Once they move out, nothing is told.

    Args:
        session: A writing transaction.
        vault: Wraps the customer's key.
        organisation: Owner of the point.
        metering_point: Where they live.
        address: E-mail address or telephone number.
        choice: What they are told of.
        identity: Who does it.
        now: Instant of the change.

    Returns:
        Name of the subscription.

    Raises:
        NotificationError: There is no such point, nobody lives there, or nothing was chosen.
        RegistryError: The address is none.
    """
    customer = resident(session, organisation, metering_point)
    if customer is None:
        raise NotificationError(f"Nobody is known to live at {metering_point}: there is no one to be told.")
    if not choice.codes and not choice.consumption_alerts:
        raise NotificationError("Nothing was chosen: name info codes, or consumption alerts.")
    plain = checked(address)
    for row, one in _of(session, organisation, customer.occupancy):
        if one.address is not None and _opened(session, vault, one) == plain:
            _end(row, one, now)
    rule = Rule(
        name=_NAME,
        info_codes=InfoCodes(codes=tuple(choice.codes)) if choice.codes else None,
        consumption_alerts=choice.consumption_alerts,
        language=choice.language,
        remind_days=choice.remind_days,
    )
    row = insert(session, organisation, rule, now, occupancy=customer.occupancy)
    subject = f"customer:{customer.metering_point}:{customer.occupancy}"
    add_recipient(session, vault, row, 1, plain, subject, now)
    _note(session, row, metering_point, "notification.subscribe", identity, now)
    return row.rule_id


def unsubscribe(
    session: Session,
    vault: KeyVault,
    organisation: str,
    metering_point: str,
    *,
    address: str | None = None,
    identity: str,
    now: datetime,
) -> int:
    """Ends what the customer who lives at a point chose.

    Args:
        session: A writing transaction.
        vault: Opens the addresses.
        organisation: Owner of the point.
        metering_point: Where they live.
        address: The choice for this address; ``None`` for all of them.
        identity: Who does it.
        now: Instant of the change.

    Returns:
        How many there were.

    Raises:
        NotificationError: There is no such point, or no choice for the address.
        RegistryError: The address is none.
    """
    plain = None if address is None else checked(address)
    ended = 0
    for row, one, rule in subscriptions(session, vault, organisation, metering_point):
        if plain is None or rule.recipients == (plain,):
            _end(row, one, now)
            _note(session, row, metering_point, "notification.unsubscribe", identity, now)
            ended += 1
    if plain is not None and not ended:
        raise NotificationError(f"Nothing is chosen for this address at {metering_point}.")
    return ended


def subscriptions(
    session: Session, vault: KeyVault, organisation: str, metering_point: str
) -> list[tuple[NotificationRule, NotificationRecipient, Rule]]:
    """The choices of who lives at a point, the oldest first; the rules with the address they go to.

    Raises:
        NotificationError: There is no such point.
    """
    customer = resident(session, organisation, metering_point)
    found = []
    for row, one in _of(session, organisation, customer.occupancy) if customer else ():
        if (address := _opened(session, vault, one)) is not None:
            found.append((row, one, rule_of(row).model_copy(update={"recipients": (address,)})))
    return found


def resident(session: Session, organisation: str, metering_point: str) -> Customer | None:
    """The customer who lives at a point; ``None`` where nobody is known to.

    Raises:
        NotificationError: There is no such point.
    """
    if session.get(MeteringPoint, (organisation, metering_point)) is None:
        raise NotificationError(f"There is no metering point {metering_point}.")
    return session.scalar(
        select(Customer).where(
            Customer.organisation == organisation, Customer.metering_point == metering_point, *lived_there(None)
        )
    )


def end_former(session: Session, organisation: str, before: datetime, now: datetime) -> int:
    """Ends the choices of customers who have moved out, with the addresses; that they were told stays known.

    Args:
        session: A writing transaction.
        organisation: Owner of the points.
        before: Of those who moved out before this instant, UTC.
        now: Instant of the change.

    Returns:
        How many.
    """
    rule, one, who = NotificationRule, NotificationRecipient, Customer
    statement = (
        select(rule, one)
        .join(one, one.rule_id == rule.rule_id)
        .join(who, (who.organisation == rule.organisation) & (who.occupancy == rule.occupancy))
        .where(rule.organisation == organisation, one.removed_at.is_(None), who.occupied_to < before)
    )
    ended = session.execute(statement).all()
    for row in ended:
        _end(row.NotificationRule, row.NotificationRecipient, now)
    return len(ended)


def forget(
    session: Session, organisation: str, metering_point: str, occupancies: Sequence[str], start: datetime, end: datetime
) -> None:
    """Forgets the choices of former customers, and what was told of a point in the time that is erased.

    Args:
        session: The transaction of the erasure.
        organisation: Owner of the point.
        metering_point: The place.
        occupancies: Occupancies that are erased.
        start: Start of the time, UTC.
        end: Its end, UTC, exclusive.
    """
    rules = select(NotificationRule.rule_id).where(
        NotificationRule.organisation == organisation, NotificationRule.occupancy.in_(occupancies)
    )
    for model in (NotificationTelling, NotificationMessage, NotificationRecipient, NotificationRule):
        session.execute(delete(model).where(model.rule_id.in_(rules)).execution_options(synchronize_session=False))
    told = NotificationTelling
    session.execute(
        delete(told)
        .where(
            told.organisation == organisation,
            told.metering_point == metering_point,
            told.episode >= start,
            told.episode < end,
        )
        .execution_options(synchronize_session=False)
    )


def _of(session: Session, organisation: str, occupancy: str) -> list[tuple[NotificationRule, NotificationRecipient]]:
    rule, one = NotificationRule, NotificationRecipient
    statement = (
        select(rule, one)
        .join(one, one.rule_id == rule.rule_id)
        .where(
            rule.organisation == organisation,
            rule.occupancy == occupancy,
            rule.removed_at.is_(None),
            one.removed_at.is_(None),
        )
        .order_by(rule.changed_at, rule.rule_id)
    )
    return [(row.NotificationRule, row.NotificationRecipient) for row in session.execute(statement)]


def _opened(session: Session, vault: KeyVault, one: NotificationRecipient) -> str | None:
    if one.address is None:
        return None
    opened = subjects.unseal(session, vault, one.organisation, one.subject, one.address)
    return None if opened is None else opened.decode()


def _end(row: NotificationRule, one: NotificationRecipient, now: datetime) -> None:
    one.address, one.removed_at = None, now
    row.removed_at, row.active_since, row.version, row.changed_at = now, None, row.version + 1, now


def _note(
    session: Session, row: NotificationRule, metering_point: str, event: str, identity: str, now: datetime
) -> None:
    """Where, and not to which address or about what: that is the customer's own."""
    audit.record(
        session,
        organisation=row.organisation,
        event=event,
        identity=identity,
        now=now,
        target=metering_point,
        details={"subscription": row.rule_id},
    )
