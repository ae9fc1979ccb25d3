"""The letters that people get, queued in the transaction of what they tell of: links, and batches meant for them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.mail.kinds import moment
from registry.mail.outbox import Recipient, queue
from registry.models import Batch, Organisation, User, UserRole
from registry.people.rights import KEYS, SUPERUSER
from registry.people.sessions import may_sign_in
from registry.people.tokens import ACTIVATION, INVITATION, LETTERS, RESET, Issued
from registry.vault import KeyVault

_PATHS = {ACTIVATION: "activate", INVITATION: "activate", RESET: "reset"}


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters with links are written.

    Attributes:
        vault: Wraps the keys of the recipients.
        address: Address under which people reach the door, without a final slash.
        zone: Zone that times are told in.
    """

    vault: KeyVault
    address: str
    zone: ZoneInfo

    def send(self, session: Session, organisation: str, issued: Issued, now: datetime, inviter: str = "") -> None:
        """Queues the letter of a link.

        Args:
            session: The transaction that makes the link.
            organisation: Who writes.
            issued: The link.
            now: Instant of the change.
            inviter: Full name of who invites, or empty.
        """
        values: dict[str, str | int] = {
            "name": issued.name,
            "organisation": _title(session, organisation),
            "link": link(self.address, issued),
            "valid_until": moment(issued.expires_at, self.zone),
        }
        if issued.purpose == INVITATION:
            values["inviter"] = inviter
        queue(
            session,
            self.vault,
            organisation,
            LETTERS[issued.purpose],
            Recipient(f"user:{issued.user_id}", issued.email, issued.name),
            issued.language,
            values,
            now,
            expires_at=issued.expires_at,
        )

    def tell_of_batch(self, session: Session, batch: Batch, devices: int, now: datetime) -> None:
        """Queues a letter to each person of the target organisation who may claim the batch.

        Args:
            session: The transaction that makes the batch.
            batch: The batch.
            devices: Number of its devices.
            now: Instant of the change.
        """
        holders = select(UserRole.user_id).where(
            UserRole.service == KEYS, UserRole.role == SUPERUSER, UserRole.ended_at.is_(None)
        )
        people = select(User).where(User.organisation == batch.target, User.id.in_(holders)).order_by(User.id)
        values: dict[str, str | int] = {
            "organisation": _title(session, batch.organisation),
            "batch": batch.batch,
            "devices": devices,
            "label": batch.label or "",
            "needs_confirmation": "yes" if batch.needs_confirmation else "",
        }
        for user in filter(may_sign_in, session.scalars(people)):
            recipient = Recipient(f"user:{user.id}", user.email or "", user.name or "")
            told = values | {"name": recipient.name}
            queue(session, self.vault, batch.organisation, "new_batch", recipient, user.language, told, now)


def _title(session: Session, organisation: str) -> str:
    row = session.get(Organisation, organisation)
    return row.name if row else organisation


def link(address: str, issued: Issued) -> str:
    """What opens the page that takes a token."""
    return f"{address}/{_PATHS[issued.purpose]}?token={quote(issued.token, safe='')}"
